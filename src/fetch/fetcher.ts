import type { Backend } from '../backends/backend.ts'
import { selectBackend } from '../backends/select.ts'
import type { FieldList } from '../client/field-list.ts'
import { mergeFields } from '../client/field-list.ts'
import type { ClientOptions } from '../client/options.ts'
import type { Hop } from '../client/redirect.ts'
import { isRedirect, nextHop } from '../client/redirect.ts'
import { defaultFields } from '../client/request-builder.ts'
import { openRouter } from '../client/routing.ts'
import { parseUrl } from '../client/url.ts'
import { discardContent, isReplayable } from '../content/content.ts'
import type { Router } from '../dispatch/router.ts'
import {
  ClientClosed,
  RequestError,
  redactUrl,
  StreamConsumed,
  TooManyRedirects,
} from '../errors.ts'
import { checkOptions, count, flag, option } from '../models/options.ts'
import { Timeout } from '../models/timeout.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import type { Asked, Init, Input } from './init.ts'
import { contentOf, readInit } from './init.ts'
import { networkError } from './network-error.ts'
import { asWhatwg, FetchResponse } from './response.ts'

/** In ms, as the runtime's own has them: a server may think for minutes. */
const TIMEOUT = new Timeout(300_000, { connect: 10_000, pool: null })

const NAMES = [
  'headers',
  'timeout',
  'maxRedirects',
  'proxies',
  'verify',
  'cert',
  'trustEnv',
  'uds',
  'backend',
  'poolLimits',
  'lookup',
  'localAddress',
  'onConnect',
  'trace',
] as const

/** The options of a `Client` that mean something to a `fetch`. */
export type FetchOptions = Pick<ClientOptions, (typeof NAMES)[number]>

/** A `fetch` with connections of its own. WHATWG Fetch 5.6 */
export interface Fetch {
  /**
   * Resolves at the head of the response. Rejects with `TypeError`, whose `cause` is a `HawserError` unless
   * the call itself was wrong, or with the signal's reason.
   */
  (input: Input, init?: Init): Promise<globalThis.Response>
  /** Closes its connections at once; what is in flight fails. */
  close(): Promise<void>
  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Throws `TypeError` for a bad option, or for one that is not among them. */
export function createFetch(options: FetchOptions = {}): Fetch {
  const fetcher = new Fetcher(options)
  const fetch = (input: Input, init?: Init) => fetcher.fetch(input, init)
  const close = () => fetcher.close()
  return Object.assign(fetch, { close, [Symbol.asyncDispose]: close })
}

/** What one `fetch` function stands on. WHATWG Fetch 4 */
class Fetcher {
  readonly #backend: Backend
  readonly #router: Router
  readonly #headers: FieldList
  readonly #maxRedirects: number
  #closed = false

  constructor(options: FetchOptions) {
    checkOptions('createFetch', options, NAMES)
    this.#backend = selectBackend(option(options, 'backend', undefined))
    const trustEnv = flag('trustEnv', option(options, 'trustEnv', true))
    const timeout = Timeout.from(option(options, 'timeout', undefined), TIMEOUT)
    this.#router = openRouter(options, this.#backend, timeout, trustEnv)
    this.#headers = mergeFields(defaultFields(), option(options, 'headers', null))
    const max = count('maxRedirects', option(options, 'maxRedirects', 20), 0)
    this.#maxRedirects = max ?? Number.POSITIVE_INFINITY
  }

  async fetch(input: Input, init: Init | undefined): Promise<globalThis.Response> {
    let asked: Asked | null = null
    try {
      if (this.#closed) throw new ClientClosed('This fetch is closed')
      asked = readInit(input, init)
      const url = parseUrl(asked.url, null)
      if (url.username !== '' || url.password !== '') {
        throw new TypeError('A URL with user and password: send them in an Authorization header')
      }
      if (asked.signal?.aborted) throw asked.signal.reason
      const { method, stream } = asked
      const fields =
        asked.headers.length === 0 ? this.#headers : mergeFields(this.#headers, asked.headers)
      const content = stream === null ? asked.content : await contentOf(stream, this.#backend.clock)
      return asWhatwg(
        await this.#follow(asked, { method, url, fields, content, keepsCredentials: true }),
      )
    } catch (error) {
      if (asked !== null) discardContent(asked.content)
      throw networkError(error)
    }
  }

  /** HTTP-redirect fetch: WHATWG Fetch 4.4 */
  async #follow({ redirect, signal }: Asked, hop: Hop): Promise<FetchResponse> {
    for (let redirects = 0; ; redirects++) {
      const raw = await this.#send(hop, signal)
      const isFollowed = redirect !== 'manual' && isRedirect(raw.status)
      const next = isFollowed ? this.#redirected(hop, raw, redirect, redirects) : null
      if (next === null) {
        return new FetchResponse(raw, {
          method: hop.method,
          url: hop.url,
          redirected: redirects > 0,
        })
      }
      hop = next
    }
  }

  /** The request that follows; null where no Location says which, so that the response is the result. */
  #redirected(
    hop: Hop,
    raw: EngineResponse,
    mode: Asked['redirect'],
    redirects: number,
  ): Hop | null {
    const fail = (Type: typeof RequestError | typeof StreamConsumed, why: string) =>
      new Type(`${hop.method} ${redactUrl(hop.url)} is redirected, ${why}`, factsOf(hop))
    try {
      if (mode === 'error') throw fail(RequestError, "which redirect: 'error' forbids")
      const next = nextHop(hop, raw)
      if (next === null) return null
      // For a POST behind 301, too, though it is followed without content.
      if (raw.status !== 303 && !isReplayable(hop.content)) {
        throw fail(StreamConsumed, 'and its body, a stream, gave itself only once')
      }
      if (redirects >= this.#maxRedirects) {
        throw fail(TooManyRedirects, `after ${redirects} redirects`)
      }
      raw.close()
      return next
    } catch (error) {
      raw.close()
      throw error
    }
  }

  #send({ method, url, fields, content }: Hop, signal: AbortSignal | null) {
    return this.#router.responderFor(url).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: fields,
      body: content,
      signal,
    })
  }

  close(): Promise<void> {
    this.#closed = true
    return this.#router.close()
  }
}

/** What errors show: no header, as that may be a secret. */
function factsOf({ method, url }: Hop) {
  return { request: { method, origin: url.origin, path: url.pathname + url.search } }
}
