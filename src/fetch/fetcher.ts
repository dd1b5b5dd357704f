import type { Backend } from '../backends/backend.ts'
import { selectBackend } from '../backends/select.ts'
import { timeoutsAfter, totalTimeout, withTotal } from '../client/call.ts'
import type { Fields } from '../client/field-list.ts'
import { mergeFields, prepareFields } from '../client/field-list.ts'
import type { ClientOptions } from '../client/options.ts'
import type { RequestUrl } from '../client/plain-url.ts'
import { hasUserinfo, pathOf, resolveUrl, toUrl } from '../client/plain-url.ts'
import type { Hop } from '../client/redirect.ts'
import { isRedirect, nextHop } from '../client/redirect.ts'
import { defaultFields } from '../client/request-builder.ts'
import { AFTER_HEAD } from '../client/response.ts'
import { openRouter } from '../client/routing.ts'
import { isSameOrigin } from '../client/url.ts'
import { ignore } from '../content/closable-iterator.ts'
import { discardContent, isReplayable } from '../content/content.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { RequestSender } from '../dispatch/request-sender.ts'
import { toRequestSender } from '../dispatch/request-sender.ts'
import type { Router } from '../dispatch/router.ts'
import {
  ClientClosed,
  RequestError,
  redactUrl,
  StreamConsumed,
  TooManyRedirects,
  TotalTimeout,
} from '../errors.ts'
import type { Trace } from '../models/events.ts'
import { checkCount, checkFlag, checkOptions, option } from '../models/options.ts'
import type { Body } from '../models/request.ts'
import { throwIfAborted } from '../models/signal.ts'
import { Timeout } from '../models/timeout.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import type { BodyLimits, FetchBody } from './fetch-body.ts'
import type { FetchCall, Init, Input } from './fetch-call.ts'
import { bufferIfSmall, readFetchCall } from './fetch-call.ts'
import type { Integrity } from './integrity.ts'
import { matchesIntegrity } from './integrity.ts'
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
   * Rejects with a `TypeError`, or with the reason of the signal. If the exchange failed, the message
   * is `fetch failed`, or `terminated` while the body is read, and `cause` tells what happened: an
   * error of the operating system or of TLS, whose own `cause` is a `HawserError`, or a
   * `HawserError`.
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

/** One request of a chain of redirects. */
interface FetchHop extends Omit<Hop, 'url'> {
  readonly url: RequestUrl
}

/** What a call has in common with the requests that follow redirects, and with its body. */
interface CallContext
  extends Pick<FetchCall, 'redirect' | 'sameOriginOnly' | 'signal' | 'integrity'> {
  readonly timeout: Timeout
  /** Null for the connections of the `fetch` function. */
  readonly sender: RequestSender | null
  /** When the call started, from which `total` counts. */
  readonly startedAt: number
}

/** The implementation of one `fetch` function. WHATWG Fetch 4 */
class Fetcher {
  readonly #backend: Backend
  readonly #router: Router
  readonly #headers: Fields
  readonly #maxRedirects: number
  readonly #maxResponseSize: number
  readonly #timeout: Timeout
  readonly #trace: Trace | null
  /** The dispatchers that were given for single calls. */
  readonly #senders = new WeakMap<Dispatcher, RequestSender>()
  readonly #owner = { isClosed: false }

  constructor(options: FetchOptions) {
    checkOptions('createFetch', options, OPTION_NAMES)
    this.#backend = selectBackend(option(options, 'backend', undefined))
    const trustEnv = checkFlag('trustEnv', option(options, 'trustEnv', true))
    this.#timeout = Timeout.from(option(options, 'timeout', undefined), DEFAULT_TIMEOUT)
    // As with the runtime's `fetch`, a response that nobody reads must not block other calls.
    const countsUnread = option(options, 'poolLimits', undefined) !== undefined
    const behaviour = { countsUnread, defersTlsErrors: true }
    this.#router = openRouter(options, this.#backend, this.#timeout, trustEnv, behaviour)
    this.#trace = option(options, 'trace', null)
    this.#headers = prepareFields(mergeFields(defaultFields(), option(options, 'headers', null)))
    const max = checkCount('maxRedirects', option(options, 'maxRedirects', 20), 0)
    this.#maxRedirects = max ?? Number.POSITIVE_INFINITY
    const maxSize = checkCount('maxResponseSize', option(options, 'maxResponseSize', null), 0)
    this.#maxResponseSize = maxSize ?? Number.POSITIVE_INFINITY
  }

