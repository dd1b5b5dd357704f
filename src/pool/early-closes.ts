/**
 * Within this many ms after a response, the end of its connection counts as early. It is also how
 * long a connection of such an origin must stay open before it is trusted again.
 */
const EARLY = 5
/** How long an early end is remembered, in ms. */
const MEMORY = 10_000
const MAX_ORIGINS = 1000

/**
 * The origins that were seen to close a connection early without announcing it. They probably do
 * it after each response, and the end may arrive after a poll: in 1 of 400 cases on an otherwise
 * idle machine.
 */
export class EarlyCloses {
  /** Until when each origin is remembered, in the clock's time. */
  readonly #origins = new Map<string, number>()

  /** Notes that the peer ended a connection whose last response had ended at `freedAt`. */
  note(origin: string, freedAt: number, now: number): void {
    if (now - freedAt > EARLY) return
    if (this.#origins.size >= MAX_ORIGINS) this.#origins.clear()
    this.#origins.set(origin, now + MEMORY)
  }

  /** Returns from when on a connection that is free at `now` is trusted to stay open. */
  trustedFrom(origin: string, now: number): number {
    if (this.#origins.size === 0) return now
    const until = this.#origins.get(origin)
    if (until === undefined) return now
    if (until > now) return now + EARLY
    this.#origins.delete(origin)
    return now
  }
}
