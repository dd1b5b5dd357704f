// `npm run fuzz -- [--seconds N] [--seed S] [NAMES]`: tries new inputs on all fuzz targets in turn,
// or on the named ones. A failing input is minimised, printed, and added to the corpus, which every
// run tries first.
import { parseArgs } from 'node:util'
import { keepInput } from './corpus.ts'
import { explore } from './target.ts'
import { targets } from './targets.ts'

const BATCH = 250
/** In ms. */
const REPORT_INTERVAL = 10_000

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  allowPositionals: true,
})
const seconds = Number(values.seconds ?? 60)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
if (chosen.length === 0 || Number.isNaN(seconds) || !Number.isInteger(seed)) {
  console.error(
    `Usage: npm run fuzz -- [--seconds N] [--seed S] [${targets.map(({ name }) => name).join(' ')}]`,
  )
  process.exit(2)
}

const start = performance.now()
const end = start + seconds * 1000
const counts = new Map(chosen.map(({ name }) => [name, 0]))
const failed = new Set<string>()
let reported = start
console.log(`${chosen.length} targets for ${seconds} s, --seed ${seed}`)

for (let round = 0; round === 0 || performance.now() < end; round++) {
  for (const target of chosen) {
    const { name } = target
    if (failed.has(name) || (round > 0 && performance.now() >= end)) continue
    const runs = seconds === 0 ? 0 : BATCH
    const found = await explore(target, {
      seed: seed + round,
      runs,
      until: Math.max(end, start + 5000),
    })
    counts.set(name, counts.get(name)! + found.runs)
    if (found.failure === null) continue
    failed.add(name)
    const { input, error } = found.failure
    const file = keepInput(name, input)
    console.log(`\n${name} FAILS for ${JSON.stringify(input)}\n`, error)
    console.log(`Added to ${file}. To try it again: npm run fuzz -- --seconds 0 ${name}\n`)
  }
  if (failed.size === chosen.length) break
  if (performance.now() - reported < REPORT_INTERVAL) continue
  reported = performance.now()
  const left = Math.max(0, Math.round((end - reported) / 1000))
  console.log(`${total()} inputs, ${failed.size} failures, ${left} s left`)
}

for (const [name, count] of counts) {
  console.log(
    `${name.padEnd(12)} ${String(count).padStart(9)}${failed.has(name) ? '  FAILED' : ''}`,
  )
}
const took = ((performance.now() - start) / 1000).toFixed()
console.log(`${total()} inputs in ${took} s, --seed ${seed}: ${failed.size} failures`)
process.exit(failed.size === 0 ? 0 : 1)

function total(): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}
