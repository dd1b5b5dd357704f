import { describeInjection, runWithFault, runWithoutFault } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { Coverage } from './injections.ts'
import { injectionsFor } from './injections.ts'

/** Simulations that run at once, because they share turns of the event loop. */
const CONCURRENCY = 100

/** The calls that were tried, and the failures among them. */
export interface Tally {
  readonly exchange: string
  /** Number of calls by kind of fault. */
  readonly calls: Record<string, number>
  readonly bytes: number
  /** Each is `name: message`. */
  readonly failures: string[]
}

/** Runs an exchange once with each fault. */
export async function tryAll(exchange: Exchange, effort: Coverage): Promise<Tally> {
  const dry = await runWithoutFault(exchange)
  const bytes = dry.sent.reduce(
    (sum, { message, from, to }) => sum + message.text.length + to - from,
    0,
  )
  const tally: Tally = { exchange: exchange.name, calls: {}, bytes, failures: [] }
  const injections = injectionsFor(exchange, dry, effort)
  const work = async () => {
    for (const injection of injections) {
      tally.calls[injection.fault] = (tally.calls[injection.fault] ?? 0) + 1
      try {
        await runWithFault(exchange, injection)
      } catch (error) {
        tally.failures.push(
          `${describeInjection(exchange, injection)}: ${(error as Error).message}`,
        )
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return tally
}
