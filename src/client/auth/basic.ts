import { inspect } from 'node:util'
import type { Request } from '../request.ts'
import type { Auth, AuthResponse } from './auth.ts'
import { checkCredentials } from './credentials.ts'

/** User and password in every request, in UTF-8. RFC 7617 */
export class BasicAuth implements Auth {
  readonly #authorization: string

  /** Throws `TypeError` for a colon in the user, and for control characters. RFC 7617 2 */
  constructor(user: string, password: string) {
    checkCredentials('Basic', user, password)
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  }

  /** The value of Authorization, a secret: who sends it by itself needs no flow. */
  get authorization(): string {
    return this.#authorization
  }

  /** One request, with Authorization. */
  *authFlow(request: Request): Generator<Request, void, AuthResponse> {
    request.headers.set('authorization', this.#authorization)
    yield request
  }

  [inspect.custom](): string {
    return '<BasicAuth>'
  }
}
