import type { BackendSocket } from '../backends/backend.ts'
import { LocalProtocolError, WriteError } from '../errors.ts'
import { isThenable } from '../models/value-kind.ts'
import type { Exchange } from './exchange.ts'

/** Bytes are handed to the socket in slices of this size at the most: over TLS a slice is encrypted in one go. */
const SLICE = 1 << 20
/** A chunk up to this size is copied together with its framing, so that it goes out in one write. */
const SMALL_CHUNK = 16_384

type Item = Uint8Array | string
type Source = Iterator<Item> | AsyncIterator<Item>

export interface UploadOwner {
  /** The socket has not taken all that it was given: the upload rests until `onDrain`. */
  onBlocked(): void
  /** All content was handed to the socket. */
  onUploaded(): void
  /** The content could not be had, or is not what the head announced. */
  onUploadFailed(error: LocalProtocolError | WriteError): void
}

/** Sends the content of one request behind its head, as fast as the socket takes it. */
export class Upload {
  readonly #exchange: Exchange
  readonly #socket: BackendSocket
  readonly #owner: UploadOwner
  readonly #chunked: boolean
  #missing: number
  #source: Source | null = null
  /** The socket still has bytes to take. */
  #blocked = false
  /** The source has been asked and has not answered. */
  #awaiting = false
  #running = false
  #stopped = false
  #finished = false
  #needsCrlf = false

  constructor(exchange: Exchange, socket: BackendSocket, owner: UploadOwner) {
    this.#exchange = exchange
    this.#socket = socket
    this.#owner = owner
    const { contentLength } = exchange.request.framing
    this.#chunked = contentLength === null
    this.#missing = contentLength ?? Number.POSITIVE_INFINITY
  }

  /** Neither finished nor stopped. */
  get isActive(): boolean {
    return !this.#finished && !this.#stopped
  }

  /** @param blocked the head waits for the socket: nothing is asked for until `onDrain` */
  start(blocked: boolean): void {
    const { content } = this.#exchange.request
    if (this.#stopped || content === null) return
    this.#blocked = blocked
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
    if (this.#stopped) return this.#closeSource() // from inside
    this.#pump()
  }

  /** The socket has taken what it had. */
  onDrain(): void {
    this.#blocked = false
    if (this.#source !== null && !this.#awaiting) this.#pump()
  }

  /** No more of it: the source is told. */
  stop(): void {
    if (!this.isActive) return
    this.#stopped = true
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
    while (!this.#blocked && this.isActive) {
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
      if (this.#stopped) return this.#closeSource()
      if (isThenable(step)) return
      this.#take(step as IteratorResult<Item>)
    }
  }

  readonly #onStep = (step: IteratorResult<Item>): void => {
    this.#awaiting = false
    if (this.#stopped) return
    this.#take(step)
    this.#pump()
  }

  readonly #onSourceFailed = (cause: unknown): void => {
    this.#awaiting = false
    if (this.#stopped) return
    this.#stopped = true
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

  #take(step: IteratorResult<Item>): void {
    if (Object(step) !== step) return this.#refuse('gave something that is no iterator result')
    if (step.done) {
      if (this.#missing > 0 && !this.#chunked) {
        return this.#refuse(`ended ${this.#missing} bytes before its Content-Length`)
      }
      return this.#finish()
    }
    const bytes = typeof step.value === 'string' ? Buffer.from(step.value) : step.value
    if (!(bytes instanceof Uint8Array)) return this.#refuse('gave something that is not bytes')
    if (bytes.length === 0) return // a chunk of no bytes would end the content
    if (this.#chunked) return this.#writeChunk(bytes)
    if (bytes.length > this.#missing) return this.#refuse('is longer than its Content-Length')
    this.#missing -= bytes.length
    this.#write(bytes)
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

  #refuse(what: string): void {
    this.stop()
    this.#owner.onUploadFailed(
      new LocalProtocolError(
        `The request's content ${what} (${this.#exchange.describe()})`,
        this.#exchange.facts(),
      ),
    )
  }

  #finish(): void {
    if (this.#chunked) {
      let end = ''
      this.#run(() => {
        end = this.#exchange.request.lastChunk()
      })
      if (this.#stopped) return
      this.#write(this.#needsCrlf ? `\r\n${end}` : end)
    }
    this.#finished = true
    this.#owner.onUploaded()
  }

  #write(data: string | Uint8Array): void {
    this.#exchange.bytesSent += data.length
    if (this.#socket.write(data)) return
    this.#blocked = true
    this.#owner.onBlocked()
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
