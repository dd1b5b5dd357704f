// Measures one row in a process of its own: `worker.js ROW` prints a `Sample` as JSON. Without a row it prints the
// `Overview`. Another checkout's run starts this file too, so it uses only Hawser's public interfaces.
import type { Contestant } from '../contestants/contestant.ts'
import { measureRate } from '../measures/rate.ts'
import type { Sample } from '../statistics.ts'
import { cpuPerRequest } from '../statistics.ts'
import { LANES, rows } from './rows.ts'

/** What a worker can measure. */
export interface Overview {
  /** The version of Node that runs the worker. */
  readonly node: string
  /** Name of each row -> its title. */
  readonly rows: Readonly<Record<string, string>>
}

// In microseconds of CPU: on a busy machine, elapsed time does not show how much has been done.
const WARM_UP = { atLeast: 900_000, atMost: 2_500_000 }
const SLICE = 120_000
const SLICES = 5

/** V8 optimises parts of the client only after so many requests. */
const WARM_UP_REQUESTS = 40_000

/** CPU time is read after each so many requests. */
const PART_REQUESTS = 2000

/** Returns the slice whose CPU per request is the median. */
async function measure(name: string): Promise<Sample> {
  const row = rows[name]
  if (row === undefined) throw new Error(`There is no row named ${name}`)
  const contestant = row.open()
  await runUntil(contestant, ({ requests, cpuMicros }) => {
    if (cpuMicros >= WARM_UP.atMost) return true
    return cpuMicros >= WARM_UP.atLeast && requests >= WARM_UP_REQUESTS
  })
  const slices: Sample[] = []
  for (let slice = 0; slice < SLICES; slice++) {
    slices.push(await runUntil(contestant, ({ cpuMicros }) => cpuMicros >= SLICE))
  }
  slices.sort((a, b) => cpuPerRequest(a) - cpuPerRequest(b))
  return slices[SLICES >> 1]!
}

/** Runs requests until `isEnough` says so of all of them. */
async function runUntil(
  contestant: Contestant,
  isEnough: (total: Sample) => boolean,
): Promise<Sample> {
  const total: Sample = { requests: 0, seconds: 0, cpuMicros: 0 }
  while (!isEnough(total)) {
    const part = await measureRate(contestant, PART_REQUESTS, LANES)
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
