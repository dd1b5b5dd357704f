import { RequestError } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { singleValue } from '../models/headers.ts'
import { isIdempotent } from '../protocol/methods.ts'

/** The limits of the delay before the first retry and before any retry, in ms. */
const INITIAL_BACKOFF = 250
const MAX_BACKOFF = 8_000
/**
 * The longest Retry-After that is respected, in ms. A response with a longer one is not retried.
 */
const MAX_RETRY_AFTER = 120_000
/**
 * A date, of which two forms end in GMT. `Date.parse` accepts more, such as `1.5`. RFC 9110 5.6.7
 */
const GMT_DATE = /^[A-Z][a-z]+, .* GMT$/
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/

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
 * @param receivedAt when the response was received, in ms since 1970
 */
export function retryDelayAfterResponse(
  request: { readonly method: string },
  response: { readonly status: number; readonly headers: Headers },
  attempt: number,
  receivedAt: number,
): number | null {
  const { status, headers } = response
  if ((status !== 429 && status !== 503) || !isIdempotent(request.method)) return null
  const delay = retryAfter(headers, receivedAt)
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
 * the Date field of the response, because the clocks of server and client may differ; without a
 * valid one, with the time at which the response was received. RFC 9110 10.2.3
 */
function retryAfter(headers: Headers, receivedAt: number): number | null {
  const value = singleValue(headers, 'retry-after')
  if (value === null) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = parseDate(value)
  if (date === null) return null
  return Math.max(0, date - (parseDate(singleValue(headers, 'date')) ?? receivedAt))
}

/** Returns the time of an HTTP date in ms since 1970; null if it is missing or invalid. */
function parseDate(value: string | null): number | null {
  if (value === null) return null
  const isAsctime = ASCTIME_DATE.test(value)
  if (!isAsctime && !GMT_DATE.test(value)) return null
  const time = Date.parse(isAsctime ? `${value} GMT` : value)
  return Number.isNaN(time) ? null : time
}
