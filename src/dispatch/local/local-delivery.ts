import type { BodySink, Exchange } from '../../connection/exchange.ts'
import { invalidResponse } from '../../connection/failures.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { localHead, statedLength } from './local-head.ts'

/**
 * Hands a response over that was made in this process: a message as valid as one off a connection,
 * or an error that says what is wrong with it. Once the exchange is settled nothing has an effect.
 */
export class LocalDelivery {
  readonly #exchange: Exchange
  #hasHead = false
  #hasBody = true
  /** Bytes to come, NaN when only the end will tell. */
  #missing = Number.NaN

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  /** Whether there is any content to be asked for: HEAD, 204 and 304 have none. RFC 9110 6.4.1 */
  get wantsBody(): boolean {
    return this.#hasBody && !this.#exchange.settled
  }

  head(given: Head): void {
    const exchange = this.#exchange
    if (exchange.settled) return
    if (this.#hasHead) return this.fault('a second head came')
    this.#hasHead = true
    this.#attempt(() => {
      const head = localHead(given)
      const { status } = head
      if (status < 200) throw new TypeError(`${status} is no status of a final response`)
      const { method } = exchange.request
      this.#hasBody = method !== 'HEAD' && status !== 204 && status !== 304
      this.#missing = this.#hasBody ? statedLength(head) : 0
      exchange.responseStarted = true
      exchange.phase = 'read'
      return () => {
        exchange.body = exchange.sink.onHead(head, this.#missing, exchange)
      }
    })
  }

  /** @returns false to pause */
  data(chunk: Uint8Array): boolean {
    const exchange = this.#exchange
    let goOn = true
    if (exchange.settled) return goOn
    this.#attempt(() => {
      if (!this.#hasHead) throw new TypeError('content came before the head')
      if (!(chunk instanceof Uint8Array)) {
        throw new TypeError(`its content is not bytes, but ${typeof chunk}`)
      }
      if (!this.#hasBody || chunk.length === 0) return () => {}
      if (chunk.length > this.#missing) throw new TypeError('more came than its Content-Length')
      this.#missing -= chunk.length
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
      return () => {
        goOn = (exchange.body as BodySink).onBody(bytes, 0, bytes.length)
      }
    })
    return goOn
  }

  end(trailers = new Headers()): void {
    if (this.#exchange.settled) return
    if (!this.#hasHead) return this.fault('it ended before its head')
    if (this.#missing > 0) {
      return this.fault(`it ended ${this.#missing} bytes before its Content-Length`)
    }
    this.#exchange.end(trailers)
  }

  /** Fails the exchange: whoever answers it does not keep to HTTP. */
  fault(text: string): void {
    this.#exchange.fail(invalidResponse(this.#exchange, text))
  }

  /** What `check` throws is the answer's fault; what its result throws, the receiver's. */
  #attempt(check: () => () => void): void {
    let deliver: () => void
    try {
      deliver = check()
    } catch (error) {
      return this.fault((error as Error).message)
    }
    try {
      deliver()
    } catch (error) {
      this.#exchange.fail(error)
    }
  }
}
