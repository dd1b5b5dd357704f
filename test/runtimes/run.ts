// `npm run test:runtimes [-- WORDS]`: runs the backend tests and the core tests on each runtime. A
// word selects runtimes by their name, or test files whose path contains it.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { ROOT } from '../support/separate-packages.ts'
import { CORE } from './core.ts'
import { KNOWN_FAILURES } from './known.ts'
import { runFile } from './run-file.ts'
import { install, RUNTIME_NAMES, runtime } from './runtimes.ts'
import { Tally } from './tally.ts'

process.chdir(ROOT)
const words = process.argv.slice(2)
const isRuntime = (word: string) => RUNTIME_NAMES.some((name) => name.startsWith(word))
const wanted = words.filter(isRuntime)
const files = filesOf(words.filter((word) => !isRuntime(word)))
if (files.length === 0) {
  console.error(`No test matches ${words.join(' ')}`)
  process.exit(1)
}
process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))

install()
const scratch = mkdtempSync(join(tmpdir(), 'hawser-runtimes-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

const runtimes = RUNTIME_NAMES.filter(
  (name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)),
).map(runtime)
const jobs = runtimes.flatMap((on) => files.map((file) => ({ on, file })))
const total = jobs.length
const tally = new Tally()
await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work))

console.log(`\n${tally.table()}`)
for (const failure of tally.failures) console.log(`\n${failure}`)
process.exitCode = tally.failures.length > 0 ? 1 : 0

async function work(): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    const { on, file } = job
    const done = `[${total - jobs.length}/${total}]`
    const name = `${on.name} ${on.version}`
    const known = KNOWN_FAILURES.filter((each) => each.on === name && each.file === file)
    const path = relative('.', join(ROOT, `dist/test/${file}.test.js`))
    const report = join(scratch, `${jobs.length}.xml`)
    const { results, seconds } = await runFile(on, path, report, known)
    const outcome = tally.add(name, file, results, known)
    console.log(`${done} ${name} ${file}: ${outcome} (${seconds.toFixed(1)} s)`)
  }
}

/** Paths below test/, without `.test.ts`: `client/auth`. */
function filesOf(parts: readonly string[]): string[] {
  return readdirSync(join(ROOT, 'dist/test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => name.slice(0, -'.test.js'.length))
    .filter((name) =>
      parts.length > 0
        ? parts.some((part) => name.includes(part))
        : CORE.some((path) => name === path || name.startsWith(`${path}/`)),
    )
    .sort()
}
