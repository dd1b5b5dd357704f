import { types } from 'node:util'
import { LocalProtocolError, WriteError } from '../errors.ts'
import { asError, isThenable } from '../models/value-kind.ts'
import type { Exchange } from './exchange.ts'
import { hasRepeatableContent } from './outgoing-request.ts'
import type { SendingState } from './states.ts'

/** Large bytes are written in slices of this size, because TLS encrypts each write as a whole. */
const SLICE_SIZE = 1 << 20
/** A chunk of up to this many bytes is copied after its size line, so that one write sends both. */
const MAX_JOINED_CHUNK = 16_384

type Item = Uint8Array | string
type Source = Iterator<Item> | AsyncIterator<Item>

export interface UploadOwner {
  /**
   * `Upload` reads content while the state is `sending`, and closes the source when the state is
   * `abandoned`.
   */
  readonly state: SendingState
  write(data: string | Uint8Array): void
  /** All content was written. */
  onUploaded(): void
  /** The content could not be read, or does not match the Content-Length. */
  onUploadFailed(error: LocalProtocolError | WriteError): void
}

/** Reads the content of one request, and writes it with the framing of the request's head. */
export class Upload {
  readonly #exchange: Exchange
  readonly #owner: UploadOwner
  readonly #chunked: boolean
  /**
   * How many bytes must still be written to reach Content-Length; `Infinity` for chunked content.
   */
  #remaining: number
  #source: Source | null = null
  /** Whether `next()` of the source has returned a promise that is not settled. */
  #isStepPending = false
  /** Whether `next()` of the source is on the stack. */
  #isSourceRunning = false
  /** Whether the last chunk needs its CRLF, which is written together with the next size line. */
  #needsCrlf = false

  constructor(exchange: Exchange, owner: UploadOwner) {
    this.#exchange = exchange
    this.#owner = owner
    const { contentLength } = exchange.request.framing
    this.#chunked = contentLength === null
    this.#remaining = contentLength ?? Number.POSITIVE_INFINITY
  }

