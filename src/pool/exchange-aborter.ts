import type { Clock } from '../backends/backend.ts'
import type { Aborter, Exchange } from '../connection/exchange.ts'
import { TotalTimeout } from '../errors.ts'
import { abortReason } from '../models/signal.ts'
import type { DueQueue } from './due-queue.ts'

interface Abortable {
  abort(reason: unknown): void
}

/**
 * The only listener of a signal, for everything that the signal aborts. With one listener for each
 * request, Node.js would print a warning about a leak at the eleventh.
 */
class SharedAbortListener {
  readonly #signal: AbortSignal
  readonly #abortables = new Set<Abortable>()
  /** A function: polyfills of `AbortSignal` do not call `handleEvent` of an object. */
  readonly #onAbort = (): void => {
    for (const abortable of this.#abortables) abortable.abort(abortReason(this.#signal))
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(abortable: Abortable): void {
    if (this.#abortables.size === 0) this.#signal.addEventListener('abort', this.#onAbort)
    this.#abortables.add(abortable)
  }

  remove(abortable: Abortable): void {
    this.#abortables.delete(abortable)
    if (this.#abortables.size === 0) this.#signal.removeEventListener('abort', this.#onAbort)
  }
}

const listeners = new WeakMap<AbortSignal, SharedAbortListener>()

/** Returns the listener of a signal. Every call with the same signal returns the same one. */
export function sharedAbortListener(signal: AbortSignal): SharedAbortListener {
  let listener = listeners.get(signal)
  if (listener === undefined) {
    listener = new SharedAbortListener(signal)
    listeners.set(signal, listener)
  }
  return listener
}

/**
 * Aborts an exchange when its signal is aborted or its `total` timeout expires. If the response is
 * complete by then, ends the remaining upload.
 */
export class ExchangeAborter implements Aborter {
  readonly #exchange: Exchange
  readonly #signal: AbortSignal | null
  readonly #listener: SharedAbortListener | null
  #cancelTimer: (() => void) | null = null

  constructor(exchange: Exchange, signal: AbortSignal | null, clock: Clock, due: DueQueue) {
    this.#exchange = exchange
    this.#signal = signal
    this.#listener = signal && sharedAbortListener(signal)
    this.#listener?.add(this)
    const { total } = exchange.timeouts
    if (total === null) return
    const timer = clock.timer(() => due.add(this))
    timer.arm(total)
    this.#cancelTimer = () => timer.cancel()
  }

  get isAborted(): boolean {
    return this.#signal?.aborted ?? false
  }

  get reason(): unknown {
    return this.#signal === null ? undefined : abortReason(this.#signal)
  }

  abort(reason: unknown): void {
    this.#exchange.abort(reason)
    this.#exchange.cancelUpload('aborted', reason)
  }

  /** Stops listening: the exchange was settled, and its request was sent. */
  end(): void {
    this.#listener?.remove(this)
    this.#cancelTimer?.()
  }

  /** Called when `total` has passed, and pending events were delivered. */
  onDue(): void {
    const exchange = this.#exchange
    if (exchange.settled && exchange.remainingUpload === null) return
    const text = `${totalTimeoutMessage(exchange.timeouts.total)} (${exchange.describe()})`
    const error = new TotalTimeout(text, exchange.errorFacts())
    exchange.fail(error)
    exchange.cancelUpload('timeout', error)
  }
}

/** Returns the beginning of the message of a `TotalTimeout`. */
export function totalTimeoutMessage(total: number | null): string {
  return `The request did not complete within ${total} ms`
}

/** Replaces the time in the message of a `TotalTimeout`. Any other text stays unchanged. */
export function withTotalInMessage(message: string, total: number): string {
  return message.replace(/^The request did not complete within \S+ ms/, totalTimeoutMessage(total))
}
