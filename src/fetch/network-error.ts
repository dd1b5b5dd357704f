import { types } from 'node:util'
import { HawserError, InvalidURL, LocalProtocolError, NetworkError, ProxyError } from '../errors.ts'

/**
 * The messages of network errors in Node.js. Libraries compare them, and repeat a request only
 * after an error with exactly one of them.
 */
export type NetworkErrorMessage = 'fetch failed' | 'terminated'

/**
 * Converts a `HawserError` to what the WHATWG standard calls a network error: a `TypeError` whose
 * `cause` tells what happened. If the operating system or TLS reported an error, such as
 * ECONNREFUSED, `cause` is a copy of it, and the `cause` of the copy is the `HawserError`.
 * Otherwise, `cause` is the `HawserError`.
 *
 * Nobody should repeat a request that is not valid: the message of its `TypeError` is that of the
 * `HawserError`. Other errors, such as the reason of an abort, are returned unchanged.
 *
 * @param message `terminated` for an error while the body is read
 */
export function networkError(error: unknown, message: NetworkErrorMessage): unknown {
  if (!(error instanceof HawserError)) return error
  const isInvalid = error instanceof InvalidURL || error instanceof LocalProtocolError
  return new TypeError(isInvalid ? error.message : message, { cause: systemError(error) ?? error })
}

/** Returns a copy of the error that the runtime reported; null if there is none. */
function systemError(error: HawserError): Error | null {
  const { cause } = error
  const isReported = error instanceof NetworkError || error instanceof ProxyError
  if (!isReported || !types.isNativeError(cause) || cause instanceof HawserError) return null
  if (typeof (cause as NodeJS.ErrnoException).code !== 'string') return null
  // Several requests can have the same cause, and a cycle of causes would stop nobody who follows it.
  const copy = Object.assign(new Error(cause.message, { cause: error }), cause)
  if (cause.stack !== undefined) copy.stack = cause.stack
  return copy
}
