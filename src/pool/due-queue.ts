import type { Clock } from '../backends/backend.ts'

/**
 * How many requests are ended in one turn of the event loop because of their deadline. Each takes
 * about 10 us, most of it for the stack of its error.
 */
export const MAX_ENDS_PER_TURN = 250

/**
 * Ends exchanges whose deadline has come, after the pending events were delivered. If thousands of
 * deadlines come at once, it ends some in each turn of the event loop, so that the others are not
 * blocked meanwhile.
 */
export class DueQueue {
  readonly #clock: Clock
  readonly #due: { onDue(): void }[] = []
  #isScheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `onDue` after the events were delivered that are pending now. */
  add(exchange: { onDue(): void }): void {
    this.#due.push(exchange)
    if (!this.#isScheduled) this.#schedule()
  }

  #schedule(): void {
    this.#isScheduled = true
    // Events may be pending again for those that are added later.
    const count = Math.min(this.#due.length, MAX_ENDS_PER_TURN)
    this.#clock.afterPending(() => {
      let ended = 0
      try {
        while (ended < count) this.#due[ended++]?.onDue()
      } finally {
        // Also after an exception, so that later deadlines have an effect.
        this.#due.splice(0, ended)
        this.#isScheduled = false
        if (this.#due.length > 0) this.#schedule()
      }
    })
  }
}
