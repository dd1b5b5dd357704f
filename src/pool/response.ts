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
/** What is read of an abandoned body to keep its connection, in bytes. */
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
  readonly #resolve: (response: Response) => void
  readonly #reject: (error: unknown) => void
  #response: WeakRef<Response> | null = null
  #reader: Reader = 'none'
  #length = Number.NaN
  #buffer: BodyBuffer | null = null
  #max = Number.POSITIVE_INFINITY
  #started = false
  #failed = false
  #error: unknown
  #drained = 0
  #paused = false
  #wake: (() => void) | null = null
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
    this.#started = true
    this.#length = length
    const response = new Response(head, this)
    if (!(length <= READ_AHEAD)) this.#response = new WeakRef(response)
    this.#resolve(response)
  }

  onBody(source: Buffer, start: number, end: number): boolean {
    switch (this.#reader) {
      case 'nobody':
        this.#drained += end - start
        if (this.#drained > DRAIN) this.exchange?.abort()
        return true
      case 'iterator':
        return this.#enqueue(source, start, end)
      default:
        this.#buffer ??= new BodyBuffer(this.#length)
        this.#buffer.append(source, start, end)
        if (this.#buffer.length > this.#max) {
          this.#tooLarge(this.#buffer.length)
          return true
        }
        return this.#reader === 'collector' || this.#holdBack()
    }
  }

  /** Without a reader the socket stops after one window; whoever comes late starts it again. */
  #holdBack(): boolean {
    if ((this.#buffer as BodyBuffer).length <= READ_AHEAD) return true
    const response = this.#response?.deref()
    if (response !== undefined) unread.register(response, this, this)
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
    if (!this.#started) return this.#reject(error)
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
      this.#reader = 'collector'
      this.#max = max
      if (this.#length > max) this.#tooLarge(this.#length)
      else this.#resume()
    } else if (this.#reader !== 'collector') {
      return Promise.reject(this.#unavailable())
    }
    if (this.trailers !== null) return Promise.resolve(this.#collected())
    return this.#whenCollected()
  }

  async #whenCollected(): Promise<Uint8Array> {
    while (this.trailers === null) {
      if (this.#failed) throw this.#error
      await this.#woken()
    }
    return this.#collected()
  }

  #collected(): Uint8Array {
    this.#buffer ??= new BodyBuffer(0)
    return this.#buffer.bytes()
  }

  async *iterate(): AsyncGenerator<Uint8Array, undefined, undefined> {
    if (this.#reader === 'collector' && this.trailers !== null) {
      const bytes = this.#collected()
      if (bytes.length > 0) yield bytes
      return
    }
    if (this.#reader !== 'none') throw this.#unavailable()
    this.#reader = 'iterator'
    if (this.#buffer !== null) {
      this.#chunks.push(this.#buffer.bytes())
      this.#buffer = null
    }
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          yield chunk
          this.#queued = Math.max(0, this.#queued - chunk.length)
        } else if (this.#failed) throw this.#error
        else if (this.trailers !== null) return
        else {
          this.#resume()
          await this.#woken()
        }
      }
    } finally {
      this.discard()
    }
  }

  discard(): void {
    this.#reader = 'nobody'
    this.#buffer = null
    this.#chunks = []
    if (this.trailers !== null || this.#failed) return
    if (this.#length <= DRAIN) return this.#resume()
    this.exchange?.abort(new StreamClosed('The response was closed before its body was read'))
  }

  #unavailable(): StreamClosed | StreamConsumed {
    return this.#reader === 'nobody' && this.trailers === null
      ? new StreamClosed('The response was closed before its body was read')
      : new StreamConsumed('The body of the response was read already, in chunks')
  }

  #tooLarge(length: number): void {
    const text = `The response has ${length} bytes, more than ${this.#max}`
    this.exchange?.abort(new ResponseTooLarge(text, this.exchange.facts()))
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    unread.unregister(this)
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
