import type { Clock, Timer } from '../backends/backend.ts'
import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { Origin } from '../models/origin.ts'
import { Queue } from './queue.ts'

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

/**
 * When waiters have waited long enough. Those with the same timeout are late in the order in which
 * they came: one timer for each timeout that is in use, whatever the number of waiters.
 */
export class WaitDeadlines {
  readonly #clock: Clock
  readonly #onLate: (waiter: Waiter) => void
  readonly #queues = new Map<number, { waiters: Queue<Waiter>; timer: Timer }>()

  /** @param onLate makes the waiter leave */
  constructor(clock: Clock, onLate: (waiter: Waiter) => void) {
    this.#clock = clock
    this.#onLate = onLate
  }

  add(waiter: Waiter): void {
    const timeout = waiter.exchange.timeouts.pool
    if (timeout === null) return
    let queue = this.#queues.get(timeout)
    if (queue === undefined) {
      queue = { waiters: new Queue(), timer: this.#clock.timer(() => this.#onTimer(timeout)) }
      this.#queues.set(timeout, queue)
      queue.timer.arm(timeout)
    }
    queue.waiters.push(waiter)
  }

  /** It has left. */
  remove(waiter: Waiter): void {
    const timeout = waiter.exchange.timeouts.pool
    if (timeout !== null) this.#queues.get(timeout)?.waiters.onLeft()
  }

  stop(): void {
    for (const { timer } of this.#queues.values()) timer.cancel()
  }

  #onTimer(timeout: number): void {
    // A connection may have come free while the loop was blocked.
    this.#clock.afterPending(() => {
      const queue = this.#queues.get(timeout)
      if (queue === undefined) return
      const now = this.#clock.now()
      for (;;) {
        const oldest = queue.waiters.first
        if (oldest === null) {
          this.#queues.delete(timeout)
          return
        }
        const left = oldest.since + timeout - now
        if (left > 0) return queue.timer.arm(Math.max(1, left))
        this.#onLate(oldest)
      }
    })
  }
}
