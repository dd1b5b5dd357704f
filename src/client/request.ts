import { inspect } from 'node:util'
import type { ContentInit } from '../content/body-options.ts'
import { readContent } from '../content/content.ts'
import { toContent } from '../content/to-content.ts'
import type { RequestFacts } from '../errors.ts'
import { redactUrl } from '../errors.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers, isFlatList } from '../models/headers.ts'
import { option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { isUrl } from '../models/url.ts'
import { kindOf } from '../models/value-kind.ts'
import { PreparedFields } from '../protocol/prepared-fields.ts'
import type { Fields } from './field-list.ts'
import { flatFields, withField } from './field-list.ts'
import type { RequestUrl } from './plain-url.ts'
import { PlainUrl, pathOf, resolveUrl, toUrl } from './plain-url.ts'
import { checkHttpScheme } from './url.ts'

/** Options of the constructor of `Request`. */
export interface RequestInit {
  /**
   * The header fields. A flat list `[name, value, ...]` is not copied, and is checked when used.
   */
  readonly headers?: HeadersInit | null | undefined
  /** The body. Default: none. */
  readonly content?: ContentInit | null | undefined
}

/** A request for `client.send()`. All of its properties can be changed before it is sent. */
export class Request implements RequestFacts {
  /** The method: any token. RFC 9110 9.1 */
  method: string
  // Plain until `url` is read.
  #url: RequestUrl
  #target: string | null = null
  // No `Headers` until `headers` is read. Most callers never read it, and creating one takes time.
  #headers: Headers | Fields
  #content: Body | null
  // Private: it contains credentials, and loggers print the public fields of an error's request.
  #callSettings: object | null = null

  /**
   * Throws `TypeError` for a method that is not a string and for unsupported content, `InvalidURL`,
   * `UnsupportedProtocol`, and `LocalProtocolError` for an invalid header field.
   *
   * @param method The method. The names get, head, post, put, patch, delete and options are
   * converted to upper case.
   * @param url An absolute URL. A `URL` object is not copied.
   */
  constructor(method: string, url: string | URL, init?: RequestInit)
  /** @internal */
  constructor(method: string, url: string | RequestUrl, init?: RequestInit)
  constructor(method: string, url: string | RequestUrl, init: RequestInit = {}) {
    const headers = option(init, 'headers', null)
    const content = option(init, 'content', null)
    this.method = normalizeMethod(method)
    this.#url = checkedUrl(url)
    this.#headers = isFields(headers) ? headers : new Headers(headers)
    this.#content = content === null ? null : toContent(content)
  }

  /**
   * The URL. Assigning throws `InvalidURL` or `UnsupportedProtocol` for a URL that cannot be
   * requested. A string is parsed.
   */
  get url(): URL {
    const url = toUrl(this.#url)
    this.#url = url // The caller may change it.
    return url
  }

  set url(url: string | URL) {
    this.#url = checkedUrl(url)
  }

  /** The same without creating a `URL`. The caller must not change it. @internal */
  get requestUrl(): RequestUrl {
    return this.#url
  }

  /**
   * The request-target that is sent. By default the path and query of `url`; an assigned value
   * stays when `url` changes. RFC 9112 3.2
   */
  get target(): string {
    return this.#target ?? pathOf(this.#url)
  }

  set target(target: string) {
    this.#target = target
  }

  /** The header fields. Change them in place, or assign new ones. */
  get headers(): Headers {
    if (!(this.#headers instanceof Headers)) this.#headers = new Headers(flatFields(this.#headers))
    return this.#headers
  }

  set headers(headers: HeadersInit) {
    this.#headers = new Headers(headers)
  }

  /** The header fields, without creating a `Headers`. The caller must not change them. @internal */
  get fields(): Fields {
    return this.#headers instanceof Headers ? this.#headers.flat() : this.#headers
  }

  /**
   * The body, null for none. Iterators and streams can be sent only once, other bodies repeatedly.
   */
  get content(): Body | null {
    return this.#content
  }

  set content(content: ContentInit | null) {
    this.#content = content === null ? null : toContent(content)
  }

  /**
   * The `CallSettings` that the client has set for this request, null for none. Typed as an object,
   * because that type depends on `Request`. @internal
   */
  get callSettings(): object | null {
    return this.#callSettings
  }

  /** @internal */
  set callSettings(settings: object | null) {
    this.#callSettings = settings
  }

  /**
   * Reads the whole body, for example to sign it, and returns it. The body is replaced by these
   * bytes, so that it can still be sent.
   *
   * Rejects with the error of the source, with `StreamConsumed` if the body was read before, or
   * with `TypeError` for a chunk that is not bytes.
   */
  async read(): Promise<Uint8Array> {
    const bytes = await readContent(this.#content)
    if (this.#content !== null) this.#content = bytes
    return bytes
  }

  /** Returns an independent copy. A body that can be sent only once is shared with it. */
  clone(): Request {
    const url = this.#url instanceof PlainUrl ? this.#url : new URL(this.#url)
    return this.#copy(url, [...flatFields(this.fields)])
  }

  /**
   * Returns a copy in which this field replaces all fields of that name. Null removes them.
   * @internal
   */
  with(name: string, value: string | null): Request {
    return this.#copy(this.#url, withField(this.fields, name, value))
  }

  #copy(url: RequestUrl, headers: Fields): Request {
    const copy = new Request(this.method, url, { headers })
    copy.method = this.method // The constructor would change the case of an assigned `get`.
    copy.#content = this.#content
    copy.#target = this.#target
    copy.#callSettings = this.#callSettings
    return copy
  }

  [inspect.custom](): string {
    return `<Request [${this.method} ${redactUrl(this.#url.href)}]>`
  }
}

// A list and `toUpperCase()` would also accept a long s, whose upper case is S.
const STANDARD_METHOD = /^(?:get|head|post|put|patch|delete|options)$/i

/** Methods are case-sensitive (RFC 9110 9.1), but `get` certainly means GET. */
function normalizeMethod(method: string): string {
  if (method === 'GET') return method
  if (typeof method !== 'string')
    throw new TypeError(`method must be a string, not ${kindOf(method)}`)
  return STANDARD_METHOD.test(method) ? method.toUpperCase() : method
}

/** A `URL` object is not copied. */
function checkedUrl(url: string | RequestUrl): RequestUrl {
  if (url instanceof PlainUrl) return url
  if (!isUrl(url)) return resolveUrl(url, null)
  checkHttpScheme(url)
  return url
}

function isFields(headers: HeadersInit | null): headers is Fields {
  return headers instanceof PreparedFields || isFlatList(headers)
}
