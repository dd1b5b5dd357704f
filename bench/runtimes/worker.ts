// `worker.js CONTESTANT ORIGIN` runs one contestant, on any runtime. It reads commands as JSON
// lines from stdin and writes a reply as a line for each. It exits when its input ends.
import process from 'node:process'
import { createInterface } from 'node:readline'
import { promiseRunner } from '../contestants/runners.ts'
import { measureRate, warmUp } from '../measures/rate.ts'
import type { Sample } from '../statistics.ts'
import { contestants } from './contestants.ts'

/** Warms up for a number of seconds, or measures a number of requests. */
export type Command = { readonly warmUp: number } | { readonly requests: number }

export type Reply =
  | { readonly requestsPerSecond: number }
  | { readonly sample: Sample }
  | { readonly failure: string }

const CONCURRENCY = 50

async function main([name = '', origin = '']: readonly string[]): Promise<void> {
  const contestant = { run: promiseRunner(await openNamed(name, origin)), close: async () => {} }
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as Command
    if ('warmUp' in command) {
      sendReply({ requestsPerSecond: await warmUp(contestant, command.warmUp, CONCURRENCY) })
    } else {
      await contestant.run(CONCURRENCY, CONCURRENCY) // reopens connections that timed out
      sendReply({ sample: await measureRate(contestant, command.requests, CONCURRENCY) })
    }
  }
}

function openNamed(name: string, origin: string): Promise<() => Promise<void>> {
  const open = contestants[name]
  if (open === undefined) throw new Error(`Unknown contestant: ${name}`)
  return open(origin)
}

function sendReply(message: Reply): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

main(process.argv.slice(2)).then(
  () => process.exit(),
  (error: unknown) => {
    sendReply({ failure: String(error) })
    process.exit(1)
  },
)
