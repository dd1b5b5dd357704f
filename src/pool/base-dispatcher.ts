import { inspect } from 'node:util'
import type { ResponseSink } from '../connection/exchange.ts'
import { Exchange } from '../connection/exchange.ts'
import { outgoingRequest } from '../connection/outgoing-request.ts'
import { ClientClosed, LocalProtocolError, UnsupportedProtocol } from '../errors.ts'
import type { Trace } from '../models/events.ts'
import { option } from '../models/options.ts'
import type { Origin } from '../models/origin.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../models/request.ts'
import { Timeout } from '../models/timeout.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import type { InFlight } from './in-flight.ts'
import type { Response } from './response.ts'
import { HandlerSink, PendingResponse } from './sinks.ts'
import { TracedExchange } from './traced-exchange.ts'
import type { Tracing } from './tracing.ts'
import { Watch } from './watch.ts'

/** What is needed to write the requests for one origin. */
export interface Destination {
  readonly origin: Origin
  readonly hostField: string
  /** What a proxy on the way requires of the head; null without a proxy. */
  readonly proxyRules: ProxyRules | null
}

/** Sends admitted exchanges: over connections, or into code of this process. */
export interface Carriers {
  /** Throws for an origin that is not valid. */
  destinationOf(origin: string | URL): Destination
  /**
   * Takes over an exchange. `destination` is a result of `destinationOf` of the same object.
   * `request` is what the caller gave.
   */
  start(exchange: Exchange, destination: Destination, request: DispatchRequest): void
  /** Called instead of `start` when the request was refused or is aborted already. */
  forget(destination: Destination): void
  /** Accepts no more. @returns the exchanges in progress, which the caller ends */
  close(): Iterable<Exchange>
}

/** What a dispatcher is made of. */
export interface DispatcherParts {
  /** For error messages: "The pool is closed". */
  readonly name: 'pool' | 'dispatcher'
  readonly carriers: Carriers
  readonly inFlight: InFlight
  readonly timeouts: Timeout
  readonly tracing: Tracing
}

/** Reads the private parts, for `TracedDispatcher`. */
let partsOf: (dispatcher: BaseDispatcher) => DispatcherParts

/**
 * Admits requests. This is the only place where a request becomes an exchange, whether a connection,
 * an app, a mock or a custom dispatcher answers it.
 */
export class BaseDispatcher {
  static {
    partsOf = (dispatcher) => dispatcher.#parts
  }

  readonly #parts: DispatcherParts

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  /**
   * Sends a request and reports everything to `handler`, later. Never throws: an invalid request is
   * reported to `onError`.
   */
  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#admit(request, new HandlerSink(handler, wantsCopies(request))) ?? INERT_CONTROL
  }

  /** Sends a request; resolves when the head of its response has arrived. */
  request(request: DispatchRequest): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#admit(request, new PendingResponse(resolve, reject))
    })
  }

  #admit(request: DispatchRequest, sink: ResponseSink): Exchange | null {
    const { carriers, inFlight, tracing } = this.#parts
    const { clock } = inFlight
    let exchange: Exchange
    let signal: AbortSignal | null = null
    let destination: Destination | null = null
    try {
      if (inFlight.closed) throw new ClientClosed(`The ${this.#parts.name} is closed`)
      if (request.signal !== undefined) signal = signalOf(request)
      destination = carriers.destinationOf(request.origin)
      const outgoing = outgoingRequest(
        request,
        destination.origin,
        destination.hostField,
        destination.proxyRules,
      )
      const timeouts =
        request.timeouts === undefined
          ? this.#parts.timeouts
          : Timeout.from(option(request, 'timeouts', undefined), this.#parts.timeouts)
      const now = clock.now()
      exchange = tracing.isHeard
        ? new TracedExchange(outgoing, sink, timeouts, now, inFlight, tracing)
        : new Exchange(outgoing, sink, timeouts, now, inFlight)
    } catch (error) {
      if (destination !== null) carriers.forget(destination)
      clock.microtask(() => sink.onError(withRequest(error, request)))
      return null
    }
    inFlight.add(exchange)
    if (signal?.aborted) {
      exchange.abort(signal.reason)
      carriers.forget(destination)
    } else {
      if (signal !== null || exchange.timeouts.total !== null)
        exchange.watch = new Watch(exchange, signal, clock)
      carriers.start(exchange, destination, request)
    }
    return exchange
  }

  /** Closes at once: requests in progress and later ones fail with `ClientClosed`. */
  close(): Promise<void> {
    const { carriers, inFlight, name } = this.#parts
    inFlight.closed = true
    for (const exchange of carriers.close()) {
      exchange.abort(new ClientClosed(`The ${name} was closed (${exchange.describe()})`))
    }
    return Promise.resolve()
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Another dispatcher for one client: `trace` is told of what this client sends through it, and of no more. */
export class TracedDispatcher extends BaseDispatcher {
  readonly #dispatcher: BaseDispatcher

  constructor(dispatcher: BaseDispatcher, trace: Trace) {
    const parts = partsOf(dispatcher)
    super({ ...parts, tracing: parts.tracing.with(trace) })
    this.#dispatcher = dispatcher
  }

  /** Closes the other dispatcher. */
  override close(): Promise<void> {
    return this.#dispatcher.close()
  }

  [inspect.custom](): string {
    return inspect(this.#dispatcher)
  }
}

/** The control of a request that was refused. */
const INERT_CONTROL: DispatchControl = { resume() {}, abort() {} }

function signalOf(request: DispatchRequest): AbortSignal | null {
  const signal = option(request, 'signal', null)
  if (signal === null || typeof signal.addEventListener === 'function') return signal
  throw new TypeError('signal must be an AbortSignal')
}

function wantsCopies(request: DispatchRequest): boolean {
  return request?.copy === true && Object.hasOwn(request, 'copy')
}

/** Adds the request to an error about the request itself. */
function withRequest(error: unknown, request: DispatchRequest): unknown {
  if (typeof request !== 'object' || request === null) {
    return new LocalProtocolError('A request has to be an object with an origin and a path')
  }
  const isOwn = error instanceof LocalProtocolError || error instanceof UnsupportedProtocol
  if (!isOwn || error.request !== null) return error
  const { method = 'GET', origin, path } = request
  const facts = { request: { method, origin, path }, phase: 'queue' } as const
  return error instanceof LocalProtocolError
    ? new LocalProtocolError(error.message, facts)
    : new UnsupportedProtocol(error.message, facts)
}
