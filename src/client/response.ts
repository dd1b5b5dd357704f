import { inspect } from 'node:util'
import { HTTPStatusError, redactUrl } from '../errors.ts'
import { decoderFor } from '../models/charset.ts'
import type { Headers } from '../models/headers.ts'
import type { Response as EngineResponse } from '../pool/response.ts'

/** A response whose body has been read. */
export class Response {
  readonly status: number
  readonly statusText: string
  readonly httpVersion: string
  readonly headers: Headers
  /** Where it came from. */
  readonly url: URL
  /** From the call to the end of the body, in ms. */
  readonly elapsed: number
  readonly #method: string
  readonly #bytes: Uint8Array

  constructor(
    method: string,
    response: EngineResponse,
    bytes: Uint8Array,
    url: URL,
    elapsed: number,
  ) {
    this.#method = method
    this.status = response.status
    this.statusText = response.statusText
    this.httpVersion = response.httpVersion
    this.headers = response.headers
    this.url = url
    this.elapsed = elapsed
    this.#bytes = bytes
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  get isError(): boolean {
    return this.status >= 400
  }

  /** The body, not copied. */
  bytes(): Uint8Array {
    return this.#bytes
  }

  arrayBuffer(): ArrayBuffer {
    return Uint8Array.from(this.#bytes).buffer
  }

  /** The body by the charset of Content-Type, UTF-8 where that is absent or unknown. */
  text(): string {
    return decoderFor(this.headers.get('content-type')).decode(this.#bytes)
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T
  }

  /** This response, or an `HTTPStatusError` when its status is 400 or above. */
  raiseForStatus(): this {
    if (!this.isError) return this
    throw new HTTPStatusError(`${this.status} ${this.statusText} from ${redactUrl(this.url)}`, {
      request: { method: this.#method, url: this.url },
      response: this,
    })
  }

  [inspect.custom](): string {
    return `<Response [${this.status} ${this.statusText}]>`
  }
}
