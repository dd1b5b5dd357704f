import { RequestError, StreamError } from '../errors.ts'
import type { Request } from './request.ts'

/** The error, with the client's request in place of the engine's facts on it. */
export function withRequest(error: unknown, request: Request): unknown {
  if (error instanceof RequestError || error instanceof StreamError) {
    Object.assign(error, { request })
  }
  return error
}
