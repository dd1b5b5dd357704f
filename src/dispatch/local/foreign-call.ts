import type { Carrier, Exchange } from '../../connection/exchange.ts'
import { HawserError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type {
  DispatchControl,
  DispatchHandler,
  DispatchRequest,
  Head,
} from '../../models/request.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { LocalDelivery } from './local-delivery.ts'

/**
 * One request on its way through a dispatcher that is not ours. Its promises are not relied on:
 * whatever it calls, and when, the exchange is settled once, and what comes behind that has no effect.
 */
export class ForeignCall implements Carrier, DispatchHandler {
  readonly #exchange: Exchange
  readonly #delivery: LocalDelivery
  #control: DispatchControl | null = null
  #resumed = false
  #ended = false

  constructor(exchange: Exchange) {
    this.#exchange = exchange
    exchange.carrier = this
    exchange.phase = 'wait'
    exchange.bytesSent = exchange.request.first.length
    this.#delivery = new LocalDelivery(exchange)
  }

  start(dispatcher: Dispatcher, request: DispatchRequest): void {
    const control: unknown = dispatcher.dispatch(request, this)
    if (isControl(control)) this.#control = control
    else if (!this.#ended) throw new TypeError('dispatch has to return { resume, abort }')
    // What was asked for while there was no control to ask.
    if (this.#exchange.settled) this.release()
    else if (this.#resumed) this.resume()
  }

  // --- as the handler

  onHead = (head: Head): void => {
    if (typeof head === 'object' && head !== null) this.#delivery.head(head)
    else this.#fault('onHead was called without a head')
  }

  onData = (chunk: Uint8Array): boolean => this.#delivery.data(chunk)

  onEnd = (trailers?: Headers): void => {
    this.#ended = true
    this.#delivery.end(trailers instanceof Headers ? trailers : new Headers())
  }

  onError = (error: unknown): void => {
    this.#ended = true
    this.#exchange.fail(error ?? new HawserError('The dispatcher failed, and gave no error'))
  }

  #fault(text: string): void {
    this.#delivery.fault(text)
  }

  // --- as the carrier of the exchange

  resume(): void {
    this.#resumed = this.#control === null
    try {
      this.#control?.resume()
    } catch (error) {
      this.#exchange.fail(error)
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
