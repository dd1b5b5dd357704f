import type { Backend } from '../backends/backend.ts'
import { discardContent, isReplayable, refuseSpent } from '../content/content.ts'
import type { Router } from '../dispatch/router.ts'
import { RequestError, redactUrl, TooManyRedirects, TotalTimeout } from '../errors.ts'
import type { TimeoutInit } from '../models/timeout.ts'
import { isThenable } from '../models/value-kind.ts'
import { isIdempotent } from '../protocol/methods.ts'
import type { Auth } from './auth/auth.ts'
import { BasicAuth } from './auth/basic.ts'
import { userinfoAuth } from './auth/resolve.ts'
import type { Call } from './call.ts'
import { notDone, rememberedCall, withRequest } from './call.ts'
import type { Cookies } from './cookies/cookies.ts'
import { extraCookies, withCookies } from './cookies/cookies.ts'
import { fieldOf, framedFields } from './field-list.ts'
import type { EnvironmentNetrc } from './netrc/netrc.ts'
import type { ResolvedHooks } from './options.ts'
import { AT_REDIRECT } from './redirect.ts'
import { Request } from './request.ts'
import { Response } from './response.ts'
import { waitAfterError, waitAfterResponse } from './retry.ts'
import { keepsCredentials } from './url.ts'
import type { Pauses } from './waits.ts'
import { interruptible } from './waits.ts'

/** What all calls of a client share. */
export interface SenderOwner {
  readonly router: Router
  readonly backend: Backend
  readonly cookies: Cookies
  readonly hooks: ResolvedHooks
  /** Null where the environment is not trusted. */
  readonly netrc: EnvironmentNetrc | null
  readonly credentials: {
    /** Whether those of the client are for this URL. */
    isHome(url: URL): boolean
    authFor(url: URL): Call['auth']
  }
  readonly pauses: Pauses
}

const NONE: readonly Response[] = []

/**
 * One call under way. From the outside in: redirects, the rounds of auth, retries, and one exchange
 * with cookies and hooks. Each layer steps aside where it has nothing to do.
 */
export class Sending {
  readonly #owner: SenderOwner
  readonly #startedAt: number
  /** What came before the response to be: made where something did. */
  #history: Response[] | null = null
  /** Whether an exchange, a hook or auth has taken time. */
  #hasBegun = false

  constructor(owner: SenderOwner) {
    this.#owner = owner
    this.#startedAt = owner.backend.clock.now()
  }

  async run(request: Request, call: Call): Promise<Response> {
    const { content } = request
    try {
      for (let redirects = 0; ; redirects++) {
        call.signal?.throwIfAborted()
        const response = await this.#authorized(request, call)
        if (!call.followRedirects || !response.isRedirect) return response
        request = await this.#redirected(response, call, redirects)
        call = rememberedCall(request) as Call
      }
    } catch (error) {
      discardContent(content)
      // The call as a whole would repeat what was carried out before the redirect.
      const isSafe = this.#history?.every((r) => !r.isRedirect || isIdempotent(r.request.method))
      if (isSafe === false && error instanceof RequestError) {
        Object.assign(error, { safeToRetry: false })
      }
      throw error
    }
  }

