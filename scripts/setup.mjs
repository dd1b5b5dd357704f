// Makes this checkout ready to run: packages, the wasm module, the compiled TypeScript, the bundle. Each step is
// taken only if its result is missing or old. Plain JavaScript, because it runs before all of them.
// `--clean` builds from nothing.
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
const BUILT = 'dist/.built' // its time is the start of the last build that succeeded
const LIB = join('dist', 'lib')
const BUNDLED = join(LIB, '.bundled')
const BUNDLE_INPUTS = ['scripts/bundle.mjs', 'scripts/vendor.mjs', 'package-lock.json']
const OUTPUTS = ['.js', '.js.map', '.d.ts', '.d.ts.map']

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (process.argv.includes('--clean')) for (const path of ['dist', MODULE]) remove(path)
if (!packagesMatchLock()) {
  // npm ci would empty what a link leads to, and that is another checkout's.
  const isLink = lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink()
  if (isLink) unlinkSync('node_modules')
  step('installing packages', 'npm ci --include=dev --loglevel=error')
}
if (MODULE_INPUTS.some((input) => time(input) > time(MODULE))) {
  step('building the wasm module', 'node native/build.mjs')
}
compile()
// Not by BUILT: who runs tsc alone does not touch that.
if ([...list('dist/src', '.js'), ...BUNDLE_INPUTS].some((path) => time(path) > time(BUNDLED))) {
  step('bundling', 'node scripts/bundle.mjs')
}

/** Is what is installed what package-lock.json asks for? (Optional packages are for other platforms.) */
function packagesMatchLock() {
  if (!existsSync('node_modules/.package-lock.json')) return false
  const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages
  const installed = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages
  delete wanted['']
  for (const path of new Set([...Object.keys(wanted), ...Object.keys(installed)])) {
    if (wanted[path]?.optional && !installed[path]) continue
    if (wanted[path]?.version !== installed[path]?.version) return false
  }
  return true
}

function compile() {
  const sources = SOURCES.flatMap((folder) => list(folder, '.ts')).filter(
    (path) => !path.endsWith('.d.ts'),
  )
  const wanted = new Set(sources.map(outputOf))
  // What a deleted source has left behind must neither run as a test nor be published.
  const stale = list('dist', '.js').filter((path) => !wanted.has(path) && !path.startsWith(LIB))
  for (const path of stale) for (const end of OUTPUTS) remove(path.slice(0, -'.js'.length) + end)

  const built = time(BUILT)
  const changed = [...sources, 'tsconfig.json', 'package-lock.json'].some(
    (path) => time(path) > built,
  )
  const incomplete = sources.some((path) => time(path) <= built && !existsSync(outputOf(path)))
  // tsc believes its build info and does not look whether its outputs are still there.
  if (incomplete) remove(BUILD_INFO)
  if (!changed && !incomplete && stale.length === 0) return

  const start = new Date()
  remove(BUILT)
  step('compiling', 'node node_modules/typescript/bin/tsc')
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

function time(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function remove(path) {
  rmSync(path, { recursive: true, force: true })
}

function step(what, command) {
  console.error(`hawser: ${what}`)
  const { status, error } = spawnSync(command, {
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status === 0) return
  console.error(
    `hawser: ${what} failed: \`${command}\` ${error?.message ?? `ended with status ${status}`}`,
  )
  process.exit(1)
}
