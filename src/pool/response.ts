import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import type { Exchange, ResponseSink } from '../connection/exchange.ts'
import { ResponseTooLarge, StreamClosed, StreamConsumed } from '../errors.ts'
import { decoderFor } from '../models/charset.ts'
import type { Headers } from '../models/headers.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import { BodyBuffer } from './body-buffer.ts'
import { Slab } from './slab.ts'

/** What is read for a response that nobody has asked the body of, in bytes; and of a queue of chunks. */
const READ_AHEAD = 65_536
/** What is read of the rest of an abandoned body to keep its connection, in bytes. */
const DRAIN = 65_536

/** A response to `pool.request`: here when the head is, its body read by one of the methods. */
export class Response {
  readonly #head: ResponseHead
  readonly #body: ResponseBody

  constructor(head: ResponseHead, body: ResponseBody) {
    this.#head = head
    this.#body = body
  }

  get status(): number {
    return this.#head.status
  }

  /** The reason phrase, often empty. */
  get statusText(): string {
    return this.#head.statusText
  }

  get httpVersion(): string {
    return this.#head.httpVersion
  }

  get headers(): Headers {
    return this.#head.headers
  }

  /** The fields behind the body; null until it has ended. RFC 9110 6.5 */
  get trailers(): Headers | null {
    return this.#body.trailers
  }

  /**
   * The whole body; asked for again, the same bytes. With `max` a larger one is a `ResponseTooLarge`,
   * by its Content-Length before it is read.
   */
  bytes(options?: { readonly max?: number | undefined }): Promise<Uint8Array> {
    return this.#body.collect(options?.max ?? Number.POSITIVE_INFINITY)
  }

  /** The whole body by the charset of Content-Type, UTF-8 where that is absent or unknown. */
  async text(options?: { readonly max?: number | undefined }): Promise<string> {
    const bytes = await this.bytes(options)
    return decoderFor(this.headers.get('content-type')).decode(bytes)
  }

  async json<T = unknown>(options?: { readonly max?: number | undefined }): Promise<T> {
    return JSON.parse(await this.text(options)) as T
  }

  /** The body in chunks that the reader may keep, as fast as they are taken. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined, undefined> {
    return this.#body.iterate()
  }

  /** Not interested in the rest: a small one is read to keep the connection, a large one costs it. */
  close(): void {
    this.#body.discard()
  }

  [inspect.custom](): string {
    return `<Response [${this.status} ${this.statusText}]>`
  }
}

type Reader = 'none' | 'collector' | 'iterator' | 'nobody'

/** A response nobody holds any more gives its connection back: an unread body must not pin it. */
const unread = new FinalizationRegistry<ResponseBody>((body) => body.discard())

/** Collects one response's body for whichever method asks for it, however late. */
export class ResponseBody implements ResponseSink {
  trailers: Headers | null = null
  exchange: Exchange | null = null
  // Until the head is here: they hold the promise, and that the response.
  #resolve: ((response: Response) => void) | null
  #reject: ((error: unknown) => void) | null
  #response: WeakRef<Response> | null = null
  #reader: Reader = 'none'
  #length = Number.NaN
  #buffer: BodyBuffer | null = null
  #max = Number.POSITIVE_INFINITY
  #failed = false
  #error: unknown
  #received = 0
  #paused = false
  #wake: (() => void) | null = null
  #whole: Promise<Uint8Array> | null = null
  #slab: Slab | null = null
  #chunks: Buffer[] = []
  #queued = 0

