import type { Headers } from '../../models/headers.ts'
import type { Request } from '../request.ts'

/** The part of a response that an auth flow receives. */
export interface AuthResponse {
  /** The status code. */
  readonly status: number
  /** The header fields as received. */
  readonly headers: Headers
  /** The URL of the request that this response answers. */
  readonly url: URL
  /** Reads the whole body. */
  read(): Promise<unknown>
}

/**
 * An authentication scheme. Its flow yields requests, and receives the response to each. The last
 * response is the result of the call. The bodies of the others are discarded, unless the flow reads
 * them.
 *
 * ```ts
 * class TokenAuth implements Auth {
 *   async *authFlow(request: Request): AsyncGenerator<Request, void, AuthResponse> {
 *     request.headers.set('authorization', `Bearer ${token}`)
 *     const response = yield request
 *     if (response.status !== 401) return
 *     request.headers.set('authorization', `Bearer ${await renew()}`)
 *     yield request
 *   }
 * }
 * ```
 */
export interface Auth {
  /**
   * Yields the requests to send, and receives the response to each. It gets a copy of the call's
   * request, which it can change. If it throws, the call fails with that error. If the call fails
   * first, the flow is ended with `return()`; the call does not wait for its `finally` blocks.
   */
  authFlow(
    request: Request,
  ): AsyncGenerator<Request, void, AuthResponse> | Generator<Request, void, AuthResponse>
}

/**
 * The option `auth`: user and password for Basic authentication; an `Auth`; a function that changes
 * the request and returns it, or returns another one; `null` or `false` for no authentication.
 */
export type AuthInit =
  | readonly [user: string, password: string]
  | Auth
  | ((request: Request) => Request | Promise<Request>)
  | null
  | false
