// A process for one contestant, on any runtime: `worker.js CONTESTANT ORIGIN`. Takes orders as lines
// of JSON, and answers each with a line. It ends with its input.
import process from 'node:process'
import { createInterface } from 'node:readline'
import { promiseLanes } from '../contestants/lanes.ts'
import { measureRate, warmUp } from '../measures/rate.ts'
import type { Sample } from '../statistics.ts'
import { contestants } from './contestants.ts'

/** For some seconds, or for a number of requests. */
export type Order = { readonly warmUp: number } | { readonly requests: number }

export type Answer =
  | { readonly requestsPerSecond: number }
  | { readonly sample: Sample }
  | { readonly failure: string }

const LANES = 50

async function main([name = '', origin = '']: readonly string[]): Promise<void> {
  const contestant = { run: promiseLanes(await openNamed(name, origin)), close: async () => {} }
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line) as Order
    if ('warmUp' in order) {
      answer({ requestsPerSecond: await warmUp(contestant, order.warmUp, LANES) })
    } else {
      await contestant.run(LANES, LANES) // connections that idled out are opened again, uncounted
      answer({ sample: await measureRate(contestant, order.requests, LANES) })
    }
  }
}

function openNamed(name: string, origin: string): Promise<() => Promise<void>> {
  const open = contestants[name]
  if (open === undefined) throw new Error(`no contestant named ${name}`)
  return open(origin)
}

function answer(message: Answer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

main(process.argv.slice(2)).then(
  () => process.exit(),
  (error: unknown) => {
    answer({ failure: String(error) })
    process.exit(1)
  },
)
