import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { Origin } from '../models/origin.ts'
import { Link } from './linked-list.ts'

export interface WaiterOwner {
  onCancelled(waiter: Waiter): void
}

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
  readonly #owner: WaiterOwner

  constructor(
    exchange: Exchange,
    origin: Origin,
    order: number,
    since: number,
    owner: WaiterOwner,
  ) {
    this.exchange = exchange
    this.origin = origin
    this.order = order
    this.since = since
    this.#owner = owner
  }

  resume(): void {}

  release(): void {
    this.#owner.onCancelled(this)
  }
}
