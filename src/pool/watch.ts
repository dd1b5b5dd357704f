import type { Clock } from '../backends/backend.ts'
import type { Exchange } from '../connection/exchange.ts'
import { TotalTimeout } from '../errors.ts'

/** What a signal ends. */
interface Abortable {
  abort(reason: unknown): void
}

/**
 * All that is ended by one signal, and its only listener: with one listener for each request Node
 * warns of a leak at the eleventh.
 */
class WatchedSignal {
  readonly #signal: AbortSignal
  readonly #watches = new Set<Abortable>()

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(watch: Abortable): void {
    if (this.#watches.size === 0) this.#signal.addEventListener('abort', this)
    this.#watches.add(watch)
  }

  remove(watch: Abortable): void {
    this.#watches.delete(watch)
    if (this.#watches.size === 0) this.#signal.removeEventListener('abort', this)
  }

  handleEvent(): void {
    for (const watch of this.#watches) watch.abort(this.#signal.reason)
  }
}

const watched = new WeakMap<AbortSignal, WatchedSignal>()

export function watchedOf(signal: AbortSignal): WatchedSignal {
  let known = watched.get(signal)
  if (known === undefined) {
    known = new WatchedSignal(signal)
    watched.set(signal, known)
  }
  return known
}

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
