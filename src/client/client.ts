import { inspect } from 'node:util'
import { selectBackend } from '../backends/select.ts'
import { ClientClosed, InvalidURL, redactUrl, UnsupportedProtocol } from '../errors.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers } from '../models/headers.ts'
import type { PoolLimits } from '../models/limits.ts'
import { checkOptions, option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import { Timeout } from '../models/timeout.ts'
import { ConnectionPool } from '../pool/pool.ts'
import { Response } from './response.ts'

const VERSION = '0.1.0'

export interface ClientOptions {
  /** Sent with every request; the request's win. A null value removes a default. */
  readonly headers?: HeadersInit | null | undefined
  readonly timeout?: TimeoutInit
  readonly poolLimits?: PoolLimits | undefined
}

export interface RequestOptions {
  readonly headers?: HeadersInit | null | undefined
  /** The content as it is; not together with `json`. */
  readonly content?: Body | null | undefined
  /** The content as JSON, with its Content-Type. */
  readonly json?: unknown
  /** Instead of the client's, field by field. */
  readonly timeout?: TimeoutInit
  readonly signal?: AbortSignal | null | undefined
}

const CLIENT_OPTIONS = ['headers', 'timeout', 'poolLimits'] as const
const REQUEST_OPTIONS = ['headers', 'content', 'json', 'timeout', 'signal'] as const

/** An HTTP client with a connection pool of its own. Use one for many requests, and close it. */
export class Client {
  readonly #backend = selectBackend('auto')
  readonly #pool: ConnectionPool
  readonly #headers: readonly string[]
  readonly #timeout: Timeout
  #closed = false

  /** Throws `TypeError` for a bad option, at once. */
  constructor(options: ClientOptions = {}) {
    checkOptions('Client', options, CLIENT_OPTIONS)
    this.#timeout = Timeout.from(option(options, 'timeout', undefined), Timeout.default)
    this.#headers = merge(
      ['accept', '*/*', 'user-agent', `hawser/${VERSION}`, 'connection', 'keep-alive'],
      option(options, 'headers', null),
    )
    this.#pool = new ConnectionPool({
      limits: option(options, 'poolLimits', {}),
      timeouts: this.#timeout,
      backend: this.#backend,
    })
  }

  /** Sends a request and reads its response. Rejects with a `HawserError`, or with the signal's reason. */
  async request(
    method: string,
    url: string | URL,
    options: RequestOptions = {},
  ): Promise<Response> {
    checkOptions('request', options, REQUEST_OPTIONS)
    if (this.#closed) throw new ClientClosed('The client is closed')
    const target = parseUrl(url)
    const json = option(options, 'json', undefined)
    const content = option(options, 'content', null)
    if (json !== undefined && content !== null) {
      throw new TypeError('content and json are two bodies for one request')
    }
    const own = option(options, 'headers', null)
    let headers = own === null ? this.#headers : merge(this.#headers, own)
    if (json !== undefined && !has(headers, 'content-type')) {
      headers = [...headers, 'content-type', 'application/json']
    }
    const { clock } = this.#backend
    const startedAt = clock.now()
    const raw = await this.#pool.request({
      origin: target.origin,
      path: `${target.pathname}${target.search}`,
      method,
      headers,
      body: json === undefined ? content : toJson(json),
      timeouts: option(options, 'timeout', undefined),
      signal: option(options, 'signal', null),
    })
    const bytes = await raw.bytes()
    return new Response(method, raw, bytes, target, clock.now() - startedAt)
  }

  get(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('GET', url, options)
  }

  options(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('OPTIONS', url, options)
  }

  head(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('HEAD', url, options)
  }

  post(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('POST', url, options)
  }

  put(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('PUT', url, options)
  }

  patch(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('PATCH', url, options)
  }

  delete(url: string | URL, options?: RequestOptions): Promise<Response> {
    return this.request('DELETE', url, options)
  }

  /** Closes all connections at once; what is in flight fails with `ClientClosed`. */
  close(): Promise<void> {
    this.#closed = true
    return this.#pool.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [inspect.custom](): string {
    return `<Client ${inspect(this.#pool)}>`
  }
}

/** WHATWG drops CR, LF and TAB from a URL in silence: who gave them did not mean that. */
function parseUrl(url: string | URL): URL {
  if (typeof url === 'string') {
    const bad = /[\r\n\t\0]/.exec(url)
    if (bad !== null) {
      throw new InvalidURL(`The URL has ${JSON.stringify(bad[0])} at ${bad.index}`)
    }
  }
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (cause) {
    throw new InvalidURL(`Not an absolute URL: ${redactUrl(String(url))}`, { cause })
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new UnsupportedProtocol(`Only http and https are spoken, not ${parsed.protocol}`)
  }
  return parsed
}

/** Throws `TypeError` for what JSON lacks: functions, symbols, bigints, circles. */
function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`json must not be a ${typeof value}`)
  return text
}

/** `base` with what `more` says: its fields replace those of the same name, null removes them. */
function merge(base: readonly string[], more: HeadersInit | null): readonly string[] {
  if (more === null) return base
  const removed = isRecord(more)
    ? Object.entries(more)
        .filter(([, value]) => value === null)
        .map(([name]) => name.toLowerCase())
    : []
  const added = new Headers(more).flat()
  const replaced = new Set(removed)
  for (let i = 0; i < added.length; i += 2) replaced.add(added[i].toLowerCase())
  const kept: string[] = []
  for (let i = 0; i < base.length; i += 2) {
    if (!replaced.has(base[i].toLowerCase())) kept.push(base[i], base[i + 1])
  }
  return [...kept, ...added]
}

function isRecord(headers: HeadersInit): headers is Record<string, string | null> {
  return !(Symbol.iterator in headers)
}

function has(headers: readonly string[], name: string): boolean {
  return headers.some((field, i) => i % 2 === 0 && field.toLowerCase() === name)
}
