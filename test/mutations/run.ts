// `npm run test:mutations [-- WORDS]`: makes each mistake of the table in a copy of the checkout,
// and runs the tests that must detect it. A word selects the mistakes of a hazard or of a conformance
// row (`24`, `S11`), or those in files whose path contains the word. The exit status is 1 if a
// mistake is not detected, or cannot be made.
import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { marksOf } from './marks.ts'
import type { Mutation } from './mutation.ts'
import { mutated, mutations, top } from './mutation.ts'

const COPIED = [
  'src',
  'test',
  'bench',
  'docs',
  'native',
  'scripts',
  'dist',
  'package.json',
  'tsconfig.json',
]
const MODULE = 'src/protocol/llhttp-module.generated.ts'
/** Limits for one test and for one test file, in ms. */
const TEST_TIMEOUT = 20_000
const FILE_TIMEOUT = 90_000

const words = process.argv.slice(2)
const chosen = mutations.filter(
  ({ marks, file }) =>
    words.length === 0 ||
    words.some((word) => marks.split(', ').includes(word) || file.includes(word)),
)
const copy = mkdtempSync(join(tmpdir(), 'hawser-mutations-'))
process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

for (const name of COPIED) cpSync(join(top, name), join(copy, name), { recursive: true })
symlinkSync(join(top, 'node_modules'), join(copy, 'node_modules'))
if (!compile()) fail('the sources without a mistake do not compile')

/** The outcome of each test file without a mistake: a test of timing may fail on a busy machine. */
const baseline = new Map<string, Outcome>()

const undetected: string[] = []
for (const [i, mutation] of chosen.entries()) {
  const { marks, mistake } = mutation
  const start = performance.now()
  const verdict = await verdictOn(mutation)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${i + 1}/${chosen.length} ${marks}: ${mistake}: ${verdict.text} (${seconds} s)`)
  if (!verdict.detected) undetected.push(`${marks}: ${mistake}: ${verdict.text}`)
}
console.log(`\n${chosen.length} mistakes, ${undetected.length} not detected`)
for (const line of undetected) console.log(`  ${line}`)
process.exit(undetected.length > 0 || chosen.length === 0 ? 1 : 0)

interface Verdict {
  readonly detected: boolean
  readonly text: string
}

async function verdictOn(mutation: Mutation): Promise<Verdict> {
  const attempt = mutated(mutation, copy)
  if ('why' in attempt) return { detected: false, text: `cannot be made: ${attempt.why}` }
  const path = join(copy, mutation.file)
  const unknown = mutation.tests.filter((name) => !baseline.has(name))
  if (unknown.length > 0) compile() // The compiled code still contains the previous mistake.
  for (const name of unknown) baseline.set(name, await run([name]))
  const before = readFileSync(path)
  const module = readFileSync(join(copy, MODULE))
  try {
    writeFileSync(path, attempt.text)
    if (mutation.file.startsWith('native/') && !node('native/build.mjs')) {
      return { detected: false, text: 'native/build.mjs fails' }
    }
    if (!compile()) return { detected: false, text: 'does not compile' }
    return judge(mutation, await run(mutation.tests))
  } finally {
    writeFileSync(path, before)
    writeFileSync(join(copy, MODULE), module)
  }
}

function judge({ marks, tests }: Mutation, outcome: Outcome): Verdict {
  const wanted = marks.split(', ')
  const baselines = tests.map((name) => baseline.get(name) as Outcome)
  const failed = outcome.failed.filter(
    (title) => !baselines.some((one) => one.failed.includes(title)),
  )
  const hung = outcome.hung && !baselines.some((one) => one.hung)
  const detecting = failed.find((title) => marksOf(title).some((mark) => wanted.includes(mark)))
  if (detecting !== undefined) return { detected: true, text: `detected by "${detecting}"` }
  if (hung) return { detected: true, text: 'detected, because the tests do not end' }
  if (failed.length === 0) return { detected: false, text: 'not detected' }
  return { detected: false, text: `only tests without its number fail: ${failed.join('; ')}` }
}

interface Outcome {
  /** Titles of the tests and suites that failed. */
  readonly failed: string[]
  /** Whether a test file had to be killed. */
  hung: boolean
}

async function run(tests: readonly string[]): Promise<Outcome> {
  const outcome: Outcome = { failed: [], hung: false }
  for (const name of tests) await runFile(`dist/test/${name}.test.js`, outcome)
  return outcome
}

/** Runs a test file of the copy in its own process group, and kills the group afterwards. */
function runFile(file: string, outcome: Outcome): Promise<void> {
  if (!existsSync(join(copy, file))) fail(`${file} does not exist`)
  const child = spawn(
    process.execPath,
    ['--test-reporter=tap', `--test-timeout=${TEST_TIMEOUT}`, file],
    { cwd: copy, detached: true, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const killGroup = () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL')
    } catch {} // It has already ended.
  }
  process.on('exit', killGroup)
  return new Promise((resolve) => {
    let tap = ''
    const timer = setTimeout(() => {
      outcome.hung = true
      killGroup()
    }, FILE_TIMEOUT)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (tap += text))
    child.on('close', () => {
      clearTimeout(timer)
      killGroup()
      process.off('exit', killGroup)
      for (const [, title] of tap.matchAll(/^ *not ok \d+ - (.*)$/gm)) {
        outcome.failed.push(title as string)
      }
      resolve()
    })
  })
}

function compile(): boolean {
  return node('node_modules/typescript/bin/tsc')
}

function node(script: string): boolean {
  return spawnSync(process.execPath, [script], { cwd: copy, timeout: FILE_TIMEOUT }).status === 0
}

function fail(why: string): never {
  console.error(`test:mutations: ${why}`)
  process.exit(1)
}
