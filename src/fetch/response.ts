import { inspect } from 'node:util'
import type { Response as EngineResponse } from '../pool/response.ts'
import { ResponseBody } from './response-body.ts'

/** A body there is none of: WHATWG Fetch 2.2.3. */
const NO_BODY = new Set([101, 103, 204, 205, 304])

const utf8 = new TextDecoder()

/** How a response came about. */
export interface ResponseFacts {
  readonly method: string
  readonly url: URL
  readonly redirected: boolean
}

/**
 * A WHATWG `Response`, made of the engine's. The runtime's own cannot be given a `url`, and costs a stream
 * and its `Headers` whether or not somebody looks at them. Here both are made when they are asked for.
 */
export class FetchResponse {
  readonly #raw: EngineResponse
  readonly #facts: ResponseFacts
  /** Null where there is none. */
  readonly #body: ResponseBody | null
  #headers: globalThis.Headers | null = null

  constructor(raw: EngineResponse, facts: ResponseFacts, body = bodyOf(raw, facts)) {
    this.#raw = raw
    this.#facts = facts
    this.#body = body
  }

  get type(): 'basic' {
    return 'basic'
  }

  /** Without the fragment. */
  get url(): string {
    const { href, hash } = this.#facts.url
    return hash === '' && !href.endsWith('#') ? href : href.slice(0, href.indexOf('#'))
  }

  get redirected(): boolean {
    return this.#facts.redirected
  }

  get status(): number {
    return this.#raw.status
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  get statusText(): string {
    return this.#raw.statusText
  }

  get headers(): globalThis.Headers {
    if (this.#headers === null) {
      const headers = new globalThis.Headers()
      for (const [name, value] of this.#raw.headers) headers.append(name.toLowerCase(), value)
      this.#headers = headers
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
    const copy = new FetchResponse(this.#raw, this.#facts, this.#body?.clone() ?? null)
    if (this.#headers !== null) copy.#headers = new globalThis.Headers(this.#headers)
    return copy
  }

  async #bytes(): Promise<Uint8Array> {
    return this.#body === null ? new Uint8Array(0) : this.#body.bytes()
  }

  /** What depends on the media type, and is rarely asked for. */
  async #native(): Promise<globalThis.Response> {
    const type = this.headers.get('content-type')
    const headers = type === null ? [] : [['content-type', type] as [string, string]]
    return new globalThis.Response(await this.arrayBuffer(), { headers })
  }

  [inspect.custom](depth: number, options: object, show: typeof inspect): string {
    if (depth < 0) return '[Response]'
    const { status, statusText, headers, bodyUsed, ok, redirected, type, url } = this
    return `Response ${show({ status, statusText, headers, bodyUsed, ok, redirected, type, url }, options)}`
  }
}

function bodyOf(raw: EngineResponse, { method }: ResponseFacts): ResponseBody | null {
  return method === 'HEAD' || NO_BODY.has(raw.status) ? null : new ResponseBody(raw)
}

let linked = false

/**
 * Makes `instanceof Response` true, and `new response.constructor()` what it is for others. Not before it is
 * needed: to name the class makes Node load the whole of its fetch.
 */
export function asWhatwg(response: FetchResponse): globalThis.Response {
  if (!linked) {
    linked = true
    Object.setPrototypeOf(FetchResponse.prototype, globalThis.Response.prototype)
    Object.defineProperty(FetchResponse.prototype, 'constructor', { value: globalThis.Response })
  }
  return response as unknown as globalThis.Response
}
