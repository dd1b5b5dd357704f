import { inspect } from 'node:util'
import type { Request } from '../request.ts'
import type { Auth, AuthResponse } from './auth.ts'
import { checkCredentials } from './credentials.ts'

/** Basic authentication: sends user and password, encoded in UTF-8, with every request. RFC 7617 */
export class BasicAuth implements Auth {
  readonly #authorization: string

  /** Throws `TypeError` for a colon in `user`, and for control characters. RFC 7617 2 */
  constructor(user: string, password: string) {
    checkCredentials('Basic auth', user, password)
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  }

  /** The value of the Authorization field, which is secret. */
  get authorization(): string {
    return this.#authorization
  }

  /** Yields one request, with an Authorization field. */
  *authFlow(request: Request): Generator<Request, void, AuthResponse> {
    request.headers.set('authorization', this.#authorization)
    yield request
  }

  [inspect.custom](): string {
    return '<BasicAuth>'
  }
}
