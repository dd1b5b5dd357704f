import type { Clock } from '../backends/backend.ts'
import type { Progress } from '../content/progress.ts'
import { RequestError, StreamError, TotalTimeout } from '../errors.ts'
import type { Timeout } from '../models/timeout.ts'
import type { Auth } from './auth/auth.ts'
import type { RequestCookies } from './cookies/cookies.ts'
import { Request } from './request.ts'

/** What one call goes by, client and request put together; a redirect's is derived from it. */
export interface Call {
  /** The request's own. Undefined: what the client, the URL or .netrc say. */
  readonly auth: Auth | null | undefined
  readonly timeout: Timeout
  readonly followRedirects: boolean
  /** The client's, for a `nextRequest` that the caller sends. */
  readonly followsByDefault: boolean
  readonly maxRedirects: number
  readonly retries: number
  readonly signal: AbortSignal | null
  /** The request's own. */
  readonly cookies: RequestCookies | null
  /** False behind a redirect to another origin, for the rest of the chain: no `auth`, no cookies without a domain. */
  readonly keepsCredentials: boolean
  readonly maxResponseSize: number | null
  readonly onDownloadProgress: ((progress: Progress) => void) | null
  readonly clock: Clock
}

/** Says how this request is to be sent, for when it is. */
export function remember(request: Request, call: Call): void {
  request.memo = call
}

/** Null for a request that the caller made. */
export function rememberedCall(request: Request): Call | null {
  return request.memo as Call | null
}

/** The error, with the client's request in place of the engine's facts on it, and the call's total in place of what was left of it. */
export function withRequest(error: unknown, request: Request, call: Call): unknown {
  if (error instanceof TotalTimeout) {
    const text = error.message.replace(/^Not done within \S+ ms/, notDone(call))
    if (text !== error.message)
      return new TotalTimeout(text, { ...error, cause: error.cause, request })
  }
  const isOurs = error instanceof RequestError || error instanceof StreamError
  // A flow or a hook may fail with an error of another request.
  if (isOurs && !(error.request instanceof Request)) Object.assign(error, { request })
  return error
}

export function notDone(call: Call): string {
  return `Not done within ${call.timeout.total} ms`
}
