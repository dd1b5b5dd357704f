import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { Origin } from '../models/origin.ts'
import type { Queue } from './queue.ts'

export interface WaiterOwner {
  onCancelled(waiter: Waiter): void
}

/** An exchange that waits for a connection. */
export class Waiter implements Carrier {
  readonly exchange: Exchange
  readonly origin: Origin
  /** Drawn in the order of arrival. */
  readonly order: number
  /** Whether it waits for a place, or for one of its origin's. */
  queue: Queue<Waiter>
  /** It waits no more. */
  left = false
  readonly #owner: WaiterOwner

  constructor(
    exchange: Exchange,
    origin: Origin,
    order: number,
    queue: Queue<Waiter>,
    owner: WaiterOwner,
  ) {
    this.exchange = exchange
    this.origin = origin
    this.order = order
    this.queue = queue
    this.#owner = owner
  }

  /** It waits since it was dispatched. In the clock's time. */
  get since(): number {
    return this.exchange.startedAt
  }

  resume(): void {}

  release(): void {
    this.#owner.onCancelled(this)
  }
}
