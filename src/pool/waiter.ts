import type { Clock, Timer } from '../backends/backend.ts'
import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { Origin } from '../models/origin.ts'
import { MAX_ENDS_PER_TURN } from './due-queue.ts'
import type { OrderedQueue } from './ordered-queue.ts'
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
  queue: Queue<Waiter> | OrderedQueue<Waiter>
  /** Whether it stopped waiting. All its queues skip it. */
  isRemoved = false
  readonly #owner: WaiterOwner

  constructor(
    exchange: Exchange,
    origin: Origin,
    order: number,
    queue: Queue<Waiter> | OrderedQueue<Waiter>,
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
  drain(): void {}

  release(): void {
    this.#owner.onCancelled(this)
  }
}

/** The waiters with the same `pool` timeout. */
interface WaitQueue {
  readonly timeout: number
  /** In order of arrival, which is the order of their deadlines. */
  readonly waiters: Queue<Waiter>
  readonly timer: Timer
  /** No waiter expires before this time: the event loop was blocked. */
  notBefore: number
  /** When `notBefore` was set. It gives more time to the waiters that had arrived before. */
  extendedAt: number
}

export interface WaitDeadlinesOwner {
  /** The `pool` timeout of the waiter has expired. It must be removed. */
  onExpired(waiter: Waiter): void
  /** Some deadlines were checked: the waiters that remain may be served. */
  onChecked(): void
}

/**
 * Enforces the `pool` timeout. Waiters with the same timeout expire in order of arrival, so that
 * one timer for each distinct timeout is enough, whatever the number of waiters.
 */
export class WaitDeadlines {
  readonly #clock: Clock
  readonly #owner: WaitDeadlinesOwner
  readonly #queues = new Map<number, WaitQueue>()
  /** An empty queue, which is kept because most requests have the same timeout; null for none. */
  #empty: WaitQueue | null = null

  constructor(clock: Clock, owner: WaitDeadlinesOwner) {
    this.#clock = clock
    this.#owner = owner
  }

  add(waiter: Waiter): void {
    const timeout = waiter.exchange.timeouts.pool
    if (timeout === null) return
    const queue = this.#queues.get(timeout) ?? this.#createQueue(timeout)
    if (queue === this.#empty) this.#empty = null
    queue.waiters.push(waiter)
  }

  #createQueue(timeout: number): WaitQueue {
    const queue: WaitQueue = {
      timeout,
      waiters: new Queue(),
      timer: this.#clock.timer(() => this.#onTimer(queue)),
      notBefore: Number.NEGATIVE_INFINITY,
      extendedAt: Number.NEGATIVE_INFINITY,
    }
    this.#queues.set(timeout, queue)
    queue.timer.arm(timeout)
    return queue
  }

  /** Called when a waiter was removed. */
  remove(waiter: Waiter): void {
    const timeout = waiter.exchange.timeouts.pool
    const queue = timeout === null ? undefined : this.#queues.get(timeout)
    if (queue === undefined) return
    queue.waiters.onRemoved()
    if (queue.waiters.size > 0) return
    if (this.#empty !== null) this.#delete(this.#empty)
    this.#empty = queue
  }

  #delete(queue: WaitQueue): void {
    queue.timer.cancel()
    if (this.#queues.get(queue.timeout) === queue) this.#queues.delete(queue.timeout)
    if (this.#empty === queue) this.#empty = null
  }

  /**
   * Whether the `pool` or the `total` timeout of the waiter has passed, so that it will end now.
   */
  isDue(waiter: Waiter, now: number): boolean {
    const { pool, total } = waiter.exchange.timeouts
    if (total !== null && waiter.waitingSince + total <= now) return true
    const queue = pool === null ? undefined : this.#queues.get(pool)
    return queue !== undefined && deadlineOf(waiter, queue) <= now
  }

  stop(): void {
    for (const queue of [...this.#queues.values()]) this.#delete(queue)
  }

  /**
   * A late timer means that the event loop was blocked. To free a connection may take several turns
   * of the loop, so the waiters get the lost time once more: at most their timeout, and only once.
   */
  #onTimer(queue: WaitQueue): void {
    const oldest = queue.waiters.first
    if (oldest !== null && oldest.waitingSince > queue.extendedAt) {
      const now = this.#clock.now()
      const late = now - deadlineOf(oldest, queue)
      if (late > 1) {
        queue.extendedAt = now
        queue.notBefore = now + Math.min(late, queue.timeout)
      }
    }
    this.#endLater(queue)
  }

  #endLater(queue: WaitQueue): void {
    // If the event loop was blocked, a connection may have become free in time.
    this.#clock.afterPending(() => {
      this.#endDue(queue)
      this.#owner.onChecked()
    })
  }

  #endDue(queue: WaitQueue): void {
    const now = this.#clock.now()
    for (let ended = 0; ended < MAX_ENDS_PER_TURN; ended++) {
      const oldest = queue.waiters.first
      if (oldest === null) return this.#delete(queue)
      const remaining = deadlineOf(oldest, queue) - now
      if (remaining > 0) return queue.timer.arm(Math.max(1, remaining))
      this.#owner.onExpired(oldest)
    }
    this.#endLater(queue)
  }
}

/** When the `pool` timeout of the waiter expires, in the clock's time. */
function deadlineOf(waiter: Waiter, queue: WaitQueue): number {
  return Math.max(waiter.waitingSince + queue.timeout, queue.notBefore)
}
