import { HawserError } from '../errors.ts'

/**
 * "A network error": a `TypeError` that says what failed and where, the `HawserError` its cause. What
 * is none of ours stays as it is: an abort's reason, say.
 */
export function networkError(error: unknown): unknown {
  if (!(error instanceof HawserError)) return error
  return new TypeError(`fetch failed: ${error.message}`, { cause: error })
}
