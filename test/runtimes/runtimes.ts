import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { installSeparately, ROOT } from '../support/separate-packages.ts'

/** The runtimes are installed separately, and only when they are tested. */
const HOME = join(ROOT, '.runtimes')
const MANIFEST = join(ROOT, 'test/runtimes/packages')

export type RuntimeName = 'node20' | 'node22' | 'node24' | 'node26' | 'bun' | 'deno'

export interface Runtime {
  readonly name: RuntimeName
  readonly binary: string
  readonly version: string
  /** The variant of its JUnit reports. */
  readonly reports: 'node' | 'bun' | 'deno'
  /**
   * @param report the path of the JUnit report that the command writes
   * @param skipped patterns of test names to skip. Deno gets them in `$HAWSER_SKIP`; Node needs
   * none
   * @returns the command line for one test file
   */
  command(file: string, report: string, skipped: readonly string[]): string[]
}

type Command = Runtime['command']

/** In ms, for a test on Bun. On Node, only the limit of the file applies. */
const TEST_LIMIT = 10_000

const nodeCommand: Command = (file, report) => [
  '--enable-source-maps',
  '--test-reporter=junit',
  `--test-reporter-destination=${report}`,
  file,
]

/** Bun joins the names of suites and tests with a space. The report and the patterns use ` > `. */
const bunCommand: Command = (file, report, skipped) => [
  'test',
  ...skipped.slice(0, 1).map(() => `--test-name-pattern=^(?!.*(?:${bunNames(skipped)}))`),
  `--timeout=${TEST_LIMIT}`,
  '--reporter=junit',
  `--reporter-outfile=${report}`,
  `./${file}`,
]

function bunNames(patterns: readonly string[]): string {
  return patterns.join('|').replaceAll(' > ', ' ').replaceAll('^', '')
}

/** Deno has no time limit for tests, so `deno-test.ts` adds one. */
const denoCommand: Command = (file, report) => [
  'test',
  '--allow-all',
  '--no-check',
  '--v8-flags=--expose-gc',
  `--import-map=${join(ROOT, 'test/runtimes/deno-imports.json')}`,
  `--junit-path=${report}`,
  file,
]

/**
 * The binaries in the packages for each platform. The packages `node`, `bun` and `deno` are not
 * used, because they need install scripts.
 */
const platform = `${process.platform}-${process.arch}`
const bunPlatform = platform.replace('arm64', 'aarch64')
const BINARIES: Record<RuntimeName, { path: string; command: Command }> = {
  node20: { path: `node20-${platform}/bin/node`, command: nodeCommand },
  node22: { path: `node22-${platform}/bin/node`, command: nodeCommand },
  node24: { path: `node24-${platform}/bin/node`, command: nodeCommand },
  node26: { path: `node26-${platform}/bin/node`, command: nodeCommand },
  bun: { path: `@oven/bun-${bunPlatform}/bin/bun`, command: bunCommand },
  deno: { path: `@deno/${platform}-glibc/deno`, command: denoCommand },
}

export const RUNTIME_NAMES = Object.keys(BINARIES) as RuntimeName[]

/** Installs the runtimes if they are missing or outdated. */
export function install(): void {
  installSeparately(HOME, MANIFEST, 'runtimes (1 GB)')
}

/**
 * @throws Error if the runtime does not start, for example because the platform is not supported
 */
export function runtime(name: RuntimeName): Runtime {
  const { path, command } = BINARIES[name]
  const binary = join(HOME, 'node_modules', path)
  const { stdout, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  const version = /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0]
  if (version === undefined) throw new Error(`${name} does not start: ${error?.message ?? binary}`)
  const reports = name === 'bun' || name === 'deno' ? name : 'node'
  return { name, binary, version, reports, command }
}
