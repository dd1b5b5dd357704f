import { attempt, nameOf, undisturbed } from './attempt.ts'
import type { Exchange } from './exchange.ts'
import type { Effort } from './strikes.ts'
import { strikesOf } from './strikes.ts'

/** How many worlds are at it at once: turns of the event loop are shared. */
const ABREAST = 100

/** What was tried, and what was lost. */
export interface Tally {
  readonly exchange: string
  /** By harm. */
  readonly calls: Record<string, number>
  readonly bytes: number
  /** `name: what was wrong`. */
  readonly lost: string[]
}

/** An exchange with everything that can befall it. */
export async function tryAll(exchange: Exchange, effort: Effort): Promise<Tally> {
  const dry = await undisturbed(exchange)
  const bytes = dry.said.reduce(
    (sum, { message, from, to }) => sum + message.text.length + to - from,
    0,
  )
  const tally: Tally = { exchange: exchange.name, calls: {}, bytes, lost: [] }
  const strikes = strikesOf(exchange, dry, effort)
  const work = async () => {
    for (const strike of strikes) {
      tally.calls[strike.harm] = (tally.calls[strike.harm] ?? 0) + 1
      try {
        await attempt(exchange, strike)
      } catch (error) {
        tally.lost.push(`${nameOf(exchange, strike)}: ${(error as Error).message}`)
      }
    }
  }
  await Promise.all(Array.from({ length: ABREAST }, work))
  return tally
}
