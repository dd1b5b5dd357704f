import { RequestError, StreamError, TotalTimeout } from '../errors.ts'
import type { Call } from './call.ts'
import { Request } from './request.ts'

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
