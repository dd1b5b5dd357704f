import { inspect } from 'node:util'
import type { ContentInit } from '../content/body-options.ts'
import { readContent } from '../content/content.ts'
import { toContent } from '../content/to-content.ts'
import type { RequestFacts } from '../errors.ts'
import { redactUrl } from '../errors.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers } from '../models/headers.ts'
import { option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { kindOf } from '../models/value-kind.ts'
import type { FieldList } from './field-list.ts'
import { withField } from './field-list.ts'
import { parseUrl } from './url.ts'

/** What a `Request` is made with, besides method and URL. */
export interface RequestInit {
  /** A flat list is kept as it is, and checked when it is looked at or sent. */
  readonly headers?: HeadersInit | null | undefined
  readonly content?: ContentInit | null | undefined
}

/** A request that is built and not yet sent: all of it may be changed until then. */
export class Request implements RequestFacts {
  /** Any token. RFC 9110 9.1 */
  method: string
  #url: URL
  #target: string | null = null
  // A flat list until somebody asks: most requests are sent without a look at their fields.
  #headers: Headers | FieldList
  #content: Body | null
  // Private, as loggers show all that is public of an error's request.
  #memo: object | null = null

  /**
   * @param method of get, head, post, put, patch, delete and options the case does not matter
   * @param url a `URL` is not copied
   * Throws `TypeError` for a method that is no string, `InvalidURL`, `UnsupportedProtocol`, and `LocalProtocolError` for a bad header.
   */
  constructor(method: string, url: string | URL, init: RequestInit = {}) {
    const headers = option(init, 'headers', null)
    const content = option(init, 'content', null)
    this.method = normalized(method)
    this.#url = url instanceof URL ? url : parseUrl(url, null)
    this.#headers = isFieldList(headers) ? headers : new Headers(headers)
    this.#content = content === null ? null : toContent(content)
  }

  /** Where to. A string that is assigned is parsed: `InvalidURL`, `UnsupportedProtocol`. */
  get url(): URL {
    return this.#url
  }

  set url(url: string | URL) {
    this.#url = url instanceof URL ? url : parseUrl(url, null)
  }

  /** The request-target on the wire. It follows `url` until it is assigned. RFC 9112 3.2 */
  get target(): string {
    return this.#target ?? `${this.#url.pathname}${this.#url.search}`
  }

  set target(target: string) {
    this.#target = target
  }

  /** The fields, to be changed in place or assigned anew. */
  get headers(): Headers {
    if (!(this.#headers instanceof Headers)) this.#headers = new Headers(this.#headers)
    return this.#headers
  }

  set headers(headers: HeadersInit) {
    this.#headers = new Headers(headers)
  }

  /** The fields in the form that costs least; not to be changed. @internal */
  get fields(): FieldList {
    return this.#headers instanceof Headers ? this.#headers.flat() : this.#headers
  }

  /** What is sent as content, null for none. Iterators and streams are sent once, all else as often as needed. */
  get content(): Body | null {
    return this.#content
  }

  set content(content: ContentInit | null) {
    this.#content = content === null ? null : toContent(content)
  }

  /** What the client that built it wants to remember of it. @internal */
  get memo(): object | null {
    return this.#memo
  }

  set memo(memo: object | null) {
    this.#memo = memo
  }

  /** Reads the whole content, which is then these bytes: for a signature over it. */
  async read(): Promise<Uint8Array> {
    const bytes = await readContent(this.#content)
    if (this.#content !== null) this.#content = bytes
    return bytes
  }

  /** An independent copy, but for content that can be sent only once. */
  clone(): Request {
    return this.#copy(new URL(this.#url), [...this.fields])
  }

  /** The same request, with this field in place of all of that name. @internal */
  with(name: string, value: string): Request {
    return this.#copy(this.#url, withField(this.fields, name, value))
  }

  #copy(url: URL, headers: FieldList): Request {
    const copy = new Request(this.method, url, { headers })
    copy.method = this.method // an assigned one stays as it is
    copy.#content = this.#content
    copy.#target = this.#target
    copy.#memo = this.#memo
    return copy
  }

  [inspect.custom](): string {
    return `<Request [${this.method} ${redactUrl(this.#url)}]>`
  }
}

// Not by `toUpperCase()` and a list: that makes an S of the long s, too.
const STANDARD = /^(?:get|head|post|put|patch|delete|options)$/i

/** Methods are case-sensitive, and nobody means another than the standard one by `get`. RFC 9110 9.1 */
function normalized(method: string): string {
  if (method === 'GET') return method
  if (typeof method !== 'string')
    throw new TypeError(`method must be a string, not ${kindOf(method)}`)
  return STANDARD.test(method) ? method.toUpperCase() : method
}

function isFieldList(headers: HeadersInit | null): headers is FieldList {
  return Array.isArray(headers) && (headers.length === 0 || typeof headers[0] === 'string')
}
