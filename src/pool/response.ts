import { inspect } from 'node:util'
import { charsetOf, decodeText } from '../models/charset.ts'
import type { Headers } from '../models/headers.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { ResponseBody } from './response-body.ts'

/** A response to `pool.request`: here when the head is, its body read by one of the methods. */
export class Response {
  readonly #head: ResponseHead
  readonly #body: ResponseBody

  constructor(head: ResponseHead, body: ResponseBody) {
    this.#head = head
    this.#body = body
  }

  /** The status code. */
  get status(): number {
    return this.#head.status
  }

  /** The reason phrase, often empty. */
  get statusText(): string {
    return this.#head.statusText
  }

  /** `1.0` or `1.1` */
  get httpVersion(): string {
    return this.#head.httpVersion
  }

  /** The fields, as they came. */
  get headers(): Headers {
    return this.#head.headers
  }

  /** The fields behind the body; null until it has ended. RFC 9110 6.5 */
  get trailers(): Headers | null {
    return this.#body.trailers
  }

  /**
   * The whole body; asked for again, the same bytes. With `max` a larger one is a `ResponseTooLarge`,
   * by its Content-Length before it is read.
   */
  bytes(options?: { readonly max?: number | undefined }): Promise<Uint8Array> {
    return this.#body.collect(options?.max ?? Number.POSITIVE_INFINITY)
  }

  /** The whole body by the charset of Content-Type, UTF-8 where that is absent or unknown. */
  async text(options?: { readonly max?: number | undefined }): Promise<string> {
    const bytes = await this.bytes(options)
    return decodeText(bytes, charsetOf(this.headers.get('content-type')))
  }

  /** `text()` as a value. Throws `SyntaxError` for what is no JSON. The type is the caller's claim. */
  async json<T = unknown>(options?: { readonly max?: number | undefined }): Promise<T> {
    return JSON.parse(await this.text(options)) as T
  }

  /** The body in chunks that the reader may keep, as fast as they are taken. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined, undefined> {
    return this.#body.iterate()
  }

  /** Not interested in the rest: a small one is read to keep the connection, a large one costs it. */
  close(): void {
    // A redirect or a refusal is a short text; a 200 may be a stream of events, and never end.
    this.#body.discard(this.status >= 300)
  }

  [inspect.custom](): string {
    return `<Response [${this.status} ${this.statusText}]>`
  }
}
