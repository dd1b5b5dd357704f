import type { Clock } from '../backends/backend.ts'
import type { Exchange } from '../connection/exchange.ts'
import { TotalTimeout } from '../errors.ts'
import type { WatchedSignal } from './watched-signal.ts'
import { watchedOf } from './watched-signal.ts'

/** Ends one exchange early: its signal, its total timeout. Made only where one of them is given. */
export class Watch {
  readonly #exchange: Exchange
  readonly #watched: WatchedSignal | null
  #cancelTimer: (() => void) | null = null

  constructor(exchange: Exchange, signal: AbortSignal | null, clock: Clock) {
    this.#exchange = exchange
    this.#watched = signal && watchedOf(signal)
    this.#watched?.add(this)
    const { total } = exchange.timeouts
    if (total === null) return
    const timer = clock.timer(() => clock.afterPending(() => this.#late(total)))
    timer.arm(total)
    this.#cancelTimer = () => timer.cancel()
  }

  abort(reason: unknown): void {
    this.#exchange.abort(reason)
  }

  end(): void {
    this.#watched?.remove(this)
    this.#cancelTimer?.()
  }

  #late(total: number): void {
    const exchange = this.#exchange
    const text = `Not done within ${total} ms (${exchange.describe()})`
    exchange.fail(new TotalTimeout(text, exchange.facts()))
  }
}
