import { RequestError } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { isIdempotent } from '../protocol/methods.ts'

/** The first and the longest delay of the exponential backoff, in ms. */
const INITIAL_BACKOFF = 250
const MAX_BACKOFF = 8_000
/**
 * The longest Retry-After that is honoured, in ms. With a longer one, the response is the result.
 */
const MAX_RETRY_AFTER = 120_000
const HTTP_DATE = /^[A-Z][a-z]+, .* GMT$/

/**
 * Returns the delay before the next attempt after this error, in ms; null if it is not safe to
 * retry. A failure to connect is safe.
 */
export function retryDelayAfterError(error: unknown, attempt: number): number | null {
  return error instanceof RequestError && error.safeToRetry ? backoff(attempt) : null
}

/**
 * Returns the delay before the next attempt after a 429 or 503 response to an idempotent request,
 * in ms; null if this response is the result. RFC 9110 10.2.3
 */
export function retryDelayAfterResponse(
  request: { readonly method: string },
  response: { readonly status: number; readonly headers: Headers },
  attempt: number,
): number | null {
  const { status, headers } = response
  if ((status !== 429 && status !== 503) || !isIdempotent(request.method)) return null
  const delay = retryAfter(headers)
  if (delay === null) return backoff(attempt)
  return delay <= MAX_RETRY_AFTER ? delay : null
}

/**
 * The delay doubles with each attempt. Half of it is random, so that clients that failed at the
 * same time do not retry at the same time.
 */
function backoff(attempt: number): number {
  const longest = Math.min(MAX_BACKOFF, INITIAL_BACKOFF * 2 ** attempt)
  return (longest / 2) * (1 + Math.random())
}

/**
 * The value of Retry-After in ms; null if it is missing or invalid. A date is compared with the
 * Date field of the response, because the clocks of server and client may differ.
 */
function retryAfter(headers: Headers): number | null {
  const value = headers.get('retry-after')
  if (value === null) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  if (!HTTP_DATE.test(value)) return null // `Date.parse` also accepts values such as `1.5`.
  const delay = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(delay) ? null : Math.max(0, delay)
}
