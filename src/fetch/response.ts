import type { InspectOptions } from 'node:util'
import { inspect, TextDecoder } from 'node:util'
import type { RequestUrl } from '../client/plain-url.ts'
import { PlainUrl } from '../client/plain-url.ts'
import { redactUrl } from '../errors.ts'
import { webClass } from '../models/environment.ts'
import { Headers } from '../models/headers.ts'
import { withoutPrototype } from '../models/options.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import { withoutControls } from '../redaction.ts'
import type { BodyLimits } from './fetch-body.ts'
import { FetchBody } from './fetch-body.ts'

/** The null body statuses. WHATWG Fetch 2.2.3 */
const NULL_BODY_STATUSES = new Set([101, 103, 204, 205, 304])

const utf8 = new TextDecoder()

/** The request that the response answers, after all redirects. */
export interface FinalRequest {
  readonly method: string
  readonly url: RequestUrl
  readonly redirected: boolean
}

/**
 * A WHATWG `Response` around a response of the engine. The `Response` of the runtime cannot be
 * given a `url`, and always creates a stream and `Headers`. This class creates both on first use.
 */
export class FetchResponse {
  readonly #response: EngineResponse
  readonly #request: FinalRequest
  /** Null if the response has no body. */
  readonly #body: FetchBody | null
  #headers: globalThis.Headers | null = null

  constructor(response: EngineResponse, request: FinalRequest, body: FetchBody | null) {
    this.#response = response
    this.#request = request
    this.#body = body
  }

  get type(): 'basic' {
    return 'basic'
  }

  /** The URL of the final request, without the fragment. */
  get url(): string {
    const { url } = this.#request
    if (url instanceof PlainUrl) return url.href
    const { href, hash } = url
    return hash === '' && !href.endsWith('#') ? href : href.slice(0, href.indexOf('#'))
  }

  get redirected(): boolean {
    return this.#request.redirected
  }

  get status(): number {
    return this.#response.status
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  get statusText(): string {
    return this.#response.statusText
  }

  get headers(): globalThis.Headers {
    if (this.#headers === null) {
      const headers = new (webClass('Headers'))()
      for (const [name, value] of this.#response.headers) headers.append(name.toLowerCase(), value)
      this.#headers = hideSecrets(headers)
    }
    return this.#headers
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.#body === null ? null : this.#body.stream
  }

  get bodyUsed(): boolean {
    return this.#body?.used ?? false
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#bytes()
    const { buffer, byteOffset, byteLength } = bytes
    return byteLength === buffer.byteLength
      ? (buffer as ArrayBuffer)
      : (buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer)
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array(await this.arrayBuffer())
  }

  async text(): Promise<string> {
    return utf8.decode(await this.#bytes())
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }

  async blob(): Promise<Blob> {
    return (await this.#native()).blob()
  }

  async formData(): Promise<FormData> {
    return (await this.#native()).formData() as Promise<FormData>
  }

  clone(): FetchResponse {
    const copy = new FetchResponse(this.#response, this.#request, this.#body?.clone() ?? null)
    if (this.#headers !== null)
      copy.#headers = hideSecrets(new (webClass('Headers'))(this.#headers))
    return copy
  }

  #bytes(): Uint8Array | Promise<Uint8Array> {
    return this.#body === null ? new Uint8Array(0) : this.#body.bytes()
  }

  /** Creates a `Response` of the runtime, for rarely used methods that depend on the media type. */
  async #native(): Promise<globalThis.Response> {
    const type = this.headers.get('content-type')
    const headers = type === null ? [] : [['content-type', type] as [string, string]]
    return new (webClass('Response'))(await this.arrayBuffer(), withoutPrototype({ headers }))
  }

  [inspect.custom](depth: number, options: InspectOptions): string {
    if (depth < 0) return '[Response]'
    const { status, headers, bodyUsed, ok, redirected, type } = this
    const statusText = withoutControls(this.statusText)
    const url = redactUrl(this.url)
    return `Response ${inspect({ status, statusText, headers, bodyUsed, ok, redirected, type, url }, options)}`
  }
}

/** Replaces what `inspect` shows of the headers, which includes credentials and cookies. */
function hideSecrets(headers: globalThis.Headers): globalThis.Headers {
  const value = function (this: globalThis.Headers, depth: number): object | string {
    if (depth < 0) return '[Headers]'
    return new Headers([...this])
  }
  return Object.defineProperty(headers, inspect.custom, withoutPrototype({ value }))
}

/** Returns the body of a response; null if it has none. */
export function bodyOf(
  response: EngineResponse,
  { method }: FinalRequest,
  limits: BodyLimits,
): FetchBody | null {
  const hasBody = method !== 'HEAD' && !NULL_BODY_STATUSES.has(response.status)
  if (hasBody) return new FetchBody(response, limits)
  response.close() // A 205 may have content. It is discarded.
  return null
}

let isLinked = false

/**
 * Links the prototype, so that `instanceof Response` is true and `response.constructor` is the
 * `Response` of the runtime. This happens on the first call, because any use of the global
 * `Response` makes Node load its fetch.
 */
export function toWhatwgResponse(response: FetchResponse): globalThis.Response {
  if (!isLinked) {
    isLinked = true
    const Response = webClass('Response')
    Object.setPrototypeOf(FetchResponse.prototype, Response.prototype)
    const descriptor = withoutPrototype({ value: Response })
    Object.defineProperty(FetchResponse.prototype, 'constructor', descriptor)
  }
  return response as unknown as globalThis.Response
}
