import type { BodySink, Exchange } from '../connection/exchange.ts'
import { responseClosedError } from '../connection/transport-errors.ts'
import type { StreamClosed } from '../errors.ts'
import { ResponseTooLarge, StreamConsumed } from '../errors.ts'
import type { OwnedBytes } from '../models/bytes.ts'
import type { Headers } from '../models/headers.ts'
import { BodyBuffer } from './body-buffer.ts'
import { ChunkQueue } from './chunk-queue.ts'

/** How many bytes are read before the caller reads the body, and ahead of an iterator. */
const READ_AHEAD = 65_536
/** How many bytes of a discarded body are read so that its connection can be reused. */
const MAX_DRAINED = 65_536

type ReadMode = 'none' | 'collect' | 'iterate' | 'discard'

/**
 * Frees the connections of responses that were garbage-collected with an unread body. The response
 * is also the token with which it is removed.
 */
const unread = new FinalizationRegistry<ResponseBody>((body) => body.discard())

/** Receives the body of one response, and keeps it until a method of the response reads it. */
export class ResponseBody implements BodySink {
  trailers: Headers | null = null
  readonly #exchange: Exchange
  /** In bytes; NaN if unknown. */
  readonly #length: number
  #response: WeakRef<object> | null = null
  /** Whether the response is in `unread`. */
  #registered = false
  #mode: ReadMode = 'none'
  #buffer: BodyBuffer | null = null
  #max = Number.POSITIVE_INFINITY
  #failed = false
  #error: unknown
  #received = 0
  /** A discarded body of unknown length closes its connection when it has more bytes than this. */
  #maxReceived = Number.POSITIVE_INFINITY
  #paused = false
  #wake: (() => void) | null = null
  #collecting: Promise<OwnedBytes> | null = null
  #chunks: ChunkQueue | null = null

  constructor(exchange: Exchange, length: number) {
    this.#exchange = exchange
    this.#length = length
  }

  /** Ties a large body to its response: if that is garbage-collected, the body is discarded. */
  holdWeakly(response: object): void {
    if (!this.isReadAhead) this.#response = new WeakRef(response)
  }

  /** Whether all of it is received without a reader: it is small, and its length is known. */
  get isReadAhead(): boolean {
    return this.#length <= READ_AHEAD
  }

  // --- BodySink: called by the connection

