import { inspect } from 'node:util'
import type { OwnedBytes } from '../models/bytes.ts'
import { charsetOf, decodeJson, decodeText } from '../models/charset.ts'
import type { Headers } from '../models/headers.ts'
import { singleValue } from '../models/headers.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import { shortLine } from '../redaction.ts'
import { BodyIterator } from './body-iterator.ts'
import type { ResponseBody } from './response-body.ts'

/** The response to `pool.request()`. The head has arrived; the methods read the body. */
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

  /** The header fields, with the names as they were received. */
  get headers(): Headers {
    return this.#head.headers
  }

  /** False if there is certainly no Set-Cookie. @internal */
  get mayHaveSetCookie(): boolean {
    return this.#head.mayHaveSetCookie
  }

  /** False if there is certainly no Content-Encoding. @internal */
  get mayHaveContentEncoding(): boolean {
    return this.#head.mayHaveContentEncoding
  }

  /** The trailer fields; null until the body has ended. RFC 9110 6.5 */
  get trailers(): Headers | null {
    return this.#body.trailers
  }

  /**
   * Reads the whole body. Another call returns the same bytes. Rejects with `ResponseTooLarge` if
   * the body has more than `max` bytes; with a Content-Length, before the body is read.
   */
  bytes(options?: { readonly max?: number | undefined }): Promise<Uint8Array<ArrayBuffer>> {
    return this.#body.collect(options?.max ?? Number.POSITIVE_INFINITY)
  }

  /**
   * Returns the whole body if it has arrived and no method has read it; otherwise null. @internal
   */
  receivedBytes(max: number): OwnedBytes | null {
    return this.#body.collectReceived(max)
  }

  /**
   * Reads the whole body, and decodes it with the charset of its byte order mark, then of
   * Content-Type. Default: UTF-8.
   */
  async text(options?: { readonly max?: number | undefined }): Promise<string> {
    const bytes = await this.bytes(options)
    return decodeText(bytes, this.#charset)
  }

  /**
   * Reads the whole body and parses it as JSON: UTF-8, or else in the charset of `text()`. Rejects
   * with `SyntaxError`. `T` is not checked.
   */
  async json<T = unknown>(options?: { readonly max?: number | undefined }): Promise<T> {
    const bytes = await this.bytes(options)
    return JSON.parse(decodeJson(bytes, this.#charset)) as T
  }

  get #charset(): string {
    return charsetOf(singleValue(this.headers, 'content-type'))
  }

  /** Iterates over the chunks of the body, with back-pressure. The caller may keep the chunks. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>, undefined, undefined> {
    return new BodyIterator(this.#body, this)
  }

  /**
   * Ends reading. Up to 64 KiB of unread body is drained for up to one second, so that the
   * connection can be reused; otherwise the connection is closed.
   */
  close(): void {
    // Redirects and errors have short bodies. The body of a 200 may be an endless stream of events.
    this.#body.discard(this.status >= 300)
  }

  /**
   * Calls `callback` when the upload that remained after the complete response has ended;
   * immediately if none did. @internal
   */
  whenSent(callback: () => void): void {
    this.#body.whenSent(callback)
  }

  [inspect.custom](): string {
    return `<Response [${shortLine(`${this.status} ${this.statusText}`, 100)}]>`
  }
}
