import { LocalProtocolError, WriteError } from '../errors.ts'
import { isThenable } from '../models/value-kind.ts'
import type { Exchange } from './exchange.ts'
import type { SendingState } from './states.ts'

/** Bytes are handed to the socket in slices of this size at the most: over TLS a slice is encrypted in one go. */
const SLICE = 1 << 20
/** A chunk up to this size is copied together with its framing, so that it goes out in one write. */
const SMALL_CHUNK = 16_384

type Item = Uint8Array | string
type Source = Iterator<Item> | AsyncIterator<Item>

export interface UploadOwner {
  /** The source is asked for content while this is `sending`, and closed when it is `abandoned`. */
  readonly state: SendingState
  write(data: string | Uint8Array): void
  /** All content was written. */
  onUploaded(): void
  /** The content could not be read, or is not what the head announced. */
  onUploadFailed(error: LocalProtocolError | WriteError): void
}

/** Reads the content of one request from its source, and writes it as the head announced it. */
export class Upload {
  readonly #exchange: Exchange
  readonly #owner: UploadOwner
  readonly #chunked: boolean
  #missing: number
  #source: Source | null = null
  /** The source has been asked and has not answered. */
  #awaiting = false
  #running = false
  #needsCrlf = false

  constructor(exchange: Exchange, owner: UploadOwner) {
    this.#exchange = exchange
    this.#owner = owner
    const { contentLength } = exchange.request.framing
    this.#chunked = contentLength === null
    this.#missing = contentLength ?? Number.POSITIVE_INFINITY
  }

  get #isAbandoned(): boolean {
    return this.#owner.state === 'abandoned'
  }

  start(): void {
    const { content } = this.#exchange.request
    if (this.#isAbandoned || content === null) return
    if (content instanceof Uint8Array) {
      this.#source = slices(content)
      return this.#pump()
    }
    this.#exchange.contentTaken = !isReplayable(content)
    this.#run(() => {
      this.#source =
        Symbol.asyncIterator in content
          ? content[Symbol.asyncIterator]()
          : content[Symbol.iterator]()
    })
    if (this.#isAbandoned) return this.#closeSource() // from inside
    this.#pump()
  }

  /** The socket has taken what it had. */
  resume(): void {
    if (this.#source !== null && !this.#awaiting) this.#pump()
  }

  /** Closes the source: no more of it is wanted. */
  stop(): void {
    if (!this.#running) this.#closeSource()
  }

  #closeSource(): void {
    const source = this.#source
    this.#source = null
    this.#run(() => {
      const returned = source?.return?.()
      if (isThenable(returned)) returned.then(ignore, ignore)
    }, true)
  }

  #pump(): void {
    while (this.#owner.state === 'sending') {
      let step: IteratorResult<Item> | PromiseLike<IteratorResult<Item>> | undefined
      // A generator that runs cannot be closed: stopped from inside, it is closed afterwards.
      this.#running = true
      this.#run(() => {
        step = this.#source?.next()
      })
      this.#running = false
      if (isThenable(step)) {
        this.#awaiting = true
        step.then(this.#onStep, this.#onSourceFailed)
      }
      if (this.#isAbandoned) return this.#closeSource()
      if (isThenable(step)) return
      if (!this.#take(step as IteratorResult<Item>)) return
    }
  }

  readonly #onStep = (step: IteratorResult<Item>): void => {
    this.#awaiting = false
    if (this.#isAbandoned) return
    if (this.#take(step)) this.#pump()
  }

  readonly #onSourceFailed = (cause: unknown): void => {
    this.#awaiting = false
    if (this.#isAbandoned) return
    this.#source = null // it has ended by itself
    const what = cause instanceof Error ? cause.message : String(cause)
    this.#owner.onUploadFailed(
      new WriteError(
        `The request's content failed: ${what} (${this.#exchange.describe()})`,
        this.#exchange.facts(cause),
      ),
    )
  }

  /** Runs code of the caller's: in the caller's async context, its exceptions taken for the content's failure. */
  #run(call: () => void, quietly = false): void {
    try {
      if (this.#exchange.scope === null) call()
      else this.#exchange.scope.runInAsyncScope(call)
    } catch (error) {
      if (!quietly) this.#onSourceFailed(error)
    }
  }

  /** @returns whether more may follow */
  #take(step: IteratorResult<Item>): boolean {
    if (Object(step) !== step) return this.#refuse('gave something that is no iterator result')
    const { done, value } = step
    if (this.#isAbandoned) return false // by a getter of the caller's
    if (done) {
      if (this.#missing > 0 && !this.#chunked) {
        return this.#refuse(`ended ${this.#missing} bytes before its Content-Length`)
      }
      return this.#finish()
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    if (!(bytes instanceof Uint8Array)) return this.#refuse('gave something that is not bytes')
    if (bytes.length === 0) return true // a chunk of no bytes would end the content
    if (bytes.length > this.#missing) return this.#refuse('is longer than its Content-Length')
    this.#missing -= bytes.length
    if (this.#chunked) this.#writeChunk(bytes)
    else this.#write(bytes)
    return true
  }

  #writeChunk(bytes: Uint8Array): void {
    const size = `${this.#needsCrlf ? '\r\n' : ''}${bytes.length.toString(16)}\r\n`
    this.#needsCrlf = true
    if (bytes.length > SMALL_CHUNK) {
      this.#write(size)
      this.#write(bytes)
      return
    }
    const joined = Buffer.allocUnsafe(size.length + bytes.length)
    joined.write(size, 'latin1')
    joined.set(bytes, size.length)
    this.#write(joined)
  }

  #refuse(what: string): false {
    this.#owner.onUploadFailed(
      new LocalProtocolError(
        `The request's content ${what} (${this.#exchange.describe()})`,
        this.#exchange.facts(),
      ),
    )
    return false
  }

  #finish(): false {
    if (this.#chunked) {
      let end = ''
      this.#run(() => {
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

function isReplayable(content: object): boolean {
  return (
    Object.hasOwn(content, 'isReplayable') &&
    (content as { isReplayable: unknown }).isReplayable === true
  )
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE)
}

function ignore(): void {}
