import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { Origin } from '../models/origin.ts'
import { Link } from './linked-list.ts'

/** An exchange that waits for a connection. */
export class Waiter implements Carrier {
  readonly exchange: Exchange
  readonly origin: Origin
  /** Drawn in the order of arrival. */
  readonly order: number
  readonly since: number
  readonly inPool = new Link<Waiter>(this)
  /** Its place among its origin's. */
  readonly inGroup = new Link<Waiter>(this)
  /** Its place among those that wait for a place, or for one of their origin's. */
  readonly inQueue = new Link<Waiter>(this)
  readonly inDeadlines = new Link<Waiter>(this)
  readonly #onRelease: (waiter: Waiter) => void

  constructor(
    exchange: Exchange,
    origin: Origin,
    order: number,
    since: number,
    onRelease: (waiter: Waiter) => void,
  ) {
    this.exchange = exchange
    this.origin = origin
    this.order = order
    this.since = since
    this.#onRelease = onRelease
  }

  resume(): void {}

  release(): void {
    this.#onRelease(this)
  }
}
