// Prepares this checkout: installs packages, builds the WebAssembly module, compiles TypeScript,
// and bundles. Skips each step whose result exists and is newer than its inputs. This is
// JavaScript, because it runs before the compiler is installed. `--clean` first removes all results
// of builds.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MODULE = 'src/protocol/llhttp-module.generated.ts'
const MODULE_INPUTS = ['native/build.mjs', 'native/recorder.wat', 'package-lock.json']
const SOURCES = ['src', 'test', 'bench', 'docs', 'native', 'scripts']
const BUILD_INFO = 'dist/.tsbuildinfo'
const BUILT = 'dist/.built' // its mtime is the start of the last successful compilation
const LIB = join('dist', 'lib')
const BUNDLED = join(LIB, '.bundled')
const BUNDLE_INPUTS = [
  ...['bundle', 'vendor', 'declarations'].map((name) => `scripts/${name}.mjs`),
  'package-lock.json',
]
const OUTPUTS = ['.js', '.js.map', '.d.ts', '.d.ts.map']

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (process.argv.includes('--clean')) for (const path of ['dist', MODULE]) remove(path)
if (!packagesMatchLock()) {
  // If node_modules is a link to another checkout, `npm ci` would delete the packages there.
  const isLink = lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink()
  if (isLink) unlinkSync('node_modules')
  runStep('installing packages', 'npm ci --include=dev --loglevel=error')
}
if (MODULE_INPUTS.some((input) => time(input) > time(MODULE))) {
  runStep('building the WebAssembly module', 'node native/build.mjs')
}
compile()
// Compares with the compiled files, not with BUILT: running tsc directly does not update BUILT.
if ([...list('dist/src', '.js'), ...BUNDLE_INPUTS].some((path) => time(path) > time(BUNDLED))) {
  runStep('bundling', 'node scripts/bundle.mjs')
}

/**
 * Returns whether the installed packages are those of package-lock.json. Optional packages may be
 * missing, since they are for other platforms.
 */
function packagesMatchLock() {
  if (!existsSync('node_modules/.package-lock.json')) return false
  const locked = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages
  const installed = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages
  delete locked['']
  for (const path of new Set([...Object.keys(locked), ...Object.keys(installed)])) {
    if (locked[path]?.optional && !installed[path]) continue
    if (locked[path]?.version !== installed[path]?.version) return false
  }
  return true
}

function compile() {
  const sources = SOURCES.flatMap((folder) => list(folder, '.ts')).filter(
    (path) => !path.endsWith('.d.ts'),
  )
  const expected = new Set(sources.map(outputOf))
  // The output of a deleted source must neither run as a test nor be published.
  const stale = list('dist', '.js').filter((path) => !expected.has(path) && !path.startsWith(LIB))
  for (const path of stale) for (const end of OUTPUTS) remove(path.slice(0, -'.js'.length) + end)

  const built = time(BUILT)
  const changed = [...sources, 'tsconfig.json', 'package-lock.json'].some(
    (path) => time(path) > built,
  )
  const incomplete = sources.some((path) => time(path) <= built && !existsSync(outputOf(path)))
  // tsc relies on its build info and does not check whether its outputs still exist.
  if (incomplete) remove(BUILD_INFO)
  if (!changed && !incomplete && stale.length === 0) return

  const start = new Date()
  remove(BUILT)
  runStep('compiling', 'node node_modules/typescript/bin/tsc')
  writeFileSync(BUILT, '')
  utimesSync(BUILT, start, start)
}

function outputOf(source) {
  return join('dist', source.replace(/ts$/, 'js'))
}

function list(folder, end) {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true })
  return names.filter((name) => name.endsWith(end)).map((name) => join(folder, name))
}

/** Returns the time of the last modification, 0 if the file does not exist. */
function time(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function remove(path) {
  rmSync(path, { recursive: true, force: true })
}

function runStep(title, command) {
  console.error(`hawser: ${title}`)
  const { status, error } = spawnSync(command, {
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status === 0) return
  console.error(
    `hawser: ${title} failed: \`${command}\` ${error?.message ?? `exited with status ${status}`}`,
  )
  process.exit(1)
}