  constructor(resolve: (response: Response) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  // --- from the connection

  onInformational(): void {}

  onHead(head: ResponseHead, length: number): void {
    this.#length = length
    const response = new Response(head, this)
    if (!(length <= READ_AHEAD)) this.#response = new WeakRef(response)
    this.#resolve?.(response)
    this.#resolve = this.#reject = null
  }

  onBody(source: Buffer, start: number, end: number): boolean {
    this.#received += end - start
    switch (this.#reader) {
      case 'nobody':
        return true
      case 'iterator':
        return this.#enqueue(source, start, end)
      default:
        this.#buffer ??= new BodyBuffer(this.#length)
        this.#buffer.append(source, start, end)
        if (this.#reader === 'none') return this.#holdBack()
        if (this.#received > this.#max) this.#refuse(this.#max)
        return true
    }
  }

  /** Without a reader the socket stops after one window; whoever comes late starts it again. */
  #holdBack(): boolean {
    if ((this.#buffer as BodyBuffer).length <= READ_AHEAD) return true
    const response = this.#response?.deref()
    if (response === undefined) {
      this.discard() // it was let go of before so much had come
      return true
    }
    unread.register(response, this, this)
    this.#paused = true
    return false
  }

  #enqueue(source: Buffer, start: number, end: number): boolean {
    this.#slab ??= new Slab()
    this.#chunks.push(this.#slab.take(source, start, end))
    this.#queued += end - start
    this.#awake()
    this.#paused = this.#queued >= READ_AHEAD
    return !this.#paused
  }

  target(missing: number): Buffer | null {
    switch (this.#reader) {
      case 'nobody':
        return null
      case 'iterator':
        this.#slab ??= new Slab()
        return this.#slab.target(missing)
      default:
        this.#buffer ??= new BodyBuffer(this.#length)
        return this.#buffer.target(missing, this.#reader === 'none' ? READ_AHEAD : undefined)
    }
  }

  onEnd(trailers: Headers): void {
    this.trailers = trailers
    if (this.#wake !== null) this.#awake()
  }

  onError(error: unknown): void {
    if (this.#reject !== null) return this.#reject(error)
    this.#failed = true
    this.#error = error
    this.#awake()
  }

  onUpgrade(_openSocket: () => Duplex): boolean {
    return false
  }

  // --- from the reader

  collect(max: number): Promise<Uint8Array> {
    if (this.#reader === 'none') {
      this.#claim('collector')
      this.#max = max
      if (!this.#failed && Math.max(this.#received, this.#length || 0) > max) this.#refuse(max)
      else this.#resume()
    } else if (this.#reader !== 'collector') {
      return Promise.reject(this.#unavailable())
    }
    if (this.#failed) return Promise.reject(this.#error)
    if (this.trailers === null) {
      this.#whole ??= this.#whenCollected()
      return this.#whole
    }
    if (this.#received > max) return Promise.reject(this.#tooLarge(max))
    return Promise.resolve(this.#collected())
  }

  async #whenCollected(): Promise<Uint8Array> {
    do {
      await this.#woken()
      if (this.#reader !== 'collector') throw this.#unavailable()
      if (this.#failed) throw this.#error
    } while (this.trailers === null)
    return this.#collected()
  }

  #collected(): Uint8Array {
    this.#buffer ??= new BodyBuffer(0)
    return this.#buffer.bytes()
  }

  async *iterate(): AsyncGenerator<Uint8Array, undefined, undefined> {
    if (this.#reader === 'collector' && this.trailers !== null && !this.#failed) {
      const bytes = this.#collected()
      if (bytes.length > 0) yield bytes
      return
    }
    if (this.#reader !== 'none') throw this.#unavailable()
    this.#claim('iterator')
    if (this.#buffer !== null) {
      this.#chunks.push(this.#buffer.bytes())
      this.#queued = this.#received
      this.#buffer = null
    }
    try {
      while ((this.#reader as Reader) === 'iterator') {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          yield chunk
          this.#queued -= chunk.length
        } else if (this.#failed) throw this.#error
        else if (this.trailers !== null) return
        else {
          this.#resume()
          await this.#woken()
        }
      }
      throw this.#unavailable()
    } finally {
      if (this.trailers === null) this.discard()
    }
  }

  discard(): void {
    if (this.#reader !== 'none' && this.trailers !== null) return // it was read
    if (this.#reader === 'nobody') return
    this.#claim('nobody')
    this.#buffer = null
    this.#chunks = []
    this.#awake()
    if (this.trailers !== null || this.#failed) return
    if (this.#length - this.#received <= DRAIN) return this.#resume()
    this.exchange?.abort(this.#unavailable())
  }

  #claim(reader: Reader): void {
    this.#reader = reader
    if (this.#paused) unread.unregister(this)
  }

  #unavailable(): StreamClosed | StreamConsumed {
    return this.#reader === 'nobody'
      ? new StreamClosed('The response was closed before its body was read')
      : new StreamConsumed('The body of the response was taken already')
  }

  #refuse(max: number): void {
    this.#failed = true
    this.#error = this.#tooLarge(max)
    this.#buffer = null
    this.#awake()
    this.exchange?.abort(this.#error)
  }

  #tooLarge(max: number): ResponseTooLarge {
    const size = Number.isNaN(this.#length) ? `at least ${this.#received}` : this.#length
    return new ResponseTooLarge(
      `The response has ${size} bytes, more than ${max}`,
      this.exchange?.facts(),
    )
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.exchange?.resume()
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #awake(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
