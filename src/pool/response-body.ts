import type { BodySink, Exchange } from '../connection/exchange.ts'
import { ResponseTooLarge, StreamClosed, StreamConsumed } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { BodyBuffer } from './body-buffer.ts'
import { ChunkQueue } from './chunk-queue.ts'

/** What is read for a response that nobody has asked the body of, in bytes; and of a queue of chunks. */
const READ_AHEAD = 65_536
/** What is read of the rest of an abandoned body to keep its connection, in bytes. */
const DRAIN = 65_536

type Reader = 'none' | 'collector' | 'iterator' | 'nobody'

/** A response nobody holds any more gives its connection back: an unread body must not pin it. */
const unread = new FinalizationRegistry<ResponseBody>((body) => body.discard())

/** Collects one response's body for whichever method asks for it, however late. */
export class ResponseBody implements BodySink {
  trailers: Headers | null = null
  readonly #exchange: Exchange
  /** In bytes; NaN when only its end will tell. */
  readonly #length: number
  #response: WeakRef<object> | null = null
  #reader: Reader = 'none'
  #buffer: BodyBuffer | null = null
  #max = Number.POSITIVE_INFINITY
  #failed = false
  #error: unknown
  #received = 0
  /** How much of a body of unknown length is read for nobody before its connection is given up. */
  #maxReceived = Number.POSITIVE_INFINITY
  #paused = false
  #wake: (() => void) | null = null
  #whole: Promise<Uint8Array> | null = null
  #chunks: ChunkQueue | null = null

  constructor(exchange: Exchange, length: number) {
    this.#exchange = exchange
    this.#length = length
  }

  /** Nobody but `response` reads this body: the rest of a large one is not waited with for ever. */
  belongsTo(response: object): void {
    if (!(this.#length <= READ_AHEAD)) this.#response = new WeakRef(response)
  }

  // --- from the connection

  onBody(source: Buffer, start: number, end: number): boolean {
    this.#received += end - start
    switch (this.#reader) {
      case 'nobody':
        if (this.#received > this.#maxReceived) this.#exchange.abort(this.#unavailable())
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
    const chunks = this.#chunks as ChunkQueue
    chunks.take(source, start, end)
    this.#awake()
    this.#paused = chunks.bytes >= READ_AHEAD
    return !this.#paused
  }

  target(missing: number): Buffer | null {
    switch (this.#reader) {
      case 'nobody':
        return null
      case 'iterator':
        return (this.#chunks as ChunkQueue).target(missing)
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
    this.#failed = true
    this.#error = error
    this.#awake()
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
    const chunks = new ChunkQueue(this.#buffer?.bytes())
    this.#chunks = chunks
    this.#buffer = null
    try {
      while ((this.#reader as Reader) === 'iterator') {
        const chunk = chunks.shift()
        if (chunk !== undefined) {
          const { length } = chunk // before it is the reader's, who may transfer it
          yield chunk
          chunks.bytes -= length
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

  /** @param endsSoon of a body whose length is unknown, too, up to `DRAIN` bytes are waited for */
  discard(endsSoon = false): void {
    if (this.#reader !== 'none' && this.trailers !== null) return // it was read
    if (this.#reader === 'nobody') return
    this.#claim('nobody')
    this.#buffer = null
    this.#chunks = null
    this.#awake()
    if (this.trailers !== null || this.#failed) return
    const isUnknown = Number.isNaN(this.#length)
    if (isUnknown) this.#maxReceived = this.#received + DRAIN
    if (isUnknown ? endsSoon : this.#length - this.#received <= DRAIN) return this.#resume()
    this.#exchange.abort(this.#unavailable())
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
    this.#exchange.abort(this.#error)
  }

  #tooLarge(max: number): ResponseTooLarge {
    const size = Number.isNaN(this.#length) ? `at least ${this.#received}` : this.#length
    return new ResponseTooLarge(
      `The response has ${size} bytes, more than ${max}`,
      this.#exchange.facts(),
    )
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#exchange.resume()
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
