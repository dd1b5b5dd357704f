/** Reads a request that is answered in this process: its target, header fields and content. */
import { types } from 'node:util'
import type { OutgoingRequest } from '../../connection/exchange.ts'
import { ClosableIterator } from '../../content/closable-iterator.ts'
import type { Chunk } from '../../content/content.ts'
import { isInMemory, readContent } from '../../content/content.ts'
import { LocalProtocolError, WriteError } from '../../errors.ts'
import { Headers } from '../../models/headers.ts'
import type { Body } from '../../models/request.ts'
import { asError } from '../../models/value-kind.ts'
import type { InProcessCall } from './in-process-call.ts'

/** The header fields exactly as a connection would send them, including Host. */
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
 * Reads the content of a request chunk by chunk, as the app asks for it. If the content is not
 * valid, the exchange fails: the error belongs to the caller, not to the app.
 */
export class RequestContentReader {
  readonly #call: InProcessCall
  readonly #body: Exclude<Body, string | Uint8Array>
  #iterator: ClosableIterator | null = null
  #missing: number
  #finished = false

  constructor(call: InProcessCall, body: Exclude<Body, string | Uint8Array>) {
    this.#call = call
    this.#body = body
    this.#missing = call.exchange.request.framing.contentLength ?? Number.NaN
  }

  /** The next non-empty chunk; null at the end. Rejects with the error that failed the exchange. */
  async next(): Promise<Uint8Array | null> {
    try {
      return await this.#call.whileReadingSource(this.#next())
    } catch (error) {
      this.cancel()
      this.#call.exchange.fail(error)
      throw error
    }
  }

  async #next(): Promise<Uint8Array | null> {
    while (!this.#finished) {
      const step = await this.#nextChunk()
      if (this.#finished) break
      if (step.done) {
        if (this.#missing > 0)
          this.#refuse(`is ${this.#missing} bytes shorter than its Content-Length`)
        this.#finished = true
        break
      }
      const bytes = typeof step.value === 'string' ? Buffer.from(step.value) : step.value
      if (!types.isUint8Array(bytes))
        this.#refuse('yielded a value that is neither a string nor bytes')
      if (bytes.length > this.#missing) this.#refuse('is longer than its Content-Length')
      this.#missing -= bytes.length
      this.#call.exchange.bytesSent += bytes.length
      if (bytes.length > 0) return bytes
    }
    return null
  }

  /** Stops reading, and closes the source. */
  cancel(): void {
    if (this.#finished) return
    this.#finished = true
    this.#runInCallerScope(() => this.#iterator?.close(this.#call.exchange.failure))
  }

  async #nextChunk(): Promise<IteratorResult<Chunk>> {
    const { exchange } = this.#call
    try {
      return await this.#runInCallerScope(() => {
        exchange.contentConsumed = true
        this.#iterator ??= new ClosableIterator(this.#body)
        if (this.#finished) this.#iterator.close() // creating its iterator ended the exchange
        return this.#iterator.next()
      })
    } catch (cause) {
      this.#iterator = null // an iterator that has thrown needs no closing
      const { message } = asError(cause)
      const text = `Could not read the request body: ${message} (${exchange.describe()})`
      throw new WriteError(text, exchange.errorFacts(cause))
    }
  }

  /** Runs code of the caller in the caller's async context. */
  #runInCallerScope<Result>(call: () => Result): Result {
    const { callerContext } = this.#call.exchange
    return callerContext === null ? call() : callerContext.runInAsyncScope(call)
  }

  #refuse(problem: string): never {
    const { exchange } = this.#call
    const text = `The request body ${problem} (${exchange.describe()})`
    throw new LocalProtocolError(text, exchange.errorFacts())
  }
}

/** Reads the whole content of a request. Rejects with the error that failed the exchange. */
export async function readRequestContent(
  call: InProcessCall,
  body: Body | null,
): Promise<Uint8Array> {
  if (body === null || isInMemory(body)) return readContent(body)
  const content = new RequestContentReader(call, body)
  call.onSettled = () => content.cancel()
  const chunks: Uint8Array[] = []
  for (let chunk = await content.next(); chunk !== null; chunk = await content.next()) {
    chunks.push(Buffer.from(chunk)) // the source may reuse its buffer
  }
  return Buffer.concat(chunks)
}
