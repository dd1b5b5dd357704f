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
const WARM_UP = 900_000
const SLICE = 120_000
const SLICES = 5

/** V8 has optimised the most expensive row only after so many requests. */
const WARM_UP_REQUESTS = 10_000

/** CPU time is read after each part. */
const PART_REQUESTS = 2000

/** Returns the slice whose CPU per request is the median. */
async function measure(name: string): Promise<Sample> {
  const row = rows[name]
  if (row === undefined) throw new Error(`There is no row named ${name}`)
  const contestant = row.open()
  await runFor(contestant, WARM_UP, WARM_UP_REQUESTS)
  const slices: Sample[] = []
  for (let slice = 0; slice < SLICES; slice++) slices.push(await runFor(contestant, SLICE))
  slices.sort((a, b) => cpuPerRequest(a) - cpuPerRequest(b))
  return slices[SLICES >> 1]!
}

/** Runs requests until they have taken so much CPU, in microseconds. */
async function runFor(contestant: Contestant, micros: number, minRequests = 0): Promise<Sample> {
  let [requests, seconds, cpuMicros] = [0, 0, 0]
  while (cpuMicros < micros || requests < minRequests) {
    const part = await measureRate(contestant, PART_REQUESTS, LANES)
    requests += part.requests
    seconds += part.seconds
    cpuMicros += part.cpuMicros
  }
  return { requests, seconds, cpuMicros }
}

function overview(): Overview {
  const titles = Object.entries(rows).map(([name, { title }]) => [name, title] as const)
  return { node: process.versions.node, rows: Object.fromEntries(titles) }
}

const name = process.argv[2]
console.log(JSON.stringify(name === undefined ? overview() : await measure(name)))
process.exit()