  onBody(source: Buffer, start: number, end: number): boolean {
    this.#received += end - start
    switch (this.#mode) {
      case 'discard':
        if (this.#received > this.#maxReceived) this.#exchange.abort(this.#unavailableError())
        return true
      case 'iterate':
        return this.#enqueue(source, start, end)
      default:
        this.#buffer ??= new BodyBuffer(this.#length)
        this.#buffer.append(source, start, end)
        if (this.#mode === 'none') return this.#pauseWhenFull()
        if (this.#received > this.#max) this.#failTooLarge(this.#max)
        return true
    }
  }

  /** Pauses a body without a reader after `READ_AHEAD` bytes. A later reader resumes it. */
  #pauseWhenFull(): boolean {
    if ((this.#buffer as BodyBuffer).length <= READ_AHEAD) return true
    return this.#pause()
  }

  /** Pauses for the reader. @returns false to pause */
  #pause(): boolean {
    const response = this.#response?.deref()
    if (response === undefined) {
      this.discard() // the response was garbage-collected before it could be registered
      return true
    }
    if (!this.#registered) unread.register(response, this, response)
    this.#registered = true
    this.#paused = true
    return false
  }

  #unregister(response: object | undefined): void {
    if (!this.#registered || response === undefined) return
    this.#registered = false
    unread.unregister(response)
  }

  #enqueue(source: Buffer, start: number, end: number): boolean {
    const chunks = this.#chunks as ChunkQueue
    chunks.push(source, start, end)
    this.#wakeReader()
    return chunks.bytes < READ_AHEAD || this.#length <= READ_AHEAD || this.#pause()
  }

  target(missing: number): Buffer | null {
    if (this.#paused && this.#mode !== 'iterate') return null
    switch (this.#mode) {
      case 'discard':
        return null
      case 'iterate':
        return (this.#chunks as ChunkQueue).target(missing)
      default:
        this.#buffer ??= new BodyBuffer(this.#length)
        return this.#buffer.target(missing, this.#mode === 'none' ? READ_AHEAD : undefined)
    }
  }

  onEnd(trailers: Headers): void {
    this.trailers = trailers
    if (this.#wake !== null) this.#wakeReader()
  }

  onError(error: unknown): void {
    this.#failed = true
    this.#error = error
    this.#wakeReader()
  }

  // --- called by the response

  /** Returns the whole body, or rejects with `ResponseTooLarge` if it has more than `max` bytes. */
  collect(max: number): Promise<OwnedBytes> {
    if (this.#mode === 'none') {
      if (this.#isAborted) return Promise.reject(this.#abortReason)
      this.#claim('collect')
      this.#max = max
      if (!this.#failed && Math.max(this.#received, this.#length || 0) > max)
        this.#failTooLarge(max)
      else this.#resume()
    } else if (this.#mode !== 'collect') {
      return Promise.reject(this.#unavailableError())
    }
    if (this.#failed) return Promise.reject(this.#error)
    if (this.trailers === null) {
      this.#collecting ??= this.#whenCollected()
      return this.#collecting
    }
    if (this.#received > max) return Promise.reject(this.#tooLargeError(max))
    return Promise.resolve(this.#collectedBytes())
  }

  /**
   * Returns the whole body without a promise. Returns null if `collect` has to decide: the body has not
   * ended, has failed, is too large, or has a reader; or the signal was aborted.
   */
  collectReceived(max: number): OwnedBytes | null {
    if (this.#mode !== 'none' || this.trailers === null || this.#failed) return null
    if (this.#received > max || this.#isAborted) return null
    this.#claim('collect')
    return this.#collectedBytes()
  }

  async #whenCollected(): Promise<OwnedBytes> {
    do {
      await this.#nextWake()
      if (this.#mode !== 'collect') throw this.#unavailableError()
      if (this.#failed) throw this.#error
    } while (this.trailers === null)
    return this.#collectedBytes()
  }

  #collectedBytes(): Buffer<ArrayBuffer> {
    this.#buffer ??= new BodyBuffer(0)
    return this.#buffer.bytes()
  }

  /**
   * Claims the body for an iterator, and returns its chunks. Throws if it was claimed before; a
   * body that was collected can be iterated any number of times.
   */
  openChunks(): ChunkQueue {
    if (this.#mode === 'collect' && this.trailers !== null && !this.#failed) {
      return new ChunkQueue(this.#collectedBytes())
    }
    if (this.#mode !== 'none') throw this.#unavailableError()
    this.#claim('iterate')
    const received = this.#buffer?.bytes()
    // The socket may be reading into this buffer, and the caller may transfer its chunks.
    const isShared = received !== undefined && this.trailers === null
    this.#chunks = new ChunkQueue(isShared ? Buffer.from(received) : received)
    this.#buffer = null
    return this.#chunks
  }

  /**
   * Returns the next step of an iteration, or null if it must wait for the connection. Throws the
   * error of the exchange after the chunks that arrived before it.
   */
  nextStep(chunks: ChunkQueue): IteratorResult<OwnedBytes, undefined> | null {
    if (this.#mode === 'discard') throw this.#unavailableError()
    if (this.#isAborted) throw this.#abortReason
    const chunk = chunks.shift()
    if (chunk !== undefined) return { done: false, value: chunk }
    if (this.#failed) throw this.#error
    if (this.trailers !== null) return { done: true, value: undefined }
    this.#resume()
    return null
  }

  /** Calls `wake` once when there may be another step of the iteration, or without a reader its end. */
  onNextStep(wake: () => void): void {
    this.#wake = wake
  }

  /** Ends an iteration. Discards what has not been received. */
  endIteration(response: object): void {
    if (this.trailers === null) this.discard()
    this.#unregister(response)
  }

  /**
   * Reads up to `MAX_DRAINED` more bytes to keep the connection, or closes it if more are to come or
   * if they do not come soon.
   *
   * @param isProbablyShort whether to read the rest of a body of unknown length, too
   */
  discard(isProbablyShort = false): void {
    if (this.#mode !== 'none' && this.trailers !== null) return // the body was read
    if (this.#mode === 'discard') return
    this.#claim('discard')
    this.#buffer = null
    this.#chunks = null
    this.#wakeReader()
    if (this.trailers !== null || this.#failed) return
    const isUnknown = Number.isNaN(this.#length)
    if (isUnknown) this.#maxReceived = this.#received + MAX_DRAINED
    if (isUnknown ? isProbablyShort : this.#length - this.#received <= MAX_DRAINED) {
      this.#resume()
      return this.#exchange.drain()
    }
    this.#exchange.abort(this.#unavailableError())
  }

  /**
   * Whether the signal was aborted. What had arrived before is not read any more. WHATWG Fetch 4
   */
  get #isAborted(): boolean {
    return this.#exchange.aborter?.isAborted === true
  }

  get #abortReason(): unknown {
    return this.#exchange.aborter?.reason
  }

  whenSent(callback: () => void): void {
    if (this.#exchange.remainingUpload === null) callback()
    else this.#exchange.onUploadEnded = callback
  }

  #claim(mode: ReadMode): void {
    this.#mode = mode
    if (mode !== 'iterate') this.#unregister(this.#response?.deref())
  }

  #unavailableError(): StreamClosed | StreamConsumed {
    return this.#mode === 'discard'
      ? responseClosedError()
      : new StreamConsumed('The response body was already read')
  }

  #failTooLarge(max: number): void {
    this.#failed = true
    this.#error = this.#tooLargeError(max)
    this.#buffer = null
    this.#wakeReader()
    this.#exchange.abort(this.#error)
  }

  #tooLargeError(max: number): ResponseTooLarge {
    const size = Number.isNaN(this.#length) ? `at least ${this.#received}` : this.#length
    return new ResponseTooLarge(
      `The response body has ${size} bytes; the limit is ${max}`,
      this.#exchange.errorFacts(),
    )
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#exchange.resume()
  }

  #nextWake(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
