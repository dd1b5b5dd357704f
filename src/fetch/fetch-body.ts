import { Readable } from 'node:stream'
import type { UnderlyingByteSource } from 'node:stream/web'
import type { CallEnd } from '../client/call-guard.ts'
import { CallGuard, mayHaveEnded } from '../client/call-guard.ts'
import { ignore } from '../content/closable-iterator.ts'
import { readContent } from '../content/content.ts'
import { decoderFor, limitSize } from '../content/decoding/decoder.ts'
import { ReaderIterator } from '../content/web-stream.ts'
import type { ErrorFacts } from '../errors.ts'
import { webClass } from '../models/environment.ts'
import { withoutPrototype } from '../models/options.ts'
import { throwIfAborted } from '../models/signal.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import { networkError } from './network-error.ts'

type ByteStream = ReadableStream<Uint8Array>

/** What limits the reading of a body. */
export interface BodyLimits {
  /** How many bytes the decoded body may have; `Infinity` for any number. */
  readonly max: number
  /** Ends the reading. */
  readonly end: CallEnd
  /** Returns the facts of errors. */
  facts(): ErrorFacts
}

/**
 * The body of a response. It is read without a stream, unless the caller uses the stream.
 * WHATWG Fetch 5.2
 */
export class FetchBody {
  readonly #response: EngineResponse
  readonly #limits: BodyLimits
  #lazyGuard: CallGuard | null = null
  #stream: ByteStream | null = null
  /** Whether `#stream` was read or cancelled. Not every runtime tells it. */
  #isDisturbed = false
  #chunks: AsyncIterator<Uint8Array> | null = null
  #isRead = false
  /** The decoded bytes, if `receive` was called. */
  #received: Uint8Array | null = null

  constructor(response: EngineResponse, limits: BodyLimits) {
    this.#response = response
    this.#limits = limits
  }

