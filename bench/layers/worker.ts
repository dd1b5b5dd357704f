// `worker.js ROW` measures one row in a separate process and prints a `Sample` as JSON. Without a
// row it prints the `Overview`. The run of another checkout starts this file too (`--against`), so
// it uses only Hawser's public interfaces.
import type { Contestant } from '../contestants/contestant.ts'
import { measureRate } from '../measures/rate.ts'
import type { Sample } from '../statistics.ts'
import { cpuPerRequest } from '../statistics.ts'
import { CONCURRENCY, rows } from './rows.ts'

/** The rows that a worker can measure. */
export interface Overview {
  /** The version of Node that runs the worker. */
  readonly node: string
  /** Maps the name of each row to its title. */
  readonly rows: Readonly<Record<string, string>>
}

// In microseconds of CPU time. On a busy machine, elapsed time does not show how much has been
// done.
const WARM_UP = { min: 900_000, max: 2_500_000 }
const SLICE = 120_000
const SLICES = 5

/** V8 needs this many requests to optimise all parts of the client. */
const WARM_UP_REQUESTS = 40_000

/** CPU time is read after this many requests. */
const PART_REQUESTS = 2000

/** Measures five slices, and returns the one with the median CPU per request. */
async function measure(name: string): Promise<Sample> {
  const row = rows[name]
  if (row === undefined) throw new Error(`Unknown row: ${name}`)
  const contestant = row.open()
  await runUntil(contestant, ({ requests, cpuMicros }) => {
    if (cpuMicros >= WARM_UP.max) return true
    return cpuMicros >= WARM_UP.min && requests >= WARM_UP_REQUESTS
  })
  const slices: Sample[] = []
  for (let slice = 0; slice < SLICES; slice++) {
    slices.push(await runUntil(contestant, ({ cpuMicros }) => cpuMicros >= SLICE))
  }
  slices.sort((a, b) => cpuPerRequest(a) - cpuPerRequest(b))
  return slices[SLICES >> 1]!
}

/** Runs requests until `isEnough` returns true for the totals. */
async function runUntil(
  contestant: Contestant,
  isEnough: (total: Sample) => boolean,
): Promise<Sample> {
  const total: Sample = { requests: 0, seconds: 0, cpuMicros: 0 }
  while (!isEnough(total)) {
    const part = await measureRate(contestant, PART_REQUESTS, CONCURRENCY)
    total.requests += part.requests
    total.seconds += part.seconds
    total.cpuMicros += part.cpuMicros
  }
  return total
}

function overview(): Overview {
  const titles = Object.entries(rows).map(([name, { title }]) => [name, title] as const)
  return { node: process.versions.node, rows: Object.fromEntries(titles) }
}

const name = process.argv[2]
console.log(JSON.stringify(name === undefined ? overview() : await measure(name)))
process.exit()
