import { RequestError } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { isIdempotent } from '../protocol/methods.ts'

/** The limits of the delay before the first retry and before any retry, in ms. */
const INITIAL_BACKOFF = 250
const MAX_BACKOFF = 8_000
/**
 * The longest Retry-After that is respected, in ms. A response with a longer one is not retried.
 */
const MAX_RETRY_AFTER = 120_000
const HTTP_DATE = /^[A-Z][a-z]+, .* GMT$/

/**
 * Returns the delay in ms before a retry after this error; null if a retry is not safe. It is safe
 * after a failure to connect.
 *
 * @param attempt how many retries there were before
 */
export function retryDelayAfterError(error: unknown, attempt: number): number | null {
  return error instanceof RequestError && error.safeToRetry ? backoff(attempt) : null
}

/**
 * Returns the delay in ms before a retry after this response; null to return the response to the
 * caller. Only a 429 or 503 response to an idempotent request is retried. RFC 9110 10.2.3
 *
 * @param attempt how many retries there were before
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
 * Returns a random delay in ms between half of a limit and the limit, which doubles with each
 * attempt. Clients that failed at the same time therefore do not retry at the same time.
 */
function backoff(attempt: number): number {
  const longest = Math.min(MAX_BACKOFF, INITIAL_BACKOFF * 2 ** attempt)
  return (longest / 2) * (1 + Math.random())
}

/**
 * Returns the value of Retry-After in ms; null if it is missing or invalid. A date is compared with
 * the Date field of the response, because the clocks of server and client may differ.
 */
function retryAfter(headers: Headers): number | null {
  const value = headers.get('retry-after')
  if (value === null) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  if (!HTTP_DATE.test(value)) return null // `Date.parse` accepts more, such as `1.5`.
  const delay = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(delay) ? null : Math.max(0, delay)
}
