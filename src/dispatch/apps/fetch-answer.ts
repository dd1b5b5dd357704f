import { Headers } from '../../models/headers.ts'
import type { ContentSource, LocalAnswer } from '../local/local-call.ts'
import { reasonOf } from '../local/local-head.ts'

/** What is read of a `Response`: of the platform's, of a polyfill's, of another realm's. */
interface ResponseLike {
  readonly type?: string
  readonly status: number
  readonly statusText?: string
  readonly headers: Iterable<[string, string]>
  readonly body: ReadableStream<Uint8Array> | null
  readonly bodyUsed?: boolean
}

/** By its looks. */
export function isResponse(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false
  const { status, headers, body } = value as Partial<ResponseLike>
  if (typeof status !== 'number' || typeof headers !== 'object' || headers === null) return false
  return Symbol.iterator in headers && (body === null || typeof body?.getReader === 'function')
}

/** The answer that a `Response` is. Throws `TypeError` for what is none, or cannot be sent. */
export function fetchAnswer(value: unknown): LocalAnswer {
  if (!isResponse(value)) {
    const what = value === null ? 'null' : typeof value
    throw new TypeError(`A fetch app has to return a Response, and this one returned ${what}`)
  }
  const { type, status, statusText, headers, body } = value
  if (type === 'error') throw new TypeError('The fetch app returned Response.error()')
  if (body?.locked || value.bodyUsed) {
    throw new TypeError('The fetch app returned a Response whose body has been used already')
  }
  return {
    head: {
      status,
      statusText: statusText || reasonOf(status),
      httpVersion: '1.1',
      headers: new Headers([...headers]),
    },
    content: body === null ? null : new StreamSource(body.getReader()),
  }
}

class StreamSource implements ContentSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader
  }

  next(): Promise<IteratorResult<Uint8Array, unknown>> {
    return this.#reader.read() as Promise<IteratorResult<Uint8Array, unknown>>
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {})
  }
}
