import type { Clock } from '../../backends/backend.ts'
import { DeadlineTimer } from '../../connection/deadline-timer.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { nothingRead } from '../../connection/failures.ts'

/** The read timeout of an exchange without a connection: what it awaits comes from an app, in time or not. */
export class LocalDeadline {
  readonly #exchange: Exchange
  readonly #clock: Clock
  readonly #timer: DeadlineTimer | null
  #since: number
  /** How many wait for the caller itself, not for the app. */
  #rests = 0

  constructor(exchange: Exchange, clock: Clock) {
    this.#exchange = exchange
    this.#clock = clock
    this.#since = clock.now()
    this.#timer = exchange.timeouts.read === null ? null : new DeadlineTimer(clock, this)
    this.#arm()
  }

  /** The app did something. */
  touch(): void {
    if (this.#timer !== null) this.#since = this.#clock.now()
  }

  /** It is the caller's turn, until `go`. */
  rest(): void {
    this.#rests += 1
  }

  go(): void {
    this.#rests -= 1
    this.touch()
    this.#arm()
  }

  end(): void {
    this.#timer?.cancel()
  }

  onTime(): void {
    if (!this.#isLate()) return this.#arm()
    // What has arrived while the loop was busy counts.
    this.#clock.afterPending(() => {
      if (this.#isLate()) this.#exchange.fail(nothingRead(this.#exchange))
      else this.#arm()
    })
  }

  #isLate(): boolean {
    return !this.#exchange.settled && this.#rests === 0 && this.#clock.now() >= this.#dueAt()
  }

  #dueAt(): number {
    return this.#since + (this.#exchange.timeouts.read as number)
  }

  #arm(): void {
    if (this.#rests > 0 || this.#exchange.settled) return
    this.#timer?.notLaterThan(this.#dueAt())
  }
}