  async fetch(input: Input, init: Init | undefined): Promise<globalThis.Response> {
    const startedAt = this.#backend.clock.now()
    let call: FetchCall | null = null
    let content: Body | null = null
    let timeout = this.#timeout
    try {
      if (this.#owner.isClosed) throw new ClientClosed('This fetch function is closed')
      call = readFetchCall(input, init)
      content = call.content
      timeout = Timeout.from(call.timeout, timeout)
      const url = resolveUrl(call.url, null)
      if (hasUserinfo(url)) {
        throw new TypeError('The URL contains credentials: send them in an Authorization header')
      }
      throwIfAborted(call.signal)
      const { method, stream, redirect, sameOriginOnly, signal, integrity, dispatcher } = call
      const sender = dispatcher && this.#senderFor(dispatcher)
      const fields =
        call.headers.length === 0 ? this.#headers : mergeFields(this.#headers, call.headers)
      if (stream !== null) content = await bufferIfSmall(stream, this.#backend.clock)
      return toWhatwgResponse(
        await this.#follow(
          { redirect, sameOriginOnly, signal, integrity, timeout, sender, startedAt },
          {
            ...{ method, url, fields, content },
            ...{ keepsCredentials: true, wasDowngraded: false },
          },
        ),
      )
    } catch (error) {
      discardContent(content, error)
      if (call !== null) cancelUnread(call.stream, error)
      const complete = error instanceof TotalTimeout ? withTotal(error, timeout) : error
      throw networkError(complete, 'fetch failed')
    }
  }

  /** HTTP-redirect fetch: WHATWG Fetch 4.4 */
  async #follow(context: CallContext, hop: FetchHop): Promise<FetchResponse> {
    const { redirect, integrity } = context
    for (let redirects = 0; ; redirects++) {
      const response = await this.#send(hop, context)
      const isFollowed = redirect !== 'manual' && isRedirect(response.status)
      const next = isFollowed ? this.#nextHop(hop, response, context, redirects) : null
      if (next === null) {
        const { method, url } = hop
        const request = { method, url, redirected: redirects > 0 }
        const body = bodyOf(response, request, this.#limitsOf(hop, context))
        if (integrity !== null) await checkIntegrity(body, integrity, hop)
        return new FetchResponse(response, request, body)
      }
      hop = next
    }
  }

  /**
   * Returns the next request; null without a Location, so that the redirect response is the result.
   */
  #nextHop(
    hop: FetchHop,
    response: EngineResponse,
    { redirect, sameOriginOnly }: CallContext,
    redirects: number,
  ): Hop | null {
    const fail = (Type: typeof RequestError | typeof StreamConsumed, why: string) =>
      new Type(`${hop.method} ${redactUrl(hop.url.href)} was redirected, ${why}`, factsOf(hop))
    try {
      if (redirect === 'error') throw fail(RequestError, "but the option redirect is 'error'")
      const from = toUrl(hop.url)
      const next = nextHop({ ...hop, url: from }, response)
      if (next === null) return null
      if (sameOriginOnly && !isSameOrigin(from, next.url)) {
        throw fail(RequestError, "but to another origin, and the option mode is 'same-origin'")
      }
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

  #send(hop: FetchHop, { signal, timeout, sender, startedAt }: CallContext) {
    const { method, url, fields, content, keepsCredentials } = hop
    const timeouts = timeoutsAfter(this.#backend.clock.now() - startedAt, timeout)
    if (timeouts === null) {
      const where = `before ${method} ${redactUrl(url.href)}`
      throw totalTimeout({ timeout }, where, { ...factsOf(hop), phase: 'queue' })
    }
    const router = this.#router
    return (sender ?? router.onlySender ?? router.senderFor(toUrl(url), keepsCredentials)).request({
      origin: url.origin,
      path: pathOf(url),
      method,
      headers: fields,
      body: content,
      timeouts,
      signal,
    })
  }

  /** Returns the sender for a dispatcher of the caller, who also closes it. */
  #senderFor(dispatcher: Dispatcher): RequestSender {
    const sender = this.#senders.get(dispatcher) ?? toRequestSender(dispatcher, this.#trace)
    this.#senders.set(dispatcher, sender)
    return sender
  }

  #limitsOf(hop: FetchHop, { signal, timeout, startedAt }: CallContext): BodyLimits {
    const { total } = timeout
    const facts = () => ({ ...AFTER_HEAD, ...factsOf(hop) })
    const timeoutError = () => {
      const where = `${hop.method} ${redactUrl(hop.url.href)}, reading the received body`
      return totalTimeout({ timeout }, where, facts())
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

/**
 * Receives the body, and throws `RequestError` if it does not match. Without a body nothing matches.
 * WHATWG Fetch 4.1
 */
async function checkIntegrity(
  body: FetchBody | null,
  integrity: Integrity,
  hop: FetchHop,
): Promise<void> {
  if (body !== null && matchesIntegrity(await body.receive(), integrity)) return
  const what = `The response to ${hop.method} ${redactUrl(hop.url.href)}`
  throw new RequestError(`${what} does not match the option integrity`, {
    ...AFTER_HEAD,
    ...factsOf(hop),
  })
}

/** Cancels the stream of a `Request` that will not be sent. */
function cancelUnread(stream: FetchCall['stream'], reason: unknown): void {
  if (stream !== null && !stream.locked) stream.cancel(reason).catch(ignore)
}

/** Returns the facts of an error. They contain no headers, because headers can be secrets. */
function factsOf({ method, url }: FetchHop) {
  return { request: { method, origin: url.origin, path: pathOf(url) } }
}
