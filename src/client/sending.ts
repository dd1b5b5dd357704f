import type { Backend } from '../backends/backend.ts'
import { wallTime } from '../backends/system-clock.ts'
import { discardContent, isReplayable, throwIfConsumed } from '../content/content.ts'
import type { Router } from '../dispatch/router.ts'
import { InsecureRedirect, RequestError, redactUrl, TooManyRedirects } from '../errors.ts'
import { throwIfAborted } from '../models/signal.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import { isThenable } from '../models/value-kind.ts'
import { requestBody } from '../pool/base-dispatcher.ts'
import type { Response as EngineResponse } from '../pool/response.ts'
import type { WaitsForBody } from '../pool/sinks.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { ResponseHead } from '../protocol/response-head.ts'
import type { Auth } from './auth/auth.ts'
import { BasicAuth } from './auth/basic.ts'
import { userinfoAuth } from './auth/resolve.ts'
import type { CallSettings } from './call.ts'
import { callSettingsOf, timeoutsAfter, totalTimeout, withRequest } from './call.ts'
import type { Cookies, ReceivedCookies } from './cookies/cookies.ts'
import { requestCookiesFor } from './cookies/cookies.ts'
import { fieldOf, valuesOf, withContentLength } from './field-list.ts'
import type { EnvironmentNetrc } from './netrc/netrc.ts'
import type { ResolvedHooks } from './options.ts'
import { hasUserinfo } from './plain-url.ts'
import { isDowngrade, isRedirect } from './redirect.ts'
import { Request } from './request.ts'
import type { RequestBuilder } from './request-builder.ts'
import { AFTER_HEAD, Response } from './response.ts'
import { retryDelayAfterError, retryDelayAfterResponse } from './retry.ts'
import { mayForwardCredentials } from './url.ts'
import type { ClientWaits } from './waits.ts'
import { awaitInterruptibly } from './waits.ts'

/** The objects that all calls of a client share. */
export interface ClientState {
  readonly router: Router
  readonly backend: Backend
  readonly cookies: Cookies
  readonly hooks: ResolvedHooks
  /** Null without `trustEnv`. */
  readonly netrc: EnvironmentNetrc | null
  readonly credentials: Pick<RequestBuilder, 'isClientOrigin' | 'authFor'>
  readonly waits: ClientWaits
}

const NO_HISTORY: readonly Response[] = []
const NO_COOKIES: readonly string[] = []

/**
 * One call in progress. Its methods are nested, from the outside to the inside: redirects,
 * auth, response hooks, retries, and one exchange with cookies and request hooks. A layer that has
 * nothing to do is skipped. A plain request, for which only `#dispatch` is left, passes all of them
 * in one step, because each costs a promise.
 */
export class Sending {
  readonly #state: ClientState
  readonly #startedAt: number
  /** Whether an exchange or code of the caller has used a part of the `total` timeout. */
  #hasSpentTime = false
  /** The responses before the final one; null until there is one. */
  #history: Response[] | null = null
  /** What servers have set in this call, in order. */
  #receivedCookies: readonly ReceivedCookies[] = []

  constructor(state: ClientState) {
    this.#state = state
    this.#startedAt = state.backend.clock.now()
  }

  /**
   * Sends the request and returns the final response. Call it once.
   *
   * @param readsBody whether to read the whole body
   */
  async run(request: Request, settings: CallSettings, readsBody: boolean): Promise<Response> {
    const { content } = request
    this.#receivedCookies = settings.receivedCookies
    let response: Response
    try {
      for (let redirects = 0; ; redirects++) {
        throwIfAborted(settings.signal)
        const auth = this.#authFor(request, settings)
        if (auth !== null && !isBasic(auth)) {
          response = await this.#runAuthFlow(auth, request, settings)
        } else {
          const signed = auth === null ? request : request.with('authorization', auth.authorization)
          if (this.#isPlain(settings)) {
            const waitsForBody = readsBody ? waitsForBodyOf(settings) : null
            const sentAt = this.#now()
            let engineResponse: EngineResponse
            try {
              engineResponse = await this.#dispatch(signed, settings, request, sentAt, waitsForBody)
            } catch (error) {
              throw withRequest(error, signed, settings)
            }
            response = this.#toResponse(engineResponse, signed, settings, request, sentAt)
            if (engineResponse.mayHaveSetCookie) await this.#storeCookies(response, settings)
          } else {
            response = await this.#sendWithRetries(signed, settings, request)
          }
        }
        if (!settings.followRedirects || !response.isRedirect) break
        request = await this.#redirect(response, settings, redirects)
        settings = callSettingsOf(request) as CallSettings
      }
    } catch (error) {
      discardContent(content, error)
      // To repeat the call would also repeat the requests before the redirect.
      const isSafe = this.#history?.every((r) => !r.isRedirect || isIdempotent(r.request.method))
      if (isSafe === false && error instanceof RequestError) {
        Object.assign(error, { safeToRetry: false })
      }
      throw error
    }
    if (readsBody && !response.readReceived()) await response.read()
    return response
  }

