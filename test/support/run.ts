// `npm test [-- words and options]`: runs the compiled tests. With words, it runs the files whose path
// contains one of them, each in its own process. Without words, files share processes: see test/README.md.
// It lists the files itself, because Node 20 does not expand patterns after `--test`.
// `npm run test:slow` runs the `.slow.js` files instead.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Stands in a test file before the reason why no other file may share its process. */
const OWN_PROCESS = /^\/\/ Own process: /m
const GROUPS = 8
/** In ms, for a busy machine. A file that leaves something running is stopped by its group's timeout. */
const FILE_TIMEOUT = 120_000
const GROUP_TIMEOUT = 600_000

const root = relative('.', fileURLToPath(new URL('..', import.meta.url)))
const given = process.argv.slice(2)
const kind = given.includes('--slow') ? '.slow.js' : '.test.js'
const options = given.filter((word) => word.startsWith('-') && word !== '--slow')
const words = given.filter((word) => !word.startsWith('-'))

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith(kind))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort()
if (files.length === 0) {
  console.error(`No test matches ${words.join(' ') || root}`)
  process.exit(1)
}
if (!options.some((option) => option.startsWith('--test-reporter'))) {
  options.push('--test-reporter=spec')
}
process.exitCode = words.length > 0 ? runAlone() : runGrouped()

function runAlone(): number {
  return runNode(
    FILE_TIMEOUT,
    files.map((name) => join(root, name)),
  )
}

function runGrouped(): number {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-test-groups-'))
  process.on('exit', () => rmSync(folder, { recursive: true }))
  const alone = files.filter((name) => OWN_PROCESS.test(readFileSync(join(root, name), 'utf8')))
  const shared = files.filter((name) => !alone.includes(name))
  const groups = Array.from({ length: GROUPS }, (_, i) => shared.filter((_, j) => j % GROUPS === i))
  const all = [...groups.filter(({ length }) => length > 0), ...alone.map((name) => [name])]
  const modules = all.map((group, i) => {
    const path = join(folder, `group-${i + 1}.mjs`)
    writeFileSync(path, moduleOf(group))
    return path
  })
  // Without it, Node leaves one CPU idle.
  return runNode(GROUP_TIMEOUT, modules, `--test-concurrency=${availableParallelism()}`)
}

/** A test module that runs these files one after another, each as a suite that has its name. */
function moduleOf(group: readonly string[]): string {
  const calls = group.map((name) => {
    const { href } = pathToFileURL(join(root, name))
    return `addSuite(${JSON.stringify(name)}, () => import(${JSON.stringify(href)}))`
  })
  // A test, because Node 22 succeeds although a suite fails.
  return `import { describe, test } from 'node:test'
function addSuite(name, load) {
  const fail = (error) => test('the file loads', () => { throw error })
  describe(name, { timeout: ${FILE_TIMEOUT} }, () => load().catch(fail))
}
${calls.join('\n')}
`
}

function runNode(timeout: number, paths: readonly string[], ...more: string[]): number {
  const node = ['--enable-source-maps', '--test', `--test-timeout=${timeout}`, ...more]
  const { status } = spawnSync(process.execPath, [...node, ...options, ...paths], {
    stdio: 'inherit',
  })
  return status ?? 1
}
