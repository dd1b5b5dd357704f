import type { Clock } from '../backends/backend.ts'
import type { Progress } from '../content/progress.ts'
import type { ErrorFacts } from '../errors.ts'
import { HawserError, RequestError, StreamError, TotalTimeout } from '../errors.ts'
import type { Timeout, TimeoutInit } from '../models/timeout.ts'
import { totalTimeoutMessage, withTotalInMessage } from '../pool/exchange-aborter.ts'
import type { Auth } from './auth/auth.ts'
import type { ReceivedCookies, RequestCookies } from './cookies/cookies.ts'
import type { FollowRedirects } from './redirect.ts'
import { Request } from './request.ts'

/**
 * The settings of one call, merged from the options of the client and of the request. Those of the
 * request that follows a redirect are derived from them.
 */
export interface CallSettings {
  /** The request's `auth`. Undefined: the client's, the URL's userinfo or .netrc is used. */
  readonly auth: Auth | null | undefined
  readonly timeout: Timeout
  readonly followRedirects: FollowRedirects
  /** The client's `followRedirects`: applies when the caller sends a `nextRequest`. */
  readonly followsByDefault: FollowRedirects
  readonly maxRedirects: number
  readonly retries: number
  readonly signal: AbortSignal | null
  /** The request's `cookies`, without those of the client. */
  readonly cookies: RequestCookies | null
  /**
   * What servers have set in the call so far. Before the first response it is empty, unless the
   * caller sends a `nextRequest`.
   */
  readonly receivedCookies: readonly ReceivedCookies[]
  /**
   * Whether `auth`, cookies without a domain and the client certificate may be sent. False after a
   * redirect to another origin, and for all later requests of that chain.
   */
  readonly keepsCredentials: boolean
  /** Whether a redirect of this chain led from https to http. `.netrc` is then not used. */
  readonly wasDowngraded: boolean
  readonly maxResponseSize: number | null
  readonly onDownloadProgress: ((progress: Progress) => void) | null
  readonly clock: Clock
}

/** Stores the settings with which `client.send()` will send this request. */
export function setCallSettings(request: Request, settings: CallSettings): void {
  request.callSettings = settings
}

/** Returns the stored settings; null for a request that no client has built. */
export function callSettingsOf(request: Request): CallSettings | null {
  return request.callSettings as CallSettings | null
}

/**
 * Completes an error of the engine: sets `request` to the client's `Request`, and replaces the
 * remaining time in the message of a `TotalTimeout` by the call's `total`. Returns any other error
 * unchanged.
 */
export function withRequest(error: unknown, request: Request, settings: CallSettings): unknown {
  if (error instanceof HawserError) addCallerFrames(error)
  if (!(error instanceof RequestError || error instanceof StreamError)) return error
  // An auth flow or a hook may throw the error of another request, which stays as it is.
  if (error.request instanceof Request) return error
  if (error instanceof TotalTimeout) {
    const complete = withTotal(error, settings.timeout, request)
    if (complete !== error) return complete
  }
  Object.assign(error, { request })
  return error
}

/** The errors whose stacks are complete. A function of the caller may throw one of them again. */
const withCallerFrames = new WeakSet<HawserError>()

/**
 * Adds the frames of the caller to the stack of an error that was created in an event of a socket or
 * a timer. The runtime derives them from the promises that wait for the call, so that a call without
 * an error costs nothing.
 */
function addCallerFrames(error: HawserError): void {
  if (withCallerFrames.has(error)) return
  withCallerFrames.add(error)
  const here: { stack?: string } = {}
  Error.captureStackTrace(here, withRequest)
  for (const [frame] of here.stack?.matchAll(/\n {4}at .*/g) ?? []) {
    if (!error.stack?.includes(frame)) error.stack += frame
  }
}

/** Replaces the remaining time in the message of a `TotalTimeout` by the call's `total`. */
export function withTotal(
  error: TotalTimeout,
  timeout: Timeout,
  request = error.request,
): TotalTimeout {
  if (timeout.total === null) return error // it is that of another call
  const text = withTotalInMessage(error.message, timeout.total)
  if (text === error.message) return error
  return new TotalTimeout(text, { ...error, cause: error.cause, request })
}

/**
 * Returns the timeouts of an exchange that starts `elapsed` ms after its call; null if the call's
 * `total` has passed. The `total` of the exchange is the part that is left.
 */
export function timeoutsAfter(elapsed: number, timeout: Timeout): TimeoutInit | null {
  if (timeout.total === null) return timeout
  const total = Math.ceil(timeout.total - elapsed)
  if (total >= timeout.total) return timeout
  return elapsed < timeout.total ? { ...timeout, total } : null
}

/** Creates the error for a call whose `total` has passed. `where` tells what it was doing. */
export function totalTimeout(
  { timeout }: Pick<CallSettings, 'timeout'>,
  where: string,
  facts: ErrorFacts,
): TotalTimeout {
  return new TotalTimeout(`${totalTimeoutMessage(timeout.total)} (${where})`, facts)
}