  async #redirected(response: Response, call: Call, redirects: number): Promise<Request> {
    try {
      if (redirects >= call.maxRedirects) {
        throw new TooManyRedirects(
          `More than ${call.maxRedirects} redirects, the last at ${redactUrl(response.url)}`,
          AT_REDIRECT,
        )
      }
      return response.nextRequest as Request
    } catch (error) {
      throw withRequest(error, response.request, call)
    } finally {
      await response.close()
      this.#remember(response)
    }
  }

  // --- auth

  #authorized(request: Request, call: Call): Promise<Response> {
    const auth = this.#authFor(request, call)
    if (auth === null) return this.#persistent(request, call, request)
    // Not one of a class of the caller's on top, which has a flow of its own.
    if (auth instanceof BasicAuth && auth.authFlow === BasicAuth.prototype.authFlow) {
      return this.#persistent(request.with('authorization', auth.authorization), call, request)
    }
    return this.#inRounds(auth, request, call)
  }

  /** The request's, the client's, the URL's, that of .netrc: the last alone is asked for a host that a redirect leads to. */
  #authFor(request: Request, call: Call): Auth | null {
    const { url } = request
    if (request.method === 'TRACE') return null // comes back with all it had: RFC 9110 9.3.8
    const { netrc, credentials } = this.#owner
    const auth = call.auth === undefined ? credentials.authFor(url) : call.auth
    if (auth === null) return null
    if (call.keepsCredentials) {
      if (auth !== undefined) return auth
      if (url.username !== '' || url.password !== '') return userinfoAuth(url)
    }
    const found = netrc === null ? null : netrc.authFor(url)
    return found === null || fieldOf(request.fields, 'authorization') !== null ? null : found
  }

  async #inRounds(auth: Auth, request: Request, call: Call): Promise<Response> {
    const rounds = auth.authFlow(request.clone())
    let response: Response | null = null
    try {
      let step = await this.#waited(rounds.next(), request, call)
      this.#hasBegun = true
      while (!step.done) {
        if (response !== null) {
          await response.close()
          this.#remember(response)
        }
        if (!(step.value instanceof Request)) throw new TypeError('authFlow must yield requests')
        response = await this.#persistent(step.value, call, request)
        call.signal?.throwIfAborted()
        step = await this.#waited(rounds.next(response), request, call)
      }
    } catch (error) {
      await response?.close()
      await this.#waited(rounds.return(undefined), request, call, () => error)
      throw withRequest(error, request, call)
    }
    if (response === null) throw new TypeError('auth sent no request at all')
    return response
  }

  // --- retries

  #persistent(request: Request, call: Call, base: Request): Promise<Response> {
    const response =
      call.retries === 0 ? this.#exchange(request, call, base) : this.#retrying(request, call, base)
    return this.#owner.hooks.response.length === 0 ? response : this.#shown(response, call)
  }

  /** Around retries, so that a hook which throws for a 503 sees it only when there is nothing left to try. */
  async #shown(pending: Promise<Response>, call: Call): Promise<Response> {
    const response = await pending
    try {
      for (const hook of this.#owner.hooks.response) {
        await this.#waited(hook(response), response.request, call)
        call.signal?.throwIfAborted()
      }
    } catch (error) {
      await response.close()
      throw error
    }
    return response
  }

  async #retrying(request: Request, call: Call, base: Request): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= call.retries || !isReplayable(request.content)
      let wait: number | null
      try {
        const response = await this.#exchange(request, call, base)
        wait = isLast ? null : waitAfterResponse(request, response, attempt)
        if (wait === null || !this.#hasTime(wait, call)) return response
        await response.close()
      } catch (error) {
        wait = isLast ? null : waitAfterError(error, attempt)
        if (wait === null || !this.#hasTime(wait, call)) throw error
      }
      await this.#owner.pauses.pause(wait, call.signal)
    }
  }

  // --- one exchange

  async #exchange(request: Request, call: Call, base: Request): Promise<Response> {
    const { router, cookies, hooks, credentials } = this.#owner
    let sent = request
    if ((call.cookies !== null || !cookies.isEmpty) && request.method !== 'TRACE') {
      const { url, fields } = request
      // A flow may ask other servers, too.
      const isAsked = call.keepsCredentials && keepsCredentials(base.url, url)
      const asked = isAsked && credentials.isHome(url)
      const extra = extraCookies(call.cookies, url, isAsked)
      const own = fieldOf(fields, 'cookie')
      const given = own === null ? cookies.header(url, { asked, extra }) : withCookies(own, extra)
      const cookie = await this.#waited(given, request, call)
      if (cookie !== '') sent = request.with('cookie', cookie)
    }
    if (hooks.request.length > 0) {
      sent = sent.clone()
    }
    let response: Response
    try {
      for (const hook of hooks.request) {
        call.signal?.throwIfAborted()
        this.#hasBegun = true
        await this.#waited(hook(sent), sent, call)
      }
      refuseSpent(sent.content, sent)
      const raw = await router.responderFor(sent.url).request({
        origin: sent.url.origin,
        path: sent.target,
        method: sent.method,
        headers: framedFields(sent.fields, sent.content),
        body: sent.content,
        timeouts: this.#timeouts(call, sent),
        signal: call.signal,
      })
      response = new Response(raw, {
        request: sent,
        base,
        call,
        startedAt: this.#startedAt,
        history: this.#history === null ? NONE : [...this.#history],
      })
    } catch (error) {
      discardContent(sent.content) // by a hook it may be another
      throw withRequest(error, sent, call)
    }
    if (!response.headers.has('set-cookie')) return response
    try {
      const kept = cookies.keep(response.headers.getSetCookie(), sent.url)
      await this.#waited(kept, sent, call)
      call.signal?.throwIfAborted()
    } catch (error) {
      await response.close()
      throw error
    }
    return response
  }

  #remember(response: Response): void {
    this.#history ??= []
    this.#history.push(response)
  }

  /** What code of the caller's gives, if it does before the call has to end. */
  #waited<Result>(
    pending: Result | PromiseLike<Result>,
    request: Request,
    call: Call,
    late = (): unknown => {
      const where = `${request.method} ${redactUrl(request.url)}, in a hook, auth or cookie store`
      return new TotalTimeout(`${notDone(call)} (${where})`, { request })
    },
  ): Result | Promise<Result> {
    if (!isThenable(pending)) return pending
    const { pauses } = this.#owner
    const left = this.#timeLeft(call)
    return interruptible(pending, { signal: call.signal, left, late, clock: call.clock, pauses })
  }

  /** Of `total` each exchange gets what all before it have left: exchanges, hooks, rounds of auth. */
  #timeouts(call: Call, { method, url }: Request): TimeoutInit {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      return call.timeout
    }
    const left = this.#timeLeft(call)
    if (left === null) return call.timeout
    if (left > 0) return { ...call.timeout, total: Math.ceil(left) }
    throw new TotalTimeout(`${notDone(call)} (before ${method} ${redactUrl(url)})`, {
      phase: 'queue',
    })
  }

  #hasTime(wait: number, call: Call): boolean {
    const left = this.#timeLeft(call)
    return left === null || wait < left
  }

  #timeLeft(call: Call): number | null {
    const { total } = call.timeout
    return total === null ? null : this.#startedAt + total - this.#owner.backend.clock.now()
  }
}
