import type { Clock, Timer } from '../backends/backend.ts'

/**
 * One timer for a deadline that moves all the time. It stays armed for the earliest time that was
 * ever asked for; when it fires, its owner looks what is due and asks again. So a deadline that
 * only moves away, as each request's does, costs a comparison.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #timer: Timer
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, owner: { onTime(): void }) {
    this.#clock = clock
    this.#timer = clock.timer(() => {
      this.#armedFor = Number.POSITIVE_INFINITY
      owner.onTime()
    })
  }

  /** Has the owner called at `time` at the latest, perhaps earlier. */
  notLaterThan(time: number): void {
    if (time >= this.#armedFor) return
    this.#armedFor = time
    this.#timer.arm(Math.max(1, time - this.#clock.now()))
  }

  cancel(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    this.#timer.cancel()
  }
}
