import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of the project. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Installed apart from what the project itself needs, and only when the runtimes are tested. */
const HOME = join(ROOT, '.runtimes')
const MANIFEST = join(ROOT, 'test/runtimes/packages')

export type RuntimeName = 'node20' | 'node22' | 'node24' | 'node26' | 'bun' | 'deno'

export interface Runtime {
  readonly name: RuntimeName
  readonly binary: string
  readonly version: string
  /** Whose way of writing JUnit reports it has. */
  readonly reports: 'node' | 'bun' | 'deno'
  /**
   * @returns the command line for one file of tests, and where its JUnit report will be.
   * @param skipped patterns of names; on Deno `$HAWSER_SKIP` has them, too, and on Node none hangs
   */
  command(file: string, report: string, skipped: readonly string[]): string[]
}

type Command = Runtime['command']

/** On Bun and Deno a test that takes longer has failed; on Node it is the whole file's limit that ends it. */
const TEST_LIMIT = 10_000

const nodeCommand: Command = (file, report) => [
  '--enable-source-maps',
  '--test-reporter=junit',
  `--test-reporter-destination=${report}`,
  file,
]

/** Joins names by a blank, where the report and the patterns have ` > `. */
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

/** `deno-test.ts` gives each test its time limit, which Deno has not. */
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
 * The binaries themselves, out of the packages for each platform: `node`, `bun` and `deno` would
 * bring them into place by install scripts.
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

/** Installs what is missing. */
export function install(): void {
  const lock = (folder: string) => readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const complete =
    existsSync(join(HOME, 'node_modules/.package-lock.json')) && lock(HOME) === lock(MANIFEST)
  if (complete) return
  console.error('hawser: installing runtimes into .runtimes/ (1 GB)')
  mkdirSync(HOME, { recursive: true })
  // Not `npm ci`, which wants every platform's packages in the lock; a registry may lack some.
  copyFileSync(join(MANIFEST, 'package.json'), join(HOME, 'package.json'))
  copyFileSync(join(MANIFEST, 'package-lock.json'), join(HOME, 'package-lock.json'))
  const { status } = spawnSync(
    'npm install --no-save --ignore-scripts --no-fund --no-audit --loglevel=error',
    {
      cwd: HOME,
      shell: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  if (status !== 0) throw new Error(`installing runtimes failed: npm ended with status ${status}`)
}

/** @throws Error if it does not start: there may be none for this platform. */
export function runtime(name: RuntimeName): Runtime {
  const { path, command } = BINARIES[name]
  const binary = join(HOME, 'node_modules', path)
  const { stdout, error } = spawnSync(binary, ['--version'], { encoding: 'utf8' })
  const version = /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0]
  if (version === undefined) throw new Error(`${name} does not start: ${error?.message ?? binary}`)
  const reports = name === 'bun' || name === 'deno' ? name : 'node'
  return { name, binary, version, reports, command }
}
