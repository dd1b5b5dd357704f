import type { Clock } from '../backends/backend.ts'
import type { Exchange } from '../connection/exchange.ts'
import { TotalTimeout } from '../errors.ts'

/** Ends one exchange early: its signal, its total timeout. Made only where one of them is given. */
export class Watch {
  readonly #exchange: Exchange
  readonly #signal: AbortSignal | null
  #closeTimer: (() => void) | null = null

  constructor(exchange: Exchange, signal: AbortSignal | null, clock: Clock) {
    this.#exchange = exchange
    this.#signal = signal
    signal?.addEventListener('abort', this)
    const { total } = exchange.timeouts
    if (total === null) return
    const timer = clock.timer(() => clock.afterPending(() => this.#late(total)))
    timer.arm(total)
    this.#closeTimer = () => timer.close()
  }

  /** The signal's listener: an object, so that adding it makes no closure. */
  handleEvent(): void {
    this.#exchange.abort(this.#signal?.reason)
  }

  end(): void {
    this.#signal?.removeEventListener('abort', this)
    this.#closeTimer?.()
  }

  #late(total: number): void {
    const exchange = this.#exchange
    const text = `Not done within ${total} ms (${exchange.describe()})`
    exchange.fail(new TotalTimeout(text, exchange.facts()))
  }
}
