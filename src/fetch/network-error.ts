import { HawserError } from '../errors.ts'

/**
 * Converts a `HawserError` to what the WHATWG standard calls a network error: a `TypeError` with
 * the message and, as its cause, the `HawserError`. Other errors, such as the reason of an abort,
 * are returned unchanged.
 */
export function networkError(error: unknown): unknown {
  if (!(error instanceof HawserError)) return error
  return new TypeError(`fetch failed: ${error.message}`, { cause: error })
}
