import type { Exchange } from '../../connection/exchange.ts'
import { LocalProtocolError, WriteError } from '../../errors.ts'
import type { Body } from '../../models/request.ts'
import type { LocalCall } from './local-call.ts'

type Item = Uint8Array | string

/**
 * The content of a request, asked for chunk by chunk as its receiver takes it. What is wrong with it
 * is the caller's affair, and fails the exchange.
 */
export class LocalContent {
  readonly #call: LocalCall
  readonly #exchange: Exchange
  readonly #body: Iterable<Item> | AsyncIterable<Item>
  #source: Iterator<Item> | AsyncIterator<Item> | null = null
  #missing: number
  #running = false
  #over = false

  constructor(call: LocalCall, body: Exclude<Body, string | Uint8Array>) {
    this.#call = call
    this.#exchange = call.exchange
    this.#body = body
    this.#missing = call.exchange.request.framing.contentLength ?? Number.NaN
  }

  /** The next chunk that has bytes, null at the end. Rejects with what the exchange failed with. */
  async next(): Promise<Uint8Array | null> {
    const { deadline } = this.#call
    deadline.rest()
    try {
      for (;;) {
        const step = await this.#ask()
        if (this.#over || step.done) return this.#ended()
        const bytes = typeof step.value === 'string' ? Buffer.from(step.value) : step.value
        if (!(bytes instanceof Uint8Array)) this.#refuse('gave something that is not bytes')
        if (bytes.length > this.#missing) this.#refuse('is longer than its Content-Length')
        this.#missing -= bytes.length
        this.#exchange.bytesSent += bytes.length
        if (bytes.length > 0) return bytes
      }
    } catch (error) {
      this.cancel()
      this.#exchange.fail(error)
      throw error
    } finally {
      deadline.go()
    }
  }

  /** No more of it: the source is told. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    if (!this.#running) this.#close()
  }

  async #ask(): Promise<IteratorResult<Item>> {
    try {
      return await this.#run(() => {
        this.#exchange.contentTaken = true
        const body = this.#body
        this.#source ??=
          Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]()
        return this.#source.next()
      })
    } catch (cause) {
      this.#source = null // it has ended by itself
      const what = cause instanceof Error ? cause.message : String(cause)
      const text = `The request's content failed: ${what} (${this.#exchange.describe()})`
      throw new WriteError(text, this.#exchange.facts(cause))
    }
  }

  /** Runs code of the caller's, in the caller's async context. */
  #run<Result>(call: () => Result): Result {
    const { scope } = this.#exchange
    this.#running = true
    try {
      return scope === null ? call() : scope.runInAsyncScope(call)
    } finally {
      this.#running = false
      if (this.#over) this.#close() // a generator that runs cannot be closed
    }
  }

  #ended(): null {
    if (!this.#over && this.#missing > 0) {
      this.#refuse(`ended ${this.#missing} bytes before its Content-Length`)
    }
    this.#over = true
    return null
  }

  #refuse(what: string): never {
    const text = `The request's content ${what} (${this.#exchange.describe()})`
    throw new LocalProtocolError(text, this.#exchange.facts())
  }

  #close(): void {
    const source = this.#source
    this.#source = null
    if (source === null) return
    try {
      const returned = this.#run(() => source.return?.())
      void Promise.resolve(returned).catch(() => {})
    } catch {
      // Nobody is left whom that could concern.
    }
  }
}

/** All of a request's content. Rejects with what the exchange failed with. */
export async function readLocalContent(call: LocalCall, body: Body | null): Promise<Uint8Array> {
  if (body === null) return Buffer.alloc(0)
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  const content = new LocalContent(call, body)
  call.onOver = () => content.cancel()
  const chunks: Uint8Array[] = []
  for (let chunk = await content.next(); chunk !== null; chunk = await content.next()) {
    chunks.push(Buffer.from(chunk)) // the source may use its buffer again
  }
  return Buffer.concat(chunks)
}
