import type { BodySink, Carrier, Exchange } from '../../connection/exchange.ts'
import { invalidResponseError } from '../../connection/transport-errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { ResponseHead } from '../../protocol/response-head.ts'

/** Outside of HTAB, SP, VCHAR and obs-text. RFC 9112 4 */
const NOT_REASON = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Carries an exchange whose response is made in this process: delivers a message that is as valid as
 * one from a connection, or an error that says what is wrong with it. Has no effect once the exchange
 * is settled.
 */
export abstract class LocalDelivery implements Carrier {
  readonly exchange: Exchange
  #hasHead = false
  #hasBody = true
  /** Bytes to come, NaN when only the end will tell. */
  #missing = Number.NaN

  constructor(exchange: Exchange) {
    this.exchange = exchange
    exchange.carrier = this
    exchange.enterPhase('wait')
    // From now on the request may have had its effect, which `safeToRetry` has to take into account.
    const { headBytes, content } = exchange.request
    exchange.bytesSent = headBytes.length + (content instanceof Uint8Array ? content.length : 0)
  }

  abstract resume(): void
  abstract release(): void

  /** Whether there is any content to be asked for: HEAD, 204 and 304 have none. RFC 9110 6.4.1 */
  protected get wantsBody(): boolean {
    return this.#hasBody && !this.exchange.settled
  }

  protected head(given: Head): void {
    const { exchange } = this
    if (exchange.settled) return
    if (this.#hasHead) return this.fault('a second head came')
    this.#hasHead = true
    let head: ResponseHead
    try {
      head = localHead(given)
      const { method } = exchange.request
      this.#hasBody = method !== 'HEAD' && head.status !== 204 && head.status !== 304
      this.#missing = this.#hasBody ? statedLength(head) : 0
    } catch (error) {
      return this.fault((error as Error).message)
    }
    exchange.onBytesReceived(head.byteLength)
    exchange.enterPhase('read')
    try {
      exchange.deliverHead(head, this.#missing)
    } catch (error) {
      exchange.fail(error)
    }
  }

  /** @returns false to pause */
  protected data(chunk: Uint8Array | string): boolean {
    const { exchange } = this
    if (exchange.settled) return true
    try {
      if (!this.#accepts(chunk)) return true
    } catch (error) {
      this.fault((error as Error).message)
      return true
    }
    exchange.onBytesReceived(chunk.length)
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    try {
      return (exchange.body as BodySink).onBody(bytes, 0, bytes.length)
    } catch (error) {
      exchange.fail(error)
      return true
    }
  }

  #accepts(chunk: Uint8Array | string): chunk is Uint8Array {
    if (!this.#hasHead) throw new TypeError('content came before the head')
    if (!(chunk instanceof Uint8Array)) {
      throw new TypeError(`its content is not bytes, but ${typeof chunk}`)
    }
    if (!this.#hasBody || chunk.length === 0) return false
    if (chunk.length > this.#missing) throw new TypeError('more came than its Content-Length')
    this.#missing -= chunk.length
    return true
  }

  protected end(trailers = new Headers()): void {
    if (this.exchange.settled) return
    if (!this.#hasHead) return this.fault('it ended before its head')
    if (this.#missing > 0) {
      return this.fault(`it ended ${this.#missing} bytes before its Content-Length`)
    }
    this.exchange.end(trailers)
  }

  /** Fails the exchange because the response does not conform to HTTP. */
  protected fault(text: string): void {
    this.exchange.fail(invalidResponseError(this.exchange, text))
  }
}

/** A head made in this process. Throws `TypeError` for one that no connection would have delivered. */
function localHead(head: Head): ResponseHead {
  const { status, statusText, httpVersion } = head
  if (!Number.isInteger(status) || status < 200 || status > 999) {
    throw new TypeError(`${String(status)} is no status of a final response`)
  }
  if (head instanceof ResponseHead) return head
  const reason = statusText ?? ''
  if (typeof reason !== 'string' || NOT_REASON.test(reason)) {
    throw new TypeError('statusText is not a reason phrase')
  }
  const headers = head.headers instanceof Headers ? head.headers : new Headers(head.headers)
  let raw = `HTTP/${httpVersion === '1.0' ? '1.0' : '1.1'} ${status} ${reason}`
  for (const [name, value] of headers) raw += `\r\n${name}: ${value}`
  return new ResponseHead(status, raw)
}

/**
 * The length that Content-Length states, NaN without one. Throws for an invalid one, or for several
 * that differ. RFC 9110 8.6
 */
function statedLength(head: ResponseHead): number {
  const [first, ...others] = head.headers.getAll('content-length')
  if (first === undefined) return Number.NaN
  if (!/^\d+$/.test(first) || !Number.isSafeInteger(Number(first))) {
    throw new TypeError('Content-Length is not a decimal number below 2^53')
  }
  if (others.some((other) => other !== first)) {
    throw new TypeError('Content-Length is given twice and differs')
  }
  return Number(first)
}
