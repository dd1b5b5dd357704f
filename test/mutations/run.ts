// `npm run test:mutations [-- WORDS]`: puts each mistake of the table into a copy of the checkout and
// runs the tests that must not let it pass. A word picks hazards and lines (`24`, `S11`), or files
// of which it is a part. Ends with 1 if a mistake survives, or cannot be made any more.
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
/** For one test, and for one file. In ms. */
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
if (!compile()) fail('the sources do not compile')

/** What comes of each file without any mistake. On a busy machine timing may fail: that proves nothing. */
const without = new Map<string, Outcome>()

const survivors: string[] = []
for (const [i, mutation] of chosen.entries()) {
  const { marks, mistake } = mutation
  const start = performance.now()
  const verdict = await verdictOn(mutation)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${i + 1}/${chosen.length} ${marks}: ${mistake}: ${verdict.text} (${seconds} s)`)
  if (!verdict.noticed) survivors.push(`${marks}: ${mistake}: ${verdict.text}`)
}
console.log(`\n${chosen.length} mistakes, ${survivors.length} not noticed`)
for (const survivor of survivors) console.log(`  ${survivor}`)
process.exit(survivors.length > 0 || chosen.length === 0 ? 1 : 0)

interface Verdict {
  readonly noticed: boolean
  readonly text: string
}

async function verdictOn(mutation: Mutation): Promise<Verdict> {
  const attempt = mutated(mutation, copy)
  if ('why' in attempt) return { noticed: false, text: `cannot be made: ${attempt.why}` }
  const path = join(copy, mutation.file)
  const unknown = mutation.tests.filter((name) => !without.has(name))
  if (unknown.length > 0) compile() // the mistake before is still in what is compiled
  for (const name of unknown) without.set(name, await run([name]))
  const before = readFileSync(path)
  const module = readFileSync(join(copy, MODULE))
  try {
    writeFileSync(path, attempt.text)
    if (mutation.file.startsWith('native/') && !node('native/build.mjs')) {
      return { noticed: false, text: 'native/build.mjs fails' }
    }
    if (!compile()) return { noticed: false, text: 'does not compile' }
    return judge(mutation, await run(mutation.tests))
  } finally {
    writeFileSync(path, before)
    writeFileSync(join(copy, MODULE), module)
  }
}

function judge({ marks, tests }: Mutation, outcome: Outcome): Verdict {
  const wanted = marks.split(', ')
  const anyway = tests.map((name) => without.get(name) as Outcome)
  const failed = outcome.failed.filter((title) => !anyway.some((one) => one.failed.includes(title)))
  const hung = outcome.hung && !anyway.some((one) => one.hung)
  const bearer = failed.find((title) => marksOf(title).some((mark) => wanted.includes(mark)))
  if (bearer !== undefined) return { noticed: true, text: `noticed by "${bearer}"` }
  if (hung) return { noticed: true, text: 'noticed, as the tests do not end' }
  if (failed.length === 0) return { noticed: false, text: 'survives' }
  return { noticed: false, text: `no test of that number fails, but: ${failed.join('; ')}` }
}

interface Outcome {
  /** Titles of tests and suites. */
  readonly failed: string[]
  /** A file had to be killed. */
  hung: boolean
}

async function run(tests: readonly string[]): Promise<Outcome> {
  const outcome: Outcome = { failed: [], hung: false }
  for (const name of tests) await runFile(`dist/test/${name}.test.js`, outcome)
  return outcome
}

/** Runs a test file of the copy, in a process group that is gone afterwards. */
function runFile(file: string, outcome: Outcome): Promise<void> {
  if (!existsSync(join(copy, file))) fail(`${file} is not there`)
  const child = spawn(
    process.execPath,
    ['--test-reporter=tap', `--test-timeout=${TEST_TIMEOUT}`, file],
    { cwd: copy, detached: true, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const end = () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL')
    } catch {} // Already gone.
  }
  process.on('exit', end)
  return new Promise((resolve) => {
    let tap = ''
    const timer = setTimeout(() => {
      outcome.hung = true
      end()
    }, FILE_TIMEOUT)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (tap += text))
    child.on('close', () => {
      clearTimeout(timer)
      end()
      process.off('exit', end)
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
