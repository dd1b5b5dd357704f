import type { Backend } from '../backends/backend.ts'
import { selectBackend } from '../backends/select.ts'
import { timeoutsAfter, totalTimeout, withTotal } from '../client/call.ts'
import type { FieldList } from '../client/field-list.ts'
import { mergeFields } from '../client/field-list.ts'
import type { ClientOptions } from '../client/options.ts'
import type { Hop } from '../client/redirect.ts'
import { isRedirect, nextHop } from '../client/redirect.ts'
import { defaultFields } from '../client/request-builder.ts'
import { AFTER_HEAD } from '../client/response.ts'
import { openRouter } from '../client/routing.ts'
import { parseUrl } from '../client/url.ts'
import { ignore } from '../content/closable-iterator.ts'
import { discardContent, isReplayable } from '../content/content.ts'
import type { Router } from '../dispatch/router.ts'
import {
  ClientClosed,
  RequestError,
  redactUrl,
  StreamConsumed,
  TooManyRedirects,
  TotalTimeout,
} from '../errors.ts'
import { checkCount, checkFlag, checkOptions, option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { Timeout } from '../models/timeout.ts'
import { pathAndQuery } from '../models/url.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import type { BodyLimits } from './fetch-body.ts'
import type { FetchCall, Init, Input } from './fetch-call.ts'
import { bufferIfSmall, readFetchCall } from './fetch-call.ts'
import { networkError } from './network-error.ts'
import { bodyOf, FetchResponse, toWhatwgResponse } from './response.ts'

/** In ms, as in the runtime's `fetch`: a server may need minutes for its response. */
const DEFAULT_TIMEOUT = new Timeout(300_000, { connect: 10_000, pool: null })

const OPTION_NAMES = [
  'headers',
  'timeout',
  'maxRedirects',
  'maxResponseSize',
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

/**
 * The options of `createFetch`. They have the same meaning as the options of a `Client`, with other
 * defaults: the timeouts are 10,000 ms for `connect`, 300,000 ms for `read` and `write`, and none
 * for `pool`. Connections with an unread response count for `poolLimits` only if it is given.
 */
export type FetchOptions = Pick<ClientOptions, (typeof OPTION_NAMES)[number]>

/** A `fetch` function with its own connections. WHATWG Fetch 5.6 */
export interface Fetch {
  /**
   * Sends a request. Resolves when the head of the response has been received.
   *
   * Rejects with a `TypeError`, or with the reason of the signal. If the exchange failed, the
   * `cause` of the `TypeError` is a `HawserError`; if an argument is invalid, it has no `cause`.
   */
  (input: Input, init?: Init): Promise<globalThis.Response>
  /** Closes all connections immediately. Requests in progress fail. */
  close(): Promise<void>
  /** Same as `close()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Creates a `fetch` function with its own settings and connections. Throws `TypeError` for an
 * invalid option.
 */
export function createFetch(options: FetchOptions = {}): Fetch {
  const fetcher = new Fetcher(options)
  const fetch = (input: Input, init?: Init) => fetcher.fetch(input, init)
  const close = () => fetcher.close()
  return Object.assign(fetch, { close, [Symbol.asyncDispose]: close })
}

/** The implementation of one `fetch` function. WHATWG Fetch 4 */
class Fetcher {
  readonly #backend: Backend
  readonly #router: Router
  readonly #headers: FieldList
  readonly #maxRedirects: number
  readonly #maxResponseSize: number
  readonly #timeout: Timeout
  readonly #owner = { isClosed: false }

  constructor(options: FetchOptions) {
    checkOptions('createFetch', options, OPTION_NAMES)
    this.#backend = selectBackend(option(options, 'backend', undefined))
    const trustEnv = checkFlag('trustEnv', option(options, 'trustEnv', true))
    this.#timeout = Timeout.from(option(options, 'timeout', undefined), DEFAULT_TIMEOUT)
    // As with the runtime's `fetch`, a response that nobody reads must not block other calls.
    const countsUnread = option(options, 'poolLimits', undefined) !== undefined
    this.#router = openRouter(options, this.#backend, this.#timeout, trustEnv, countsUnread)
    this.#headers = mergeFields(defaultFields(), option(options, 'headers', null))
    const max = checkCount('maxRedirects', option(options, 'maxRedirects', 20), 0)
    this.#maxRedirects = max ?? Number.POSITIVE_INFINITY
    const maxSize = checkCount('maxResponseSize', option(options, 'maxResponseSize', null), 0)
    this.#maxResponseSize = maxSize ?? Number.POSITIVE_INFINITY
  }

  async fetch(input: Input, init: Init | undefined): Promise<globalThis.Response> {
    const startedAt = this.#backend.clock.now()
    let call: FetchCall | null = null
    let content: Body | null = null
    try {
      if (this.#owner.isClosed) throw new ClientClosed('This fetch function is closed')
      call = readFetchCall(input, init)
      content = call.content
      const url = parseUrl(call.url, null)
      if (url.username !== '' || url.password !== '') {
        throw new TypeError('The URL contains credentials: send them in an Authorization header')
      }
      if (call.signal?.aborted) throw call.signal.reason
      const { method, stream } = call
      const fields =
        call.headers.length === 0 ? this.#headers : mergeFields(this.#headers, call.headers)
      if (stream !== null) content = await bufferIfSmall(stream, this.#backend.clock)
      return toWhatwgResponse(
        await this.#follow(
          call,
          {
            ...{ method, url, fields, content },
            ...{ keepsCredentials: true, wasDowngraded: false },
          },
          startedAt,
        ),
      )
    } catch (error) {
      discardContent(content, error)
      if (call !== null) cancelUnread(call.stream, error)
      throw networkError(error instanceof TotalTimeout ? withTotal(error, this.#timeout) : error)
    }
  }

  /** HTTP-redirect fetch: WHATWG Fetch 4.4 */
  async #follow(
    { redirect, signal }: FetchCall,
    hop: Hop,
    startedAt: number,
  ): Promise<FetchResponse> {
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(hop, signal, startedAt)
      const isFollowed = redirect !== 'manual' && isRedirect(response.status)
      const next = isFollowed ? this.#nextHop(hop, response, redirect, redirects) : null
      if (next === null) {
        const { method, url } = hop
        const request = { method, url, redirected: redirects > 0 }
        const limits = this.#limitsOf(hop, signal, startedAt)
        return new FetchResponse(response, request, bodyOf(response, request, limits))
      }
      hop = next
    }
  }

  /**
   * Returns the next request; null without a Location, so that the redirect response is the result.
   */
  #nextHop(
    hop: Hop,
    response: EngineResponse,
    mode: FetchCall['redirect'],
    redirects: number,
  ): Hop | null {
    const fail = (Type: typeof RequestError | typeof StreamConsumed, why: string) =>
      new Type(`${hop.method} ${redactUrl(hop.url)} was redirected, ${why}`, factsOf(hop))
    try {
      if (mode === 'error') throw fail(RequestError, "but the option redirect is 'error'")
      const next = nextHop(hop, response)
      if (next === null) return null
      // The standard requires this also for a POST that a 301 turns into a GET without content.
      if (response.status !== 303 && !isReplayable(hop.content)) {
        throw fail(StreamConsumed, 'but its body is a stream, which can be read only once')
      }
      if (redirects >= this.#maxRedirects) {
        throw fail(TooManyRedirects, `but maxRedirects is ${redirects}`)
      }
      response.close()
      return next
    } catch (error) {
      response.close()
      throw error
    }
  }

  /** @param startedAt when the call started, from which `total` counts */
  #send(hop: Hop, signal: AbortSignal | null, startedAt: number) {
    const { method, url, fields, content, keepsCredentials } = hop
    const timeouts = timeoutsAfter(this.#backend.clock.now() - startedAt, this.#timeout)
    if (timeouts === null) {
      const where = `before ${method} ${redactUrl(url)}`
      throw totalTimeout({ timeout: this.#timeout }, where, { ...factsOf(hop), phase: 'queue' })
    }
    return this.#router.senderFor(url, keepsCredentials).request({
      origin: url.origin,
      path: pathAndQuery(url),
      method,
      headers: fields,
      body: content,
      timeouts,
      signal,
    })
  }

  #limitsOf(hop: Hop, signal: AbortSignal | null, startedAt: number): BodyLimits {
    const { total } = this.#timeout
    const facts = () => ({ ...AFTER_HEAD, ...factsOf(hop) })
    const timeoutError = () => {
      const where = `${hop.method} ${redactUrl(hop.url)}, reading the received body`
      return totalTimeout({ timeout: this.#timeout }, where, facts())
    }
    return {
      max: this.#maxResponseSize,
      end: {
        signal,
        deadline: total === null ? null : startedAt + total,
        timeoutError,
        owner: this.#owner,
        clock: this.#backend.clock,
      },
      facts,
    }
  }

  close(): Promise<void> {
    this.#owner.isClosed = true
    return this.#router.close()
  }
}

/** Cancels the stream of a `Request` that will not be sent. */
function cancelUnread(stream: FetchCall['stream'], reason: unknown): void {
  if (stream !== null && !stream.locked) stream.cancel(reason).catch(ignore)
}

/** Returns the facts of an error. They contain no headers, because headers can be secrets. */
function factsOf({ method, url }: Hop) {
  return { request: { method, origin: url.origin, path: pathAndQuery(url) } }
}
