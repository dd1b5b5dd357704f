import { HawserError } from '../errors.ts'
import type { Trace } from '../models/events.ts'
import { Headers } from '../models/headers.ts'
import { memberOf } from '../models/options.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest, Head } from '../models/request.ts'
import { BaseDispatcher, TracedDispatcher } from '../pool/base-dispatcher.ts'
import { PreparedFields } from '../protocol/prepared-fields.ts'
import type { Dispatcher } from './dispatcher.ts'
import { InProcessCarrier } from './in-process/in-process-carrier.ts'
import { inProcessParts } from './in-process/in-process-parts.ts'

/** Sends requests, and returns a promise for each response. */
export type RequestSender = BaseDispatcher

/**
 * Converts a dispatcher to a `RequestSender`. Pools, app dispatchers and mock dispatchers already
 * are one. Any other dispatcher, and a subclass that overrides `dispatch`, is wrapped.
 *
 * @param trace receives the events of the requests sent through the result, and of their
 *   connections
 * @throws TypeError if `dispatcher` is not a dispatcher
 */
export function toRequestSender(dispatcher: Dispatcher, trace: Trace | null = null): RequestSender {
  if (typeof dispatcher?.dispatch !== 'function' || typeof dispatcher.close !== 'function') {
    throw new TypeError('A dispatcher must have the methods dispatch and close')
  }
  const isBuiltIn =
    dispatcher instanceof BaseDispatcher &&
    dispatcher.dispatch === BaseDispatcher.prototype.dispatch
  const sender = isBuiltIn ? dispatcher : new CustomDispatcher(dispatcher)
  return trace === null ? sender : new TracedDispatcher(sender, trace)
}

/**
 * Wraps a custom dispatcher, so that its requests are checked, timed and traced like all others.
 */
class CustomDispatcher extends BaseDispatcher {
  readonly #dispatcher: Dispatcher

  constructor(dispatcher: Dispatcher) {
    super(
      inProcessParts((exchange, request) =>
        new CustomDispatcherCall(exchange).start(dispatcher, withFlatHeaders(request)),
      ),
    )
    this.#dispatcher = dispatcher
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#dispatcher.close()
  }
}

/** The caller's form of headers; prepared ones, which are internal, as a flat list. */
function withFlatHeaders(request: DispatchRequest): DispatchRequest {
  const { headers } = request
  return headers instanceof PreparedFields ? { ...request, headers: headers.flat() } : request
}

/**
 * One request to a custom dispatcher. The dispatcher may break its contract: whichever handler
 * methods it calls, and whenever it calls them, the exchange is settled once, and later calls have
 * no effect.
 */
class CustomDispatcherCall extends InProcessCarrier implements DispatchHandler {
  #control: DispatchControl | null = null
  #resumed = false
  #ended = false

  start(dispatcher: Dispatcher, request: DispatchRequest): void {
    const control: unknown = dispatcher.dispatch(request, this)
    if (isControl(control)) this.#control = control
    else if (!this.#ended)
      throw new TypeError('dispatch must return an object with the methods resume and abort')
    // The exchange may have ended or resumed inside `dispatch`, before its control was known.
    if (this.exchange.settled) this.release()
    else if (this.#resumed) this.resume()
  }

  // --- DispatchHandler

  onHead = (head: Head): void => {
    if (typeof head === 'object' && head !== null) this.head(head)
    else this.failInvalid('the dispatcher called onHead without a head')
  }

  onData = (chunk: Uint8Array): boolean => this.data(chunk)

  onEnd = (trailers?: Headers): void => {
    this.#ended = true
    this.end(trailers instanceof Headers ? trailers : new Headers())
  }

  onError = (error: unknown): void => {
    this.#ended = true
    this.exchange.fail(error ?? new HawserError('The dispatcher called onError without an error'))
  }

  // --- Carrier

  override resume(): void {
    super.resume()
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
      // The exchange has already ended: nothing is left to report the error to.
    }
  }
}

function isControl(value: unknown): value is DispatchControl {
  if (typeof value !== 'object' || value === null) return false
  return ['resume', 'abort'].every((name) => typeof memberOf(value, name) === 'function')
}
