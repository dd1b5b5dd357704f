/** How long, at least, a connection must stay open after a response to be trusted again, in ms. */
const SHORTEST_WAIT = 20
/**
 * Within this many ms after a response, the end of its connection counts as early. It is also the
 * longest wait.
 */
const EARLY = 50
/** How long an early end is remembered, in ms. */
const MEMORY = 10_000
const MAX_ORIGINS = 1000

interface EarlyClose {
  /** Until when it is remembered, in the clock's time. */
  readonly until: number
  /** How long a connection must stay open to be trusted, in ms. */
  readonly wait: number
}

/**
 * The origins that were seen to close a connection early without announcing it. They probably do
 * it after each response, and the end may arrive after a poll: in 1 of 400 cases on an otherwise
 * idle machine. The wait is twice as long as the longest that an end took to arrive, because it
 * takes longer if the server is busy. With a shortest wait of 5 ms, 1 of 50,000 POSTs over TLS was
 * lost.
 */
export class EarlyCloses {
  readonly #origins = new Map<string, EarlyClose>()

  /** Notes that the peer ended a connection whose last response had ended at `freedAt`. */
  note(origin: string, freedAt: number, now: number): void {
    const age = now - freedAt
    if (age > EARLY) return
    const known = this.#origins.get(origin)?.wait ?? SHORTEST_WAIT
    if (this.#origins.size >= MAX_ORIGINS) this.#origins.clear()
    const wait = Math.min(EARLY, Math.max(known, 2 * age))
    this.#origins.set(origin, { until: now + MEMORY, wait })
  }

  /** Returns from when on a connection that is free at `now` is trusted to stay open. */
  trustedFrom(origin: string, now: number): number {
    if (this.#origins.size === 0) return now
    const close = this.#origins.get(origin)
    if (close === undefined) return now
    if (close.until > now) return now + close.wait
    this.#origins.delete(origin)
    return now
  }
}
