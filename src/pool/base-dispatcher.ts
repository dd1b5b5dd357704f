import { inspect } from 'node:util'
import type { ResponseSink } from '../connection/exchange.ts'
import { Exchange } from '../connection/exchange.ts'
import { outgoingRequest } from '../connection/outgoing-request.ts'
import { ClientClosed, LocalProtocolError, UnsupportedProtocol } from '../errors.ts'
import type { Trace } from '../models/events.ts'
import { option } from '../models/options.ts'
import type { Origin } from '../models/origin.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../models/request.ts'
import { abortReason, checkSignal } from '../models/signal.ts'
import { Timeout } from '../models/timeout.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import { ExchangeAborter } from './exchange-aborter.ts'
import type { InFlight } from './in-flight.ts'
import type { Response } from './response.ts'
import type { WaitsForBody } from './sinks.ts'
import { HandlerSink, PendingResponse } from './sinks.ts'
import { TracedExchange } from './traced-exchange.ts'
import type { Tracing } from './tracing.ts'

/** What is needed to create the heads of requests for one origin. */
export interface Destination {
  readonly origin: Origin
  readonly versionAndHost: string
  /** What a proxy requires of the head; null without a proxy. */
  readonly proxyRules: ProxyRules | null
}

/** Carries out admitted exchanges: over connections, or by a call into code of this process. */
export interface Transport {
  /** Throws for an invalid origin. */
  destinationOf(origin: string | URL): Destination
  /**
   * Starts an exchange.
   *
   * @param destination a result of `destinationOf` of this transport
   * @param request the request as the caller passed it
   */
  start(exchange: Exchange, destination: Destination, request: DispatchRequest): void
  /** Called instead of `start` if the request is invalid or already aborted. */
  discard(destination: Destination): void
  /** Starts no more exchanges. Returns those in progress, which the caller must settle. */
  close(): Iterable<Exchange>
}

/** The parts of a dispatcher. */
export interface DispatcherParts {
  /** For error messages: "The pool is closed". */
  readonly name: 'pool' | 'dispatcher'
  readonly transport: Transport
  readonly inFlight: InFlight
  readonly timeouts: Timeout
  readonly tracing: Tracing
}

/** Gives `TracedDispatcher` access to the private parts of another dispatcher. */
let partsOf: (dispatcher: BaseDispatcher) => DispatcherParts

/**
 * Sends a request. If `waitsForBody` returns true for the head, resolves when the body has arrived or
 * failed, which saves the caller a promise. Only a small body is waited for. Not a method, because the
 * class is public.
 */
export let requestBody: (
  dispatcher: BaseDispatcher,
  request: DispatchRequest,
  waitsForBody: WaitsForBody,
) => Promise<Response>

/**
 * Admits requests. Only here does a request become an exchange, whether a connection, an app, a
 * mock or a custom dispatcher answers it.
 */
export class BaseDispatcher {
  static {
    partsOf = (dispatcher) => dispatcher.#parts
    requestBody = (dispatcher, request, waitsForBody) =>
      new Promise((resolve, reject) => {
        dispatcher.#admit(request, new PendingResponse(resolve, reject, waitsForBody))
      })
  }

  readonly #parts: DispatcherParts

  constructor(parts: DispatcherParts) {
    this.#parts = parts
  }

  /**
   * Sends a request and reports its progress to `handler`, never before `dispatch` has returned.
   * Never throws: an invalid request is reported to `onError`.
   */
  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#admit(request, new HandlerSink(handler, wantsCopies(request))) ?? INERT_CONTROL
  }

  /** Sends a request. Resolves when the head of the response has arrived. */
  request(request: DispatchRequest): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#admit(request, new PendingResponse(resolve, reject, null))
    })
  }

  #admit(request: DispatchRequest, sink: ResponseSink): Exchange | null {
    const { transport, inFlight, tracing } = this.#parts
    const { clock } = inFlight
    let exchange: Exchange
    let signal: AbortSignal | null = null
    let destination: Destination | null = null
    try {
      if (inFlight.closed) throw new ClientClosed(`The ${this.#parts.name} is closed`)
      if (request.signal !== undefined) signal = checkSignal(option(request, 'signal', null))
      destination = transport.destinationOf(request.origin)
      const outgoing = outgoingRequest(
        request,
        destination.origin,
        destination.versionAndHost,
        destination.proxyRules,
      )
      const timeouts =
        request.timeouts === undefined
          ? this.#parts.timeouts
          : Timeout.from(option(request, 'timeouts', undefined), this.#parts.timeouts)
      const now = clock.now()
      exchange = tracing.hasListeners
        ? new TracedExchange(outgoing, sink, timeouts, now, inFlight, tracing)
        : new Exchange(outgoing, sink, timeouts, now, inFlight)
    } catch (error) {
      if (destination !== null) transport.discard(destination)
      clock.microtask(() => sink.onError(withRequestFacts(error, request)))
      return null
    }
    inFlight.add(exchange)
    if (inFlight.closed)
      exchange.abort(closedError(this.#parts.name, exchange)) // by a listener
    else if (signal?.aborted) exchange.abort(abortReason(signal))
    else if (signal !== null || exchange.timeouts.total !== null)
      exchange.aborter = new ExchangeAborter(exchange, signal, clock, inFlight.due)
    if (exchange.settled) transport.discard(destination)
    else transport.start(exchange, destination, request)
    return exchange
  }

  /** Closes all connections. Requests in progress and later requests fail with `ClientClosed`. */
  close(): Promise<void> {
    const { transport, inFlight, name } = this.#parts
    inFlight.closed = true
    for (const exchange of transport.close()) {
      exchange.abort(closedError(name, exchange))
    }
    return Promise.resolve()
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The error of a request that the closing of its dispatcher ended. */
export function closedError(name: DispatcherParts['name'], exchange: Exchange): ClientClosed {
  return new ClientClosed(`The ${name} was closed (${exchange.describe()})`)
}

/** Sends through another dispatcher. `trace` gets the events of these requests only. */
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

/** The control of a request that was not admitted. */
const INERT_CONTROL: DispatchControl = { resume() {}, abort() {} }

function wantsCopies(request: DispatchRequest): boolean {
  return request?.copy === true && Object.hasOwn(request, 'copy')
}

/** Adds the properties of the request to an error about the request. */
function withRequestFacts(error: unknown, request: DispatchRequest): unknown {
  if (typeof request !== 'object' || request === null) {
    return new LocalProtocolError('A request must be an object with an origin and a path')
  }
  const isAboutRequest = error instanceof LocalProtocolError || error instanceof UnsupportedProtocol
  if (!isAboutRequest || error.request !== null) return error
  const { method = 'GET', origin, path } = request
  const facts = { request: { method, origin, path }, phase: 'queue' } as const
  return error instanceof LocalProtocolError
    ? new LocalProtocolError(error.message, facts)
    : new UnsupportedProtocol(error.message, facts)
}
