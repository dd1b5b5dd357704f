import { inspect } from 'node:util'
import { Headers } from '../models/headers.ts'

/** "HTTP/1.1 200" */
const STATUS_END = 12

/** The status line and header fields of one response, decoded when they are asked for. RFC 9112 4, 5 */
export class ResponseHead {
  readonly status: number
  readonly #raw: string
  #headers: Headers | null = null

  /** `raw` is the head in latin1, without the empty line at its end; the parser has checked it. */
  constructor(status: number, raw: string) {
    this.status = status
    this.#raw = raw
  }

  /** The reason phrase as latin1; empty when there is none. */
  get statusText(): string {
    const end = this.#raw.indexOf('\r\n')
    return this.#raw.slice(STATUS_END + 1, end < 0 ? undefined : end)
  }

  /** `1.0` or `1.1` */
  get httpVersion(): string {
    return this.#raw.slice(5, 8)
  }

  get headers(): Headers {
    if (this.#headers === null) {
      const end = this.#raw.indexOf('\r\n')
      this.#headers = end < 0 ? new Headers() : Headers.fromRawHead(this.#raw, end + 2)
    }
    return this.#headers
  }

  /** As received, the empty line at its end included. */
  get byteLength(): number {
    return this.#raw.length + 4
  }

  /** Whether the head holds `text` anywhere: a cheap look before the fields are decoded. */
  mentions(text: string): boolean {
    return this.#raw.includes(text)
  }

  [inspect.custom](): string {
    return `<ResponseHead [${this.status} ${this.statusText}]>`
  }
}
