import { types } from 'node:util'
import type { BodySink, Carrier, Exchange } from '../../connection/exchange.ts'
import { invalidResponseError } from '../../connection/transport-errors.ts'
import { FORBIDDEN_IN_VALUE } from '../../models/field.ts'
import { Headers } from '../../models/headers.ts'
import type { Head } from '../../models/request.ts'
import { ResponseHead } from '../../protocol/response-head.ts'

/**
 * Carries an exchange whose response is made in this process. Checks the response as the parser
 * checks one from a connection, and fails the exchange if it is not valid. Calls after the end of
 * the exchange have no effect.
 */
export abstract class InProcessCarrier implements Carrier {
  readonly exchange: Exchange
  #hasHead = false
  #hasBody = true
  /** How many bytes of the body are missing; NaN without a Content-Length. */
  #missing = Number.NaN
  /** Whether the reader has resumed since the last chunk. */
  #resumed = false

  constructor(exchange: Exchange) {
    this.exchange = exchange
    exchange.carrier = this
    exchange.enterPhase('wait')
    // `safeToRetry` depends on this: the app may have processed the request from here on.
    const { headBytes, content } = exchange.request
    exchange.bytesSent = headBytes.length + (types.isUint8Array(content) ? content.length : 0)
  }

  abstract release(): void

  resume(): void {
    this.#resumed = true
    this.exchange.awaitReader(false)
  }

  drain(): void {} // no connection is kept

  /** Whether to read the content. Responses to HEAD, 204 and 304 have none. RFC 9110 6.4.1 */
  protected get wantsBody(): boolean {
    return this.#hasBody && !this.exchange.settled
  }

  /** Delivers the head. */
  protected head(given: Head): void {
    const { exchange } = this
    if (exchange.settled) return
    if (this.#hasHead) return this.failInvalid('it has a second head')
    this.#hasHead = true
    let head: ResponseHead
    try {
      head = checkedHead(given)
      const { method } = exchange.request
      this.#hasBody = method !== 'HEAD' && head.status !== 204 && head.status !== 304
      this.#missing = this.#hasBody ? contentLengthOf(head) : 0
    } catch (error) {
      return this.failInvalid((error as Error).message)
    }
    exchange.onBytesReceived(head.byteLength)
    exchange.enterPhase('read')
    try {
      exchange.deliverHead(head, this.#missing)
    } catch (error) {
      exchange.fail(error)
    }
  }

  /** Delivers a chunk. @returns false to pause */
  protected data(chunk: Uint8Array | string): boolean {
    const { exchange } = this
    if (exchange.settled) return true
    try {
      if (!this.#accepts(chunk)) return true
    } catch (error) {
      this.failInvalid((error as Error).message)
      return true
    }
    exchange.onBytesReceived(chunk.length)
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    this.#resumed = false
    try {
      const bodySink = exchange.bodySink as BodySink
      if (bodySink.onBody(bytes, 0, bytes.length) || this.#resumed) return true
    } catch (error) {
      exchange.fail(error)
      return true
    }
    exchange.awaitReader(true)
    return false
  }

  #accepts(chunk: Uint8Array | string): chunk is Uint8Array {
    if (!this.#hasHead) throw new TypeError('its content arrived before its head')
    if (!types.isUint8Array(chunk)) {
      throw new TypeError(`its content has a chunk of type ${typeof chunk}, expected Uint8Array`)
    }
    if (!this.#hasBody || chunk.length === 0) return false
    if (chunk.length > this.#missing)
      throw new TypeError('its content is longer than its Content-Length')
    this.#missing -= chunk.length
    return true
  }

  /** Delivers the end. */
  protected end(trailers = new Headers()): void {
    if (this.exchange.settled) return
    if (!this.#hasHead) return this.failInvalid('it ended without a head')
    if (this.#missing > 0) {
      return this.failInvalid(`its body is ${this.#missing} bytes shorter than its Content-Length`)
    }
    this.exchange.end(trailers)
  }

  /** Fails the exchange because its response is not valid HTTP. */
  protected failInvalid(text: string): void {
    this.exchange.fail(invalidResponseError(this.exchange, text))
  }
}

/** Converts a head made in this process. Throws `TypeError` if the parser would not accept it. */
function checkedHead(head: Head): ResponseHead {
  const { status, statusText, httpVersion } = head
  if (!Number.isInteger(status) || status < 200 || status > 999) {
    throw new TypeError(`its status is ${String(status)}, expected an integer from 200 to 999`)
  }
  if (head instanceof ResponseHead) return head
  const reason = statusText ?? ''
  if (typeof reason !== 'string' || FORBIDDEN_IN_VALUE.test(reason)) {
    throw new TypeError('its statusText is not a valid reason phrase')
  }
  const headers = head.headers instanceof Headers ? head.headers : new Headers(head.headers)
  let raw = `HTTP/${httpVersion === '1.0' ? '1.0' : '1.1'} ${status} ${reason}`
  for (const [name, value] of headers) raw += `\r\n${name}: ${value}`
  return new ResponseHead(status, raw)
}

/**
 * Reads Content-Length; NaN without one. Throws `TypeError` if it is not valid, or if there are
 * several that differ. RFC 9110 8.6
 */
function contentLengthOf(head: ResponseHead): number {
  const [first, ...others] = head.headers.getAll('content-length')
  if (first === undefined) return Number.NaN
  if (!/^\d+$/.test(first) || !Number.isSafeInteger(Number(first))) {
    throw new TypeError('Content-Length is not a decimal number below 2^53')
  }
  if (others.some((other) => other !== first)) {
    throw new TypeError('Content-Length has several different values')
  }
  return Number(first)
}
