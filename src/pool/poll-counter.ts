import type { Clock } from '../backends/backend.ts'

export interface PollOwner {
  onPolled(): void
  /** Whether a connection is idle that has not been polled since its last response. */
  readonly hasUnpolledIdle: boolean
}

/**
 * Waits for polls of the event loop, one at a time for all connections of a pool. The polls are
 * numbered, so that a number for each connection is enough to know whether it was polled.
 */
export class PollCounter {
  readonly #clock: Clock
  readonly #owner: PollOwner
  /** The numbers of the last poll that has begun, and of the last that is over. */
  #begun = 0
  #completed = 0
  #isPolling = false
  #isScheduled = false

  constructor(clock: Clock, owner: PollOwner) {
    this.#clock = clock
    this.#owner = owner
  }

  /** The number of the last poll that has begun. A connection that becomes free notes it. */
  get current(): number {
    return this.#begun
  }

  /** Whether a whole poll has passed since `current` had this value. */
  hasPassed(poll: number): boolean {
    return poll < this.#completed
  }

  /** Calls `onPolled` after the next poll, or after the one in progress. */
  start(): void {
    if (this.#isPolling) return
    this.#isPolling = true
    this.#clock.afterPoll(this.#onPolled, this.#onBegun)
  }

  /**
   * Waits for a poll if a connection is still idle after this turn of the event loop. Most are in
   * use again by then. A poll for each of them would cost a single request as much as waiting.
   */
  startIfIdle(): void {
    if (this.#isScheduled || this.#isPolling) return
    this.#isScheduled = true
    this.#clock.afterPending(this.#onTurnEnded)
  }

  readonly #onTurnEnded = (): void => {
    this.#isScheduled = false
    if (this.#owner.hasUnpolledIdle) this.start()
  }

  readonly #onBegun = (): void => {
    this.#begun++
  }

  readonly #onPolled = (): void => {
    this.#isPolling = false
    this.#completed = this.#begun
    this.#owner.onPolled()
  }
}
