import { HawserError } from '../errors.ts'
import type { Trace } from '../models/events.ts'
import { Headers } from '../models/headers.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest, Head } from '../models/request.ts'
import { BaseDispatcher, TracedDispatcher } from '../pool/base-dispatcher.ts'
import type { Response } from '../pool/response.ts'
import type { Dispatcher } from './dispatcher.ts'
import { LocalDelivery } from './local/local-delivery.ts'
import { localParts } from './local/local-parts.ts'

/** What sends requests, and has a promise of each response. */
export interface Responder {
  request(request: DispatchRequest): Promise<Response>
  close(): Promise<void>
}

/**
 * Pools, apps and mocks are responders themselves; any other dispatcher, and a subclass with a
 * `dispatch` of its own, is adapted. Throws `TypeError` for what is no dispatcher.
 *
 * @param trace is told of the requests that are sent through the result, and of their connections
 */
export function responderOf(dispatcher: Dispatcher, trace: Trace | null = null): Responder {
  if (typeof dispatcher?.dispatch !== 'function' || typeof dispatcher.close !== 'function') {
    throw new TypeError('A dispatcher has to have the methods dispatch and close')
  }
  const isOwn =
    dispatcher instanceof BaseDispatcher &&
    dispatcher.dispatch === BaseDispatcher.prototype.dispatch
  const own = isOwn ? dispatcher : new ForeignDispatcher(dispatcher)
  return trace === null ? own : new TracedDispatcher(own, trace)
}

/** A custom dispatcher whose requests are checked, timed and traced as those of the others are. */
class ForeignDispatcher extends BaseDispatcher {
  readonly #dispatcher: Dispatcher

  constructor(dispatcher: Dispatcher) {
    super(localParts((exchange, request) => new ForeignCall(exchange).start(dispatcher, request)))
    this.#dispatcher = dispatcher
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#dispatcher.close()
  }
}

/**
 * One request to a custom dispatcher, which may break its contract: whatever it calls, and when, the
 * exchange is settled once, and later calls have no effect.
 */
class ForeignCall extends LocalDelivery implements DispatchHandler {
  #control: DispatchControl | null = null
  #resumed = false
  #ended = false

  start(dispatcher: Dispatcher, request: DispatchRequest): void {
    const control: unknown = dispatcher.dispatch(request, this)
    if (isControl(control)) this.#control = control
    else if (!this.#ended) throw new TypeError('dispatch has to return { resume, abort }')
    // What was asked for while there was no control to ask.
    if (this.exchange.settled) this.release()
    else if (this.#resumed) this.resume()
  }

  // --- as the handler

  onHead = (head: Head): void => {
    if (typeof head === 'object' && head !== null) this.head(head)
    else this.fault('onHead was called without a head')
  }

  onData = (chunk: Uint8Array): boolean => this.data(chunk)

  onEnd = (trailers?: Headers): void => {
    this.#ended = true
    this.end(trailers instanceof Headers ? trailers : new Headers())
  }

  onError = (error: unknown): void => {
    this.#ended = true
    this.exchange.fail(error ?? new HawserError('The dispatcher failed, and gave no error'))
  }

  // --- as the carrier of the exchange

  resume(): void {
    this.#resumed = this.#control === null
    try {
      this.#control?.resume()
    } catch (error) {
      this.exchange.fail(error)
    }
  }

  release(): void {
    if (this.#ended || this.#control === null) return
    this.#ended = true
    try {
      this.#control.abort()
    } catch {
      // The exchange is over, and its end is known.
    }
  }
}

function isControl(value: unknown): value is DispatchControl {
  const { resume, abort } = (value ?? {}) as Partial<DispatchControl>
  return typeof resume === 'function' && typeof abort === 'function'
}
