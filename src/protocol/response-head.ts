import { inspect } from 'node:util'
import { Headers } from '../models/headers.ts'
import { shortLine } from '../redaction.ts'

/** The length of "HTTP/1.1 200". */
const STATUS_END = 12

/** The status line and the header fields of a response, decoded on first use. RFC 9112 4, 5 */
export class ResponseHead {
  readonly status: number
  /** False if there is certainly no Set-Cookie. Known without decoding the fields. */
  readonly mayHaveSetCookie: boolean
  /** False if there is certainly no Content-Encoding. Known without decoding the fields. */
  readonly mayHaveContentEncoding: boolean
  readonly #raw: string
  #headers: Headers | null = null

  /**
   * @param raw the head as latin1, without the empty line at its end. The parser has validated it
   */
  constructor(status: number, raw: string, mayHaveSetCookie = true, mayHaveContentEncoding = true) {
    this.status = status
    this.mayHaveSetCookie = mayHaveSetCookie
    this.mayHaveContentEncoding = mayHaveContentEncoding
    this.#raw = raw
  }

  /** The reason phrase, as latin1; empty if there is none. */
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

  /** The length of the received head in bytes, including the empty line at its end. */
  get byteLength(): number {
    return this.#raw.length + 4
  }

  /** Whether the head contains `text` anywhere: a cheap test that needs no decoded fields. */
  includesText(text: string): boolean {
    return this.#raw.includes(text)
  }

  [inspect.custom](): string {
    return `<ResponseHead [${shortLine(`${this.status} ${this.statusText}`, 100)}]>`
  }
}