  get #isAbandoned(): boolean {
    return this.#owner.state === 'abandoned'
  }

  start(): void {
    const { content } = this.#exchange.request
    if (this.#isAbandoned || content === null) return
    if (types.isUint8Array(content)) {
      this.#source = slices(content)
      return this.#pump()
    }
    this.#exchange.contentConsumed = !hasRepeatableContent(this.#exchange.request)
    this.#runCallerCode(() => {
      this.#source =
        Symbol.asyncIterator in content
          ? content[Symbol.asyncIterator]()
          : content[Symbol.iterator]()
    })
    if (this.#isAbandoned) return this.#closeSource() // the caller's code aborted the request
    this.#pump()
  }

  /** Continues after the operating system has accepted all written bytes. */
  resume(): void {
    if (this.#source !== null && !this.#isStepPending) this.#pump()
  }

  /** Closes the source, now or when its `next()` returns. */
  stop(): void {
    if (!this.#isSourceRunning) this.#closeSource()
  }

  #closeSource(): void {
    const source = this.#source
    this.#source = null
    this.#runCallerCode(() => {
      // The reason is what `cancel` of a ReadableStream receives.
      const returned = source?.return?.(this.#exchange.failure)
      if (isThenable(returned)) returned.then(ignore, ignore)
    }, true)
  }

  #pump(): void {
    while (this.#owner.state === 'sending') {
      let step: IteratorResult<Item> | PromiseLike<IteratorResult<Item>> | undefined
      let isPending = false
      // A running generator cannot be closed. If it aborts the request, it is closed afterwards.
      this.#isSourceRunning = true
      this.#runCallerCode(() => {
        step = this.#source?.next()
        isPending = isThenable(step)
      })
      this.#isSourceRunning = false
      if (isPending) this.#awaitStep(step as PromiseLike<IteratorResult<Item>>)
      if (this.#isAbandoned) return this.#closeSource()
      if (isPending) return
      if (!this.#process(step as IteratorResult<Item>)) return
    }
  }

  #awaitStep(step: PromiseLike<IteratorResult<Item>>): void {
    this.#isStepPending = true
    try {
      step.then(this.#onStep, this.#onSourceFailed)
    } catch (error) {
      this.#onSourceFailed(error)
    }
  }

  readonly #onStep = (step: IteratorResult<Item>): void => {
    this.#isStepPending = false
    if (this.#isAbandoned) return
    if (this.#process(step)) this.#pump()
  }

  readonly #onSourceFailed = (cause: unknown): void => {
    this.#isStepPending = false
    if (this.#isAbandoned) return
    this.#source = null // an iterator that threw is not closed
    this.#owner.onUploadFailed(
      new WriteError(
        `Could not read the request body: ${asError(cause).message} (${this.#exchange.describe()})`,
        { ...this.#exchange.errorFacts(cause), safeToRetry: false },
      ),
    )
  }

  /**
   * Runs code of the caller in the caller's async context. An exception fails the upload, unless
   * `ignoresErrors` is true.
   */
  #runCallerCode(call: () => void, ignoresErrors = false): void {
    try {
      if (this.#exchange.callerContext === null) call()
      else this.#exchange.callerContext.runInAsyncScope(call)
    } catch (error) {
      if (!ignoresErrors) this.#onSourceFailed(error)
    }
  }

  /** Writes one result of the iterator. Returns whether to read the next one. */
  #process(step: IteratorResult<Item>): boolean {
    if (Object(step) !== step)
      return this.#fail('has an iterator whose next() did not return an object')
    let done: boolean | undefined
    let value: Item
    try {
      ;({ done, value } = step)
    } catch (error) {
      this.#onSourceFailed(error)
      return false
    }
    if (this.#isAbandoned) return false // a getter of the caller aborted the request
    if (done) {
      if (this.#remaining > 0 && !this.#chunked)
        return this.#fail(`is ${this.#remaining} bytes shorter than its Content-Length`)
      return this.#finish()
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    if (!types.isUint8Array(bytes)) {
      return this.#fail('yielded a value that is neither a string nor bytes')
    }
    if (bytes.length === 0) return true // a chunk of length 0 would end the content
    if (bytes.length > this.#remaining) return this.#fail('is longer than its Content-Length')
    this.#remaining -= bytes.length
    if (this.#chunked) this.#writeChunk(bytes)
    else this.#write(bytes)
    return true
  }

  #writeChunk(bytes: Uint8Array): void {
    const size = `${this.#needsCrlf ? '\r\n' : ''}${bytes.length.toString(16)}\r\n`
    this.#needsCrlf = true
    if (bytes.length > MAX_JOINED_CHUNK) {
      this.#write(size)
      this.#write(bytes)
      return
    }
    const joined = Buffer.allocUnsafe(size.length + bytes.length)
    joined.write(size, 'latin1')
    joined.set(bytes, size.length)
    this.#write(joined)
  }

  #fail(what: string): false {
    this.#owner.onUploadFailed(
      new LocalProtocolError(`The request body ${what} (${this.#exchange.describe()})`, {
        ...this.#exchange.errorFacts(),
        safeToRetry: false,
      }),
    )
    return false
  }

  #finish(): false {
    if (this.#chunked) {
      let end = ''
      this.#runCallerCode(() => {
        end = this.#exchange.request.lastChunk()
      })
      if (this.#isAbandoned) return false
      this.#write(this.#needsCrlf ? `\r\n${end}` : end)
    }
    this.#owner.onUploaded()
    return false
  }

  #write(data: string | Uint8Array): void {
    this.#exchange.bytesSent += data.length
    this.#owner.write(data)
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE_SIZE) yield bytes.subarray(at, at + SLICE_SIZE)
}

function ignore(): void {}
