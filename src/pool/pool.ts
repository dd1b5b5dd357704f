import { inspect } from 'node:util'
import type { Clock } from '../backends/backend.ts'
import type { ResponseSink } from '../connection/exchange.ts'
import { Exchange } from '../connection/exchange.ts'
import { outgoingRequest } from '../connection/outgoing-request.ts'
import { ClientClosed, HawserError, LocalProtocolError, UnsupportedProtocol } from '../errors.ts'
import { resolveLimits } from '../models/limits.ts'
import { option } from '../models/options.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../models/request.ts'
import { Timeout } from '../models/timeout.ts'
import { HandlerSink } from './handler-sink.ts'
import { InFlight } from './in-flight.ts'
import type { Destination } from './origin-group.ts'
import { PendingResponse } from './pending-response.ts'
import type { PoolOptions } from './pool-options.ts'
import { resolveOptions } from './pool-options.ts'
import type { Response } from './response.ts'
import { Scheduler } from './scheduler.ts'
import type { PoolStats } from './stats.ts'
import { describe } from './stats.ts'
import { TracedExchange } from './traced-exchange.ts'
import { Tracing } from './tracing.ts'
import { Watch } from './watch.ts'

/** Connections to any number of origins, and the requests that wait for one. */
export class ConnectionPool {
  readonly #clock: Clock
  readonly #timeouts: Timeout
  readonly #scheduler: Scheduler
  readonly #inFlight: InFlight
  readonly #tracing: Tracing
  #closed = false

  /** Throws `TypeError` for a bad option. */
  constructor(options: PoolOptions = {}) {
    const { backend, limits, timeouts, route, trace } = resolveOptions(options)
    this.#clock = backend.clock
    this.#timeouts = Timeout.from(timeouts, Timeout.default)
    this.#tracing = new Tracing(backend.clock, trace)
    this.#scheduler = new Scheduler(backend, resolveLimits(limits), route, this.#tracing)
    this.#inFlight = new InFlight(backend)
  }

  /**
   * Sends a request; everything that happens is told to `handler`, later. Never throws: a request
   * that may not be sent goes to `onError`.
   */
  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#accept(request, new HandlerSink(handler, wantsCopies(request))) ?? settled
  }

  /** Sends a request; resolves when the head of its response is here. */
  request(request: DispatchRequest): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#accept(request, new PendingResponse(resolve, reject))
    })
  }

  #accept(request: DispatchRequest, sink: ResponseSink): Exchange | null {
    let exchange: Exchange
    let signal: AbortSignal | null = null
    let destination: Destination | null = null
    try {
      if (this.#closed) throw new ClientClosed('The pool is closed')
      if (request.signal !== undefined) signal = signalOf(request)
      destination = this.#scheduler.destinationOf(request.origin)
      const outgoing = outgoingRequest(
        request,
        destination.origin,
        destination.hostField,
        destination.proxyRules,
      )
      const timeouts =
        request.timeouts === undefined
          ? this.#timeouts
          : Timeout.from(option(request, 'timeouts', undefined), this.#timeouts)
      const now = this.#clock.now()
      exchange = this.#tracing.isHeard
        ? new TracedExchange(outgoing, sink, timeouts, now, this.#inFlight, this.#tracing)
        : new Exchange(outgoing, sink, timeouts, now, this.#inFlight)
    } catch (error) {
      if (destination !== null) this.#scheduler.forgetIfEmpty(destination.group)
      this.#clock.microtask(() => sink.onError(withRequest(error, request)))
      return null
    }
    this.#scheduler.keepContext(exchange)
    this.#inFlight.add(exchange)
    if (signal?.aborted) {
      exchange.abort(signal.reason)
      this.#scheduler.forgetIfEmpty(destination.group)
    } else {
      if (signal !== null || exchange.timeouts.total !== null)
        exchange.watch = new Watch(exchange, signal, this.#clock)
      this.#scheduler.place(exchange, destination.group)
    }
    return exchange
  }

  /** Counts of this moment. */
  stats(): PoolStats {
    return this.#scheduler.stats()
  }

  /** Throws when something is not given back: a request in flight, a waiter, a connection that is not idle. */
  assertQuiescent(): void {
    const { connecting, active, waiting } = this.stats()
    if (connecting + active + waiting + this.#inFlight.count === 0) return
    throw new HawserError(`The pool is not quiescent: ${inspect(this)}\n${this.#inFlight.stacks()}`)
  }

  /** Closes every connection; what is in flight or waits fails with `ClientClosed`. */
  close(): Promise<void> {
    this.#closed = true
    for (const exchange of this.#scheduler.close()) {
      exchange.abort(new ClientClosed(`The pool was closed (${exchange.describe()})`))
    }
    return Promise.resolve()
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [inspect.custom](): string {
    return `<ConnectionPool [${describe(this.stats())}]>`
  }
}

/** The control of what never began. */
export const settled: DispatchControl = { resume() {}, abort() {} }

export function signalOf(request: DispatchRequest): AbortSignal | null {
  const signal = option(request, 'signal', null)
  if (signal === null || typeof signal.addEventListener === 'function') return signal
  throw new TypeError('signal must be an AbortSignal')
}

export function wantsCopies(request: DispatchRequest): boolean {
  return request?.copy === true && Object.hasOwn(request, 'copy')
}

/** An error of the request's own making, with the request on it. */
export function withRequest(error: unknown, request: DispatchRequest): unknown {
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
