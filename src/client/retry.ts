import { RequestError } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import { isIdempotent } from '../protocol/methods.ts'

/** The longest wait by itself, and the longest that a server may ask for: beyond, its answer is the result. */
const LONGEST_BACK_OFF = 8_000
const LONGEST_RETRY_AFTER = 120_000
const FIRST_BACK_OFF = 250
const HTTP_DATE = /^[A-Z][a-z]+, .* GMT$/

/** How long to wait before sending again after this error, in ms; null: never. Failures to connect are safe. */
export function waitAfterError(error: unknown, attempt: number): number | null {
  return error instanceof RequestError && error.safeToRetry ? backOff(attempt) : null
}

/** How long to wait after a 429 or 503 to a request that may be repeated; null: it is the result. RFC 9110 10.2.3 */
export function waitAfterResponse(
  request: { readonly method: string },
  response: { readonly status: number; readonly headers: Headers },
  attempt: number,
): number | null {
  const { status, headers } = response
  if ((status !== 429 && status !== 503) || !isIdempotent(request.method)) return null
  const asked = retryAfter(headers)
  if (asked === null) return backOff(attempt)
  return asked <= LONGEST_RETRY_AFTER ? asked : null
}

/** Doubles with each attempt; half of it at random, so that clients that failed together do not return together. */
function backOff(attempt: number): number {
  const longest = Math.min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** attempt)
  return (longest / 2) * (1 + Math.random())
}

/** In ms. A date counts from the response's own Date: the clocks of both sides differ. */
function retryAfter(headers: Headers): number | null {
  const value = headers.get('retry-after')
  if (value === null) return null
  if (/^\d+$/.test(value)) return Number(value) * 1000
  if (!HTTP_DATE.test(value)) return null // `Date.parse` makes a date of anything, `1.5` too
  const wait = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(wait) ? null : Math.max(0, wait)
}