  /** Whether no layer between redirects and `#dispatch` has anything to do. */
  #isPlain(settings: CallSettings): boolean {
    const { cookies, hooks } = this.#state
    return (
      settings.retries === 0 &&
      settings.cookies === null &&
      cookies.isEmpty &&
      this.#receivedCookies.length === 0 &&
      hooks.request.length === 0 &&
      hooks.response.length === 0
    )
  }

  async #redirect(response: Response, settings: CallSettings, redirects: number): Promise<Request> {
    try {
      if (redirects >= settings.maxRedirects) {
        throw new TooManyRedirects(
          `Stopped after ${settings.maxRedirects} redirects (maxRedirects): ${redactUrl(response.url)} redirects again`,
          AFTER_HEAD,
        )
      }
      const next = response.nextRequest as Request
      if (settings.followRedirects === 'no-downgrade' && isDowngrade(response.url, next.url)) {
        throw new InsecureRedirect(
          `${redactUrl(response.url)} redirects to an insecure URL: ${redactUrl(next.url)} (followRedirects is 'no-downgrade')`,
          AFTER_HEAD,
        )
      }
      return next
    } catch (error) {
      throw withRequest(error, response.request, settings)
    } finally {
      await response.close()
      this.#addToHistory(response)
    }
  }

  // --- auth

  /**
   * Returns the auth of the request, the client, the URL's userinfo or .netrc, in this order. After
   * a redirect to another origin, only the entry of .netrc for its host is used; after one from
   * https to http, nothing.
   */
  #authFor(request: Request, settings: CallSettings): Auth | null {
    const { requestUrl } = request
    if (request.method === 'TRACE') return null // The response would contain it. RFC 9110 9.3.8
    const { netrc, credentials } = this.#state
    const auth = settings.auth === undefined ? credentials.authFor(requestUrl) : settings.auth
    if (auth === null) return null
    if (settings.keepsCredentials) {
      if (auth !== undefined) return auth
      if (hasUserinfo(requestUrl)) return userinfoAuth(request.url)
    }
    if (netrc === null || settings.wasDowngraded || netrc.isMissing) return null
    const { url } = request
    const netrcAuth = settings.keepsCredentials ? netrc.authFor(url) : netrc.authForHost(url)
    if (netrcAuth === null || fieldOf(request.fields, 'authorization') !== null) return null
    return netrcAuth
  }

  async #runAuthFlow(auth: Auth, request: Request, settings: CallSettings): Promise<Response> {
    const flow = auth.authFlow(request.clone())
    let response: Response | null = null
    try {
      let step = await this.#awaitCallerCode(flow.next(), request, settings)
      this.#hasSpentTime = true
      while (!step.done) {
        if (response !== null) {
          await response.close()
          this.#addToHistory(response)
        }
        if (!(step.value instanceof Request))
          throw new TypeError('authFlow() must yield Request objects')
        response = await this.#sendWithRetries(step.value, settings, request)
        throwIfAborted(settings.signal)
        step = await this.#awaitCallerCode(flow.next(response), request, settings)
      }
    } catch (error) {
      if (response !== null) await closeAfterError(response)
      void endFlow(flow)
      throw withRequest(error, request, settings)
    }
    if (response === null) throw new TypeError('authFlow() ended without yielding a request')
    return response
  }

  // --- retries

  #sendWithRetries(request: Request, settings: CallSettings, base: Request): Promise<Response> {
    const response =
      settings.retries === 0
        ? this.#exchange(request, settings, base)
        : this.#retry(request, settings, base)
    if (this.#state.hooks.response.length === 0) return response
    return this.#runResponseHooks(response, settings)
  }

  /** Outside of retries: a hook that throws for a 503 must not prevent its retries. */
  async #runResponseHooks(pending: Promise<Response>, settings: CallSettings): Promise<Response> {
    const response = await pending
    try {
      for (const hook of this.#state.hooks.response) {
        await this.#awaitCallerCode(hook(response), response.request, settings)
        throwIfAborted(settings.signal)
      }
    } catch (error) {
      await closeAfterError(response)
      throw withRequest(error, response.request, settings)
    }
    return response
  }

  async #retry(request: Request, settings: CallSettings, base: Request): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= settings.retries || !isReplayable(request.content)
      let delay: number | null
      try {
        const response = await this.#exchange(request, settings, base)
        delay = isLast ? null : retryDelayAfterResponse(request, response, attempt, wallTime())
        if (delay === null || !this.#hasTimeFor(delay, settings)) return response
        await response.close()
      } catch (error) {
        delay = isLast ? null : retryDelayAfterError(error, attempt)
        if (delay === null || !this.#hasTimeFor(delay, settings)) throw error
      }
      await this.#state.waits.delay(delay, settings.signal)
    }
  }

  // --- one exchange

  async #exchange(request: Request, settings: CallSettings, base: Request): Promise<Response> {
    const { cookies, hooks, credentials } = this.#state
    let sent = request
    const hasCookies =
      settings.cookies !== null || !cookies.isEmpty || this.#receivedCookies.length > 0
    if (hasCookies && request.method !== 'TRACE') {
      const { url, fields } = request
      // An auth flow may also send requests to hosts that the caller did not request.
      const isRequestedHost = isRequested(url, base, settings)
      const includeUnscoped = isRequestedHost && credentials.isClientOrigin(url)
      const extra = requestCookiesFor(settings.cookies, url, isRequestedHost)
      const given = valuesOf(fields, 'cookie')
      const field = given.length === 0 ? null : given.join('; ')
      const received = this.#receivedCookies
      const value = cookies.header(url, { includeUnscoped, extra, field, received })
      const cookie = await this.#awaitCallerCode(value, request, settings)
      if (cookie !== (field ?? '')) sent = request.with('cookie', cookie === '' ? null : cookie)
    }
    if (hooks.request.length > 0) sent = sent.clone()
    let engineResponse: EngineResponse
    let sentAt: number
    try {
      for (const hook of hooks.request) {
        throwIfAborted(settings.signal)
        this.#hasSpentTime = true
        await this.#awaitCallerCode(hook(sent), sent, settings)
      }
      sentAt = this.#now()
      engineResponse = await this.#dispatch(sent, settings, base, sentAt, null)
    } catch (error) {
      discardContent(sent.content, error) // A hook may have replaced that of `request`.
      throw withRequest(error, sent, settings)
    }
    const response = this.#toResponse(engineResponse, sent, settings, base, sentAt)
    if (engineResponse.mayHaveSetCookie) await this.#storeCookies(response, settings)
    return response
  }

  /**
   * Passes the request to the engine. Throws if it cannot be sent.
   *
   * @param sentAt the time of the clock
   * @param waitsForBody null to resolve with the head; see `requestBody` of the pool
   */
  #dispatch(
    request: Request,
    settings: CallSettings,
    base: Request,
    sentAt: number,
    waitsForBody: WaitsForBody | null,
  ): Promise<EngineResponse> {
    const { router, credentials } = this.#state
    throwIfConsumed(request.content, request)
    const sender =
      router.onlySender ??
      router.senderFor(
        request.url,
        credentials.isClientOrigin(request.url) && isRequested(request.url, base, settings),
      )
    const dispatched = {
      origin: request.requestUrl.origin,
      path: request.target,
      method: request.method,
      headers: withContentLength(request.fields, request.content),
      body: request.content,
      timeouts: this.#timeoutsFor(settings, request, sentAt),
      signal: settings.signal,
    }
    return waitsForBody === null
      ? sender.request(dispatched)
      : requestBody(sender, dispatched, waitsForBody)
  }

  #toResponse(
    engineResponse: EngineResponse,
    request: Request,
    settings: CallSettings,
    baseRequest: Request,
    sentAt: number,
  ): Response {
    const setCookies = engineResponse.mayHaveSetCookie
      ? engineResponse.headers.getSetCookie()
      : NO_COOKIES
    if (setCookies.length > 0) settings = this.#addReceivedCookies(setCookies, request, settings)
    return new Response(engineResponse, {
      request,
      baseRequest,
      settings,
      waits: this.#state.waits,
      startedAt: this.#startedAt,
      sentAt,
      history: this.#history === null ? NO_HISTORY : [...this.#history],
    })
  }

  /** Stores the cookies that the response sets. Closes it if that fails. */
  async #storeCookies(response: Response, settings: CallSettings): Promise<void> {
    const setCookies = response.headers.getSetCookie()
    if (setCookies.length === 0) return
    const { request } = response
    try {
      const stored = this.#state.cookies.storeSetCookies(setCookies, request.url)
      await this.#awaitCallerCode(stored, request, settings)
      throwIfAborted(settings.signal)
    } catch (error) {
      await response.close()
      throw error
    }
  }

  /** Returns the settings for a request that follows a redirect. */
  #addReceivedCookies(
    setCookies: readonly string[],
    { url, fields }: Request,
    settings: CallSettings,
  ): CallSettings {
    const sent = valuesOf(fields, 'cookie').join('; ')
    this.#receivedCookies = [...this.#receivedCookies, { setCookies, url, sent }]
    return { ...settings, receivedCookies: this.#receivedCookies }
  }

  #addToHistory(response: Response): void {
    this.#history ??= []
    this.#history.push(response)
  }

  /**
   * Waits for the result of a function of the caller, at most until the call must end: because of
   * its signal or its `total` timeout, or because the client is closed.
   */
  #awaitCallerCode<Result>(
    pending: Result | PromiseLike<Result>,
    request: Request,
    settings: CallSettings,
  ): Result | Promise<Result> {
    if (!isThenable(pending)) return pending
    this.#hasSpentTime = true
    const timeoutError = () => {
      const where = `${request.method} ${redactUrl(request.url)}, in a hook, an auth flow or a cookie store`
      return totalTimeout(settings, where, { request })
    }
    const { signal } = settings
    const { waits } = this.#state
    const timeLeft = this.#timeLeft(settings)
    return awaitInterruptibly(pending, { signal, timeLeft, timeoutError, isTimed: false, waits })
  }

  /**
   * Returns the timeouts of the next exchange. Its `total` is the part that is left since the call
   * started, whatever used the time: other exchanges, hooks, auth flows or cookie stores.
   */
  #timeoutsFor(settings: CallSettings, request: Request, sentAt: number): TimeoutInit {
    this.#hasSpentTime = true
    const timeouts = timeoutsAfter(sentAt - this.#startedAt, settings.timeout)
    if (timeouts !== null) return timeouts
    const where = `before ${request.method} ${redactUrl(request.url)}`
    throw totalTimeout(settings, where, { phase: 'queue' })
  }

  /** The time of the clock. Not read for a request that is sent at once. */
  #now(): number {
    return this.#hasSpentTime ? this.#state.backend.clock.now() : this.#startedAt
  }

  #hasTimeFor(delay: number, settings: CallSettings): boolean {
    const timeLeft = this.#timeLeft(settings)
    return timeLeft === null || delay < timeLeft
  }

  #timeLeft(settings: CallSettings): number | null {
    const { total } = settings.timeout
    return total === null ? null : this.#startedAt + total - this.#state.backend.clock.now()
  }
}

