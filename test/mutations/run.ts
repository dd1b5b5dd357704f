// `npm run test:mutations [-- WORDS]`: makes each mistake of the table in a copy of the checkout,
// and runs the tests that must detect it. A word selects the mistakes of a hazard or of a conformance
// row (`24`, `S11`), or those in files whose path contains the word. The exit status is 1 if a
// mistake is not detected, or cannot be made.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome } from './checkout-copy.ts'
import { CheckoutCopy } from './checkout-copy.ts'
import { marksOf } from './marks.ts'
import type { Mutation } from './mutation.ts'
import { mutations, top } from './mutation.ts'

const words = process.argv.slice(2)
const chosen = mutations.filter(
  ({ marks, file }) =>
    words.length === 0 ||
    words.some((word) => marks.split(', ').includes(word) || file.includes(word)),
)
for (const name of new Set(chosen.flatMap(({ tests }) => tests))) {
  if (!existsSync(join(top, `dist/test/${name}.test.js`))) fail(`${name}.test.ts does not exist`)
}
const folder = mkdtempSync(join(tmpdir(), 'hawser-mutations-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** Has no mistake. */
const original = new CheckoutCopy(join(folder, 'original'))
/** The outcome of each test file without a mistake: a test of timing may fail on a busy machine. */
const baseline = new Map<string, Promise<Outcome>>()

const undetected: string[] = []
const queue = chosen.entries()
const workers = Array.from({ length: Math.min(availableParallelism(), chosen.length) }, (_, i) =>
  work(new CheckoutCopy(join(folder, String(i)))),
)
await Promise.all(workers)
console.log(`\n${chosen.length} mistakes, ${undetected.length} not detected`)
for (const line of undetected) console.log(`  ${line}`)
process.exit(undetected.length > 0 || chosen.length === 0 ? 1 : 0)

/** Makes mistakes in one copy, until none is left. The workers share the queue. */
async function work(copy: CheckoutCopy): Promise<void> {
  for (const [i, mutation] of queue) {
    const { marks, mistake } = mutation
    const start = performance.now()
    const verdict = await verdictOn(mutation, copy)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    console.log(`${i + 1}/${chosen.length} ${marks}: ${mistake}: ${verdict.text} (${seconds} s)`)
    if (!verdict.detected) undetected.push(`${marks}: ${mistake}: ${verdict.text}`)
  }
}

interface Verdict {
  readonly detected: boolean
  readonly text: string
}

async function verdictOn(mutation: Mutation, copy: CheckoutCopy): Promise<Verdict> {
  const why = copy.make(mutation)
  if (why !== null) return { detected: false, text: `cannot be made: ${why}` }
  const outcome = await copy.run(mutation.tests)
  copy.undo()
  const baselines: Outcome[] = []
  for (const name of mutation.tests) baselines.push(await baselineOf(name))
  return judge(mutation, outcome, baselines)
}

function baselineOf(name: string): Promise<Outcome> {
  const outcome = baseline.get(name) ?? original.run([name])
  baseline.set(name, outcome)
  return outcome
}

function judge({ marks }: Mutation, outcome: Outcome, baselines: readonly Outcome[]): Verdict {
  const wanted = marks.split(', ')
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

function fail(why: string): never {
  console.error(`test:mutations: ${why}`)
  process.exit(1)
}
