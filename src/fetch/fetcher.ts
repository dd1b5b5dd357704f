import type { Backend } from '../backends/backend.ts'
import { selectBackend } from '../backends/select.ts'
import { defaultFields } from '../client/building.ts'
import type { FieldList } from '../client/field-list.ts'
import { mergeFields } from '../client/field-list.ts'
import type { Hop } from '../client/redirect.ts'
import { isRedirect, nextHop } from '../client/redirect.ts'
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
import { count, flag, option } from '../models/options.ts'
import { Timeout } from '../models/timeout.ts'
import type { Asked, Init, Input } from './init.ts'
import { readInit } from './init.ts'
import { networkError } from './network-error.ts'
import type { FetchOptions } from './options.ts'
import { checkFetchOptions } from './options.ts'
import { contentOf } from './request-body.ts'
import { asWhatwg, FetchResponse } from './response.ts'

/** In ms, as the runtime's own has them: a server may think for minutes. */
const TIMEOUT = new Timeout(300_000, { connect: 10_000, pool: null })

/** What one `fetch` function stands on. WHATWG Fetch 4 */
export class Fetcher {
  readonly #backend: Backend
  readonly #router: Router
  readonly #headers: FieldList
  readonly #maxRedirects: number
  #closed = false

  constructor(options: FetchOptions) {
    checkFetchOptions(options)
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
      const { method, url } = hop
      if (redirect !== 'manual' && isRedirect(raw.status)) {
        try {
          if (redirect === 'error')
            throw new RequestError(
              `${describe(hop)} is redirected, which redirect: 'error' forbids`,
              factsOf(hop),
            )
          const next = nextHop(hop, raw)
          if (next !== null) {
            // Of a 301 to a POST, too, though it is followed without content. WHATWG Fetch 4.4
            if (raw.status !== 303 && !isReplayable(hop.content)) {
              const text = `${describe(hop)} is redirected, and its body, a stream, gave itself only once`
              throw new StreamConsumed(text, factsOf(hop))
            }
            if (redirects >= this.#maxRedirects) {
              const text = `${describe(hop)} is redirected, after ${redirects} redirects`
              throw new TooManyRedirects(text, factsOf(hop))
            }
            raw.close()
            hop = next
            continue
          }
        } catch (error) {
          raw.close()
          throw error
        }
      }
      return new FetchResponse(raw, { method, url, redirected: redirects > 0 })
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

function describe({ method, url }: Hop): string {
  return `${method} ${redactUrl(url)}`
}
