import type { Headers } from '../../models/headers.ts'
import type { Request } from '../request.ts'

/** What a flow sees of a response. */
export interface AuthResponse {
  readonly status: number
  readonly headers: Headers
  /** Where it came from. */
  readonly url: URL
  /** Reads the body, for a flow that needs it. */
  read(): Promise<unknown>
}

/**
 * A way to authenticate. A flow yields requests and receives the response to each; the last response is
 * the result of the call.
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
  /** Yields requests and receives their responses; see `Auth`. */
  authFlow(
    request: Request,
  ): AsyncGenerator<Request, void, AuthResponse> | Generator<Request, void, AuthResponse>
}

/**
 * What may be given as `auth`: user and password for Basic, an `Auth`, a function that changes the
 * request or makes another; null or false for none.
 */
export type AuthInit =
  | readonly [user: string, password: string]
  | Auth
  | ((request: Request) => Request | Promise<Request>)
  | null
  | false
