import type { CauseFacts } from '../errors.ts'
import { HTTPStatusError as StatusError } from '../errors.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** `raiseForStatus()` was called on a 4xx or 5xx response. */
export interface HTTPStatusError extends StatusError {
  /** The request that the response answers. */
  readonly request: Request
  /** The response. Its body has been read, unless it was streamed. */
  readonly response: Response
}

/**
 * The class of `errors.ts`, with the types of the client, which that file cannot import. Only the
 * client creates these errors.
 */
export const HTTPStatusError = StatusError as Omit<typeof StatusError, 'prototype'> & {
  new (
    message: string,
    facts: CauseFacts & { readonly request: Request; readonly response: Response },
  ): HTTPStatusError
  readonly prototype: HTTPStatusError
}
