/** A request that no connection carries, as its receiver reads it: target, fields, content. */
import type { OutgoingRequest } from '../../connection/exchange.ts'
import { ClosableIterator } from '../../content/closable-iterator.ts'
import type { Chunk } from '../../content/content.ts'
import { LocalProtocolError, WriteError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Body } from '../../models/request.ts'
import type { LocalCall } from './local-call.ts'

/** The fields, Host among them, just as they would go on the wire. */
export function receivedHeaders({ headBytes }: OutgoingRequest): Headers {
  const head =
    typeof headBytes === 'string'
      ? headBytes
      : headBytes.latin1Slice(0, headBytes.indexOf('\r\n\r\n'))
  const end = head.endsWith('\r\n\r\n') ? -4 : undefined
  return Headers.fromRawHead(head.slice(0, end), head.indexOf('\r\n') + 2)
}

/** The target URI. RFC 9110 7.1 */
export function targetUri({ method, origin, path }: OutgoingRequest): string {
  if (path === '*' || method === 'CONNECT') return origin
  return path.startsWith('/') ? origin + path : path
}

/**
 * The content of a request, asked for chunk by chunk as its receiver takes it. What is wrong with it
 * is the caller's fault, and fails the exchange.
 */
export class LocalContent {
  readonly #call: LocalCall
  readonly #body: Exclude<Body, string | Uint8Array>
  #pull: ClosableIterator | null = null
  #missing: number
  #over = false

  constructor(call: LocalCall, body: Exclude<Body, string | Uint8Array>) {
    this.#call = call
    this.#body = body
    this.#missing = call.exchange.request.framing.contentLength ?? Number.NaN
  }

  /** The next chunk that has bytes, null at the end. Rejects with what the exchange failed with. */
  async next(): Promise<Uint8Array | null> {
    try {
      return await this.#call.duringCallersTurn(this.#next())
    } catch (error) {
      this.cancel()
      this.#call.exchange.fail(error)
      throw error
    }
  }

  async #next(): Promise<Uint8Array | null> {
    while (!this.#over) {
      const step = await this.#step()
      if (this.#over) break
      if (step.done) {
        if (this.#missing > 0)
          this.#refuse(`ended ${this.#missing} bytes before its Content-Length`)
        this.#over = true
        break
      }
      const bytes = typeof step.value === 'string' ? Buffer.from(step.value) : step.value
      if (!(bytes instanceof Uint8Array))
        this.#refuse('yielded a value that is neither a string nor bytes')
      if (bytes.length > this.#missing) this.#refuse('is longer than its Content-Length')
      this.#missing -= bytes.length
      this.#call.exchange.bytesSent += bytes.length
      if (bytes.length > 0) return bytes
    }
    return null
  }

  /** No more of it: the source is told. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    this.#run(() => this.#pull?.close())
  }

  async #step(): Promise<IteratorResult<Chunk>> {
    const { exchange } = this.#call
    try {
      return await this.#run(() => {
        exchange.contentConsumed = true
        this.#pull ??= new ClosableIterator(this.#body)
        if (this.#over) this.#pull.close() // its iterator's maker has ended the exchange
        return this.#pull.next()
      })
    } catch (cause) {
      this.#pull = null // it has ended by itself
      const what = cause instanceof Error ? cause.message : String(cause)
      const text = `Could not read the request body: ${what} (${exchange.describe()})`
      throw new WriteError(text, exchange.errorFacts(cause))
    }
  }

  /** Runs code of the caller's, in the caller's async context. */
  #run<Result>(call: () => Result): Result {
    const { callerContext } = this.#call.exchange
    return callerContext === null ? call() : callerContext.runInAsyncScope(call)
  }

  #refuse(what: string): never {
    const { exchange } = this.#call
    const text = `The request body ${what} (${exchange.describe()})`
    throw new LocalProtocolError(text, exchange.errorFacts())
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
