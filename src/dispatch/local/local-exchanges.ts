import type { Backend } from '../../backends/backend.ts'
import { MemoryBackend } from '../../backends/memory.ts'
import type { ResponseSink } from '../../connection/exchange.ts'
import { Exchange } from '../../connection/exchange.ts'
import { outgoingRequest } from '../../connection/outgoing-request.ts'
import { ClientClosed } from '../../errors.ts'
import { option } from '../../models/options.ts'
import { parseOrigin } from '../../models/origin.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../../models/request.ts'
import { Timeout } from '../../models/timeout.ts'
import { HandlerSink } from '../../pool/handler-sink.ts'
import { InFlight } from '../../pool/in-flight.ts'
import { PendingResponse } from '../../pool/pending-response.ts'
import { settled, signalOf, wantsCopies, withRequest } from '../../pool/pool.ts'
import type { Response } from '../../pool/response.ts'
import { Watch } from '../../pool/watch.ts'
import type { ProxyRules } from '../../protocol/request-head.ts'
import { hostField } from '../../protocol/request-head.ts'

/** Time, and the hold on the process: nothing is ever connected to. */
/** Who carries the request knows its route, and what may go that way. */
const NO_ROUTE: ProxyRules = { absolute: null, fields: '', via: '', noAuthorization: null }
const local: Backend = new MemoryBackend(() => {})

/** Accepts requests as a pool does, for whoever answers them without a connection. */
export class LocalExchanges {
  readonly clock = local.clock
  readonly #start: (exchange: Exchange, request: DispatchRequest) => void
  readonly #timeouts: Timeout
  readonly #inFlight = new InFlight(local)
  readonly #exchanges = new Set<Exchange>()
  #closed = false

  /** @param start carries an exchange from here on; what it throws fails it */
  constructor(
    start: (exchange: Exchange, request: DispatchRequest) => void,
    timeouts = Timeout.default,
  ) {
    this.#start = start
    this.#timeouts = timeouts
  }

  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#accept(request, new HandlerSink(handler, wantsCopies(request))) ?? settled
  }

  request(request: DispatchRequest): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#accept(request, new PendingResponse(resolve, reject))
    })
  }

  close(): Promise<void> {
    this.#closed = true
    for (const exchange of this.#exchanges) {
      exchange.abort(new ClientClosed(`The dispatcher was closed (${exchange.describe()})`))
    }
    return Promise.resolve()
  }

  // As an owner of exchanges.

  onSettled(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
    this.#inFlight.onSettled(exchange)
  }

  #accept(request: DispatchRequest, sink: ResponseSink): Exchange | null {
    const { clock } = this
    let exchange: Exchange
    let signal: AbortSignal | null
    try {
      if (this.#closed) throw new ClientClosed('The dispatcher is closed')
      signal = signalOf(request)
      const origin = parseOrigin(request.origin)
      exchange = new Exchange(
        outgoingRequest(request, origin, hostField(origin.authority), NO_ROUTE),
        sink,
        Timeout.from(option(request, 'timeouts', undefined), this.#timeouts),
        clock.now(),
        this,
      )
    } catch (error) {
      clock.microtask(() => sink.onError(withRequest(error, request)))
      return null
    }
    this.#inFlight.add(exchange)
    this.#exchanges.add(exchange)
    if (signal?.aborted) {
      exchange.abort(signal.reason)
      return exchange
    }
    if (signal !== null || exchange.timeouts.total !== null) {
      exchange.watch = new Watch(exchange, signal, clock)
    }
    clock.microtask(() => {
      if (exchange.settled) return
      try {
        this.#start(exchange, request)
      } catch (error) {
        exchange.fail(error)
      }
    })
    return exchange
  }
}
