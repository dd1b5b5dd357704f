import { systemClock } from '../../backends/system-clock.ts'
import { DeadlineTimer } from '../../connection/deadline-timer.ts'
import type { Exchange } from '../../connection/exchange.ts'
import { nothingRead } from '../../connection/failures.ts'

/** The read timeout of an exchange without a connection: what it awaits comes from an app, in time or not. */
export class LocalDeadline {
  readonly #exchange: Exchange
  readonly #timer: DeadlineTimer | null
  #since: number
  /** How many wait for the caller itself, not for the app. */
  #rests = 0

  constructor(exchange: Exchange) {
    this.#exchange = exchange
    this.#since = systemClock.now()
    this.#timer = exchange.timeouts.read === null ? null : new DeadlineTimer(systemClock, this)
    this.#arm()
  }

  /** The app did something. */
  touch(): void {
    if (this.#timer !== null) this.#since = systemClock.now()
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
    systemClock.afterPending(() => {
      if (this.#isLate()) this.#exchange.fail(nothingRead(this.#exchange))
      else this.#arm()
    })
  }

  #isLate(): boolean {
    return !this.#exchange.settled && this.#rests === 0 && systemClock.now() >= this.#dueAt()
  }

  #dueAt(): number {
    return this.#since + (this.#exchange.timeouts.read as number)
  }

  #arm(): void {
    if (this.#rests > 0 || this.#exchange.settled) return
    this.#timer?.notLaterThan(this.#dueAt())
  }
}
