import type { Clock } from '../backends/backend.ts'
import type { Aborter, Exchange } from '../connection/exchange.ts'
import { TotalTimeout } from '../errors.ts'
import { abortReason } from '../models/signal.ts'
import type { DueQueue } from './due-queue.ts'
import { Link, LinkedList } from './linked-list.ts'

/** What a signal aborts. */
interface Abortable {
  abort(reason: unknown): void
}

/**
 * The only listener of a signal, for everything that the signal aborts. With one listener for each
 * request, Node.js would print a warning about a leak at the eleventh.
 */
class SharedAbortListener {
  readonly signal: AbortSignal
  /** Not a `Set`: one whose members come and go is rebuilt all the time, for 1.7 us a call. */
  readonly #abortables = new LinkedList<Abortable>()
  /**
   * Removes each operation before it aborts it, because that can run code of the caller. A function:
   * polyfills of `AbortSignal` do not call `handleEvent` of an object.
   */
  readonly #onAbort = (): void => {
    for (let link = this.#abortables.first; link !== null; link = this.#abortables.first) {
      this.remove(link)
      link.value.abort(abortReason(this.signal))
    }
  }

  constructor(signal: AbortSignal) {
    this.signal = signal
  }

  /** The caller keeps `link`, and removes it when its operation ends. */
  add(link: Link<Abortable>): void {
    if (this.#abortables.size === 0) this.signal.addEventListener('abort', this.#onAbort)
    this.#abortables.push(link)
  }

  remove(link: Link<Abortable>): void {
    if (link.list === null) return
    this.#abortables.remove(link)
    if (this.#abortables.size === 0) this.signal.removeEventListener('abort', this.#onAbort)
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
  /** Null without a signal. */
  readonly #listener: SharedAbortListener | null
  readonly #link = new Link<Abortable>(this)
  #cancelTimer: (() => void) | null = null

  constructor(exchange: Exchange, signal: AbortSignal | null, clock: Clock, due: DueQueue) {
    this.#exchange = exchange
    this.#listener = signal && sharedAbortListener(signal)
    this.#listener?.add(this.#link)
    const { total } = exchange.timeouts
    if (total === null) return
    const timer = clock.timer(() => due.add(this))
    timer.arm(total)
    this.#cancelTimer = () => timer.cancel()
  }

  get isAborted(): boolean {
    return this.#listener?.signal.aborted ?? false
  }

  get reason(): unknown {
    return this.#listener === null ? undefined : abortReason(this.#listener.signal)
  }

  abort(reason: unknown): void {
    this.#exchange.abort(reason)
    this.#exchange.cancelUpload('aborted', reason)
  }

  /** Stops listening: the exchange was settled, and its request was sent. */
  end(): void {
    this.#listener?.remove(this.#link)
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