/** Whether this is Basic auth, which needs one request. Not a subclass with an authFlow of its own. */
function isBasic(auth: Auth): auth is BasicAuth {
  return auth instanceof BasicAuth && auth.authFlow === BasicAuth.prototype.authFlow
}

/**
 * Returns which bodies a call waits for that reads the whole body: not those of redirects, whose
 * connection is not needed for the next request; not before cookies are stored; and not those that
 * are too large. Null if the caller wants to be told of each part.
 */
function waitsForBodyOf(settings: CallSettings): WaitsForBody | null {
  const { maxResponseSize: max, onDownloadProgress } = settings
  if (onDownloadProgress !== null) return null
  return max === null ? isReadNext : (head, length) => length <= max && isReadNext(head)
}

const isReadNext = (head: ResponseHead) => !isRedirect(head.status) && !head.mayHaveSetCookie

/**
 * Closes a response whose hook or auth flow failed. The error may hold an error response, whose
 * body explains it: its beginning can still be read.
 */
async function closeAfterError(response: Response): Promise<void> {
  if (response.isError) response.keepBeginning()
  else await response.close()
}

/**
 * Ends an auth flow after an error. The call does not wait for the `finally` blocks of the flow:
 * they may never end, and the error of the call is known.
 */
async function endFlow(flow: ReturnType<Auth['authFlow']>): Promise<void> {
  try {
    await flow.return(undefined)
  } catch {
    // The call fails with its own error.
  }
}

/**
 * Whether the caller asked for the origin of `url` in this call. After a redirect to another
 * origin, it did not. An auth flow or a hook may also send requests to other origins.
 */
function isRequested(url: URL, base: Request, settings: CallSettings): boolean {
  return settings.keepsCredentials && mayForwardCredentials(base.url, url)
}
