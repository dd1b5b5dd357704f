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
  /** Numbers the waiters of a pool in order of arrival. */
  readonly order: number
  /** The queue for any connection, or the queue of its origin. */
  queue: Queue<Waiter>
  /** Whether it stopped waiting. All its queues skip it. */
  isRemoved = false
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

  /** When the exchange was dispatched, in the clock's time. */
  get waitingSince(): number {
    return this.exchange.startedAt
  }

  resume(): void {}

  release(): void {
    this.#owner.onCancelled(this)
  }
}

/**
 * Enforces the `pool` timeout. Waiters with the same timeout expire in order of arrival, so that
 * one timer for each distinct timeout is enough, whatever the number of waiters.
 */
export class WaitDeadlines {
  readonly #clock: Clock
  readonly #onExpired: (waiter: Waiter) => void
  readonly #queues = new Map<number, { waiters: Queue<Waiter>; timer: Timer }>()

  /** @param onExpired must remove the waiter */
  constructor(clock: Clock, onExpired: (waiter: Waiter) => void) {
    this.#clock = clock
    this.#onExpired = onExpired
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

  /** Called when a waiter was removed. */
  remove(waiter: Waiter): void {
    const timeout = waiter.exchange.timeouts.pool
    if (timeout !== null) this.#queues.get(timeout)?.waiters.onRemoved()
  }

  stop(): void {
    for (const { timer } of this.#queues.values()) timer.cancel()
  }

  #onTimer(timeout: number): void {
    // If the event loop was blocked, a connection may have become free in time.
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
        const remaining = oldest.waitingSince + timeout - now
        if (remaining > 0) return queue.timer.arm(Math.max(1, remaining))
        this.#onExpired(oldest)
      }
    })
  }
}
