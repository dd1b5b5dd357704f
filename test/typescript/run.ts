// `npm run test:typescript [-- --short | VERSIONS]`: compiles a program that uses the published
// package, with the versions of TypeScript that the package supports. `--short` takes only the
// oldest and the newest.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { installSeparately, ROOT } from '../support/separate-packages.ts'

const HOME = join(ROOT, '.typescript')
const SOURCE = join(ROOT, 'test/typescript')
const VERSIONS = ['5.7', '5.8', '5.9', '6.0', '7.0']
const LIBRARIES = { 'with DOM types': ['es2022', 'dom'], 'without DOM types': ['es2022'] }
/** Dependencies of the package whose types it uses. */
const DEPENDENCIES = ['tough-cookie', 'tldts', 'tldts-core']

/** These parts of the sources are not declared. In this checkout they are, so this is a text. */
const INTERNALS = `
// @ts-expect-error
new ConnectionPool({}, false)
// @ts-expect-error
new Client().buildRequest('GET', 'http://h').callSettings
`

/** How a program loads the package. */
interface Mode {
  readonly name: string
  readonly files: readonly string[]
  options(version: string): object
}

const modes: readonly Mode[] = [
  ...['nodenext', 'node16'].map((module) => ({
    name: module,
    files: ['program.mts', 'program.cts'],
    options: () => ({ module }),
  })),
  {
    name: 'bundler',
    files: ['program.ts'],
    options: () => ({ module: 'esnext', moduleResolution: 'bundler' }),
  },
  {
    name: 'commonjs',
    files: ['program.ts'],
    // `types` and `typesVersions` are used by `node10`, which TypeScript 7 does not have.
    options: (version) => ({
      module: 'commonjs',
      moduleResolution: version >= '7' ? 'bundler' : 'node10',
      ...(version.startsWith('6') && { ignoreDeprecations: '6.0' }),
    }),
  },
]

const words = process.argv.slice(2)
const versions = words.includes('--short')
  ? VERSIONS.filter((version) => version === VERSIONS[0] || version === VERSIONS.at(-1))
  : VERSIONS.filter((version) => words.length === 0 || words.includes(version))
if (versions.length === 0) {
  console.error(`Usage: npm run test:typescript [-- --short | ${VERSIONS.join(' | ')} ...]`)
  process.exit(1)
}

installSeparately(HOME, join(SOURCE, 'packages'), 'versions of TypeScript')
const project = mkdtempSync(join(tmpdir(), 'hawser-typescript-'))
process.once('exit', () => rmSync(project, { recursive: true, force: true }))
createProject()

const jobs = versions.flatMap((version) =>
  modes.flatMap((mode) =>
    Object.entries(LIBRARIES).map(([title, lib]) => ({ version, mode, title, lib })),
  ),
)
const total = jobs.length
await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work))

async function work(): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { version, mode, title, lib } = job
    const config = `tsconfig.${total - jobs.length}.json`
    const errors = await compile(config, version, mode, lib)
    if (errors !== '') process.exitCode = 1
    const outcome = errors === '' ? 'ok' : `FAILED\n${errors}`
    console.log(`TypeScript ${version}, ${mode.name}, ${title}: ${outcome}`)
  }
}

/** Creates a project in which the packed package is installed. */
function createProject(): void {
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, 'hawser'), { recursive: true })
  const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', project]
  const [packed] = JSON.parse(run('npm', packing)) as { filename: string }[]
  if (packed === undefined) throw new Error('npm pack created no package')
  const tarball = join(project, packed.filename)
  run('tar', ['-xf', tarball, '-C', join(modules, 'hawser'), '--strip-components=1'])
  for (const name of DEPENDENCIES) {
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  mkdirSync(join(modules, '@types'))
  symlinkSync(join(HOME, 'node_modules/@types/node'), join(modules, '@types/node'))
  symlinkSync(join(HOME, 'node_modules/undici-types'), join(modules, 'undici-types'))
  const program = readFileSync(join(SOURCE, 'consumer.ts'), 'utf8') + INTERNALS
  for (const name of new Set(modes.flatMap(({ files }) => files))) {
    writeFileSync(join(project, name), program)
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
  })
  if (status === 0) return stdout
  throw new Error(`${program} failed: ${error?.message ?? stderr}`)
}

/** Returns the errors in the program and in the declarations of the package; empty for none. */
async function compile(
  file: string,
  version: string,
  mode: Mode,
  lib: readonly string[],
): Promise<string> {
  const compilerOptions = {
    ...mode.options(version),
    lib,
    target: 'es2022',
    types: ['node'],
    strict: true,
    noEmit: true,
    // Checks the declarations of all packages. The errors of other packages are ignored.
    skipLibCheck: false,
    preserveSymlinks: true,
  }
  const config = { compilerOptions, files: mode.files }
  writeFileSync(join(project, file), JSON.stringify(config))
  const home =
    version === VERSIONS.at(-1)
      ? join(ROOT, 'node_modules/typescript')
      : join(HOME, `node_modules/typescript-${version}`)
  const tsc = spawn(process.execPath, [join(home, 'bin/tsc'), '-p', file, '--pretty', 'false'], {
    cwd: project,
  })
  const [output, errors] = await Promise.all([text(tsc.stdout), text(tsc.stderr)])
  const isOurs = (line: string) => !/^node_modules\/(?!hawser\/)/.test(line)
  return `${output}\n${errors}`
    .split(/\n(?=\S)/)
    .filter(isOurs)
    .join('\n')
    .trim()
}