  /** Whether the body has been read, at least in part, or cancelled. */
  get used(): boolean {
    const stream = this.#stream
    if (this.#isRead || stream === null) return this.#isRead
    return this.#isDisturbed || Readable.isDisturbed(stream as never)
  }

  get stream(): ByteStream {
    this.#stream ??= this.#open()
    return this.#stream
  }

  /** Reads the whole body. Rejects with `TypeError`, or with the reason of the signal. */
  async bytes(): Promise<Uint8Array> {
    this.#refuseUsed()
    if (this.#stream !== null) return readContent(new ReaderIterator(this.#stream.getReader()))
    this.#isRead = true
    try {
      return await this.#readAll()
    } catch (error) {
      this.#response.close()
      throw networkError(error, 'terminated')
    }
  }

  /**
   * Receives the whole body before anybody reads it, and returns its bytes, which must not be
   * changed. Rejects with a `HawserError`, or with the reason of the signal.
   */
  async receive(): Promise<Uint8Array> {
    try {
      this.#received = await this.#readAll()
      return this.#received
    } catch (error) {
      this.#response.close()
      throw error
    }
  }

  /** Throws, or returns a promise. */
  #readAll(): Uint8Array | Promise<Uint8Array> {
    const response = this.#response
    const { max, end } = this.#limits
    if (this.#isReceived && mayHaveEnded(end)) this.#guard.check()
    if (this.#received !== null) return this.#received
    const decoder = this.#decoder()
    if (decoder === null) return response.receivedBytes(max) ?? response.bytes({ max })
    const received = response.receivedBytes(Number.POSITIVE_INFINITY)
    return received === null
      ? decoder.decodeAll(response, max, this.#guard)
      : decoder.decodeBytes(received, max, this.#guard)
  }

  /**
   * Creates a second body with the same bytes. Throws `TypeError` if this body is used or locked.
   */
  clone(): FetchBody {
    this.#refuseUsed()
    const copy = new FetchBody(this.#response, this.#limits)
    const [first, second] = this.stream.tee()
    this.#stream = this.#observe(first)
    copy.#stream = copy.#observe(second)
    return copy
  }

  /** Creates the stream. It reads a chunk only when one is requested. */
  #open(): ByteStream {
    const isRead = this.#isRead
    const stream: ByteStream = new (webClass('ReadableStream'))(
      withoutPrototype<UnderlyingByteSource>({
        type: 'bytes',
        pull: (controller) => {
          this.#noteUse(stream)
          return this.#pull(controller)
        },
        cancel: () => {
          this.#noteUse(stream)
          if (!isRead) this.#close()
        },
      }),
      withoutPrototype({ highWaterMark: 0 }),
    )
    // The stream of a body that has been read must be disturbed and locked, as if it had been used.
    if (isRead) stream.getReader().cancel().catch(ignore)
    return stream
  }

  /**
   * Returns a stream with the same chunks that notes when it is read. It does not deliver what is
   * queued when the signal is aborted: `tee` queues the chunks that only the other stream has
   * delivered.
   */
  #observe(source: ByteStream): ByteStream {
    const reader = source.getReader()
    const { signal } = this.#limits.end
    const stream: ByteStream = new (webClass('ReadableStream'))(
      withoutPrototype<UnderlyingByteSource>({
        type: 'bytes',
        pull: async (controller) => {
          this.#noteUse(stream)
          try {
            throwIfAborted(signal)
            const { done, value } = await reader.read()
            if (!done) return controller.enqueue(value)
            controller.close()
            controller.byobRequest?.respond(0)
          } catch (error) {
            reader.cancel(error).catch(ignore)
            throw error
          }
        },
        cancel: (reason) => {
          this.#noteUse(stream)
          return reader.cancel(reason)
        },
      }),
      withoutPrototype({ highWaterMark: 0 }),
    )
    return stream
  }

  /** After `clone()`, the stream that was opened first is read by both bodies. */
  #noteUse(stream: ByteStream): void {
    if (stream === this.#stream) this.#isDisturbed = true
  }

  async #pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      throwIfAborted(this.#limits.end.signal)
      this.#chunks ??= this.#decoded()[Symbol.asyncIterator]()
      // A chunk that was received in time is passed on even if the event loop was blocked.
      const isReceived = this.#isReceived
      let step = await this.#chunks.next()
      while (!step.done && step.value.length === 0) step = await this.#chunks.next()
      if (isReceived && !step.done) this.#guard.check()
      if (!step.done) return controller.enqueue(withOwnMemory(step.value))
      controller.close()
      controller.byobRequest?.respond(0)
    } catch (error) {
      this.#close()
      throw networkError(error, 'terminated')
    }
  }

  /** Ends the reading of the stream. */
  #close(): void {
    this.#response.close()
    this.#chunks?.return?.().then(ignore, ignore)
  }

  #decoded(): AsyncIterable<Uint8Array> {
    if (this.#received !== null) return iterateOnce(this.#received)
    const decoder = this.#decoder()
    const { max, facts } = this.#limits
    if (decoder !== null) return decoder.decode(this.#response, max, this.#guard)
    return max === Number.POSITIVE_INFINITY
      ? this.#response
      : limitSize(this.#response, max, facts())
  }

  #decoder() {
    if (!this.#response.mayHaveContentEncoding) return null
    const coding = this.#response.headers.get('content-encoding')
    return coding === null ? null : decoderFor(coding, this.#limits.facts())
  }

  /** Whether the exchange has ended, which therefore cannot end the call any more. */
  get #isReceived(): boolean {
    return this.#response.trailers !== null
  }

  get #guard(): CallGuard {
    this.#lazyGuard ??= new CallGuard(this.#limits.end)
    return this.#lazyGuard
  }

  #refuseUsed(): void {
    if (this.used || this.#stream?.locked) {
      throw new TypeError('The body of the response has already been read, or is locked')
    }
  }
}

async function* iterateOnce(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield chunk
}

/**
 * Copies a chunk that shares its memory: a byte stream transfers the whole `ArrayBuffer` of a
 * chunk.
 */
function withOwnMemory(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : Uint8Array.from(chunk)
}
