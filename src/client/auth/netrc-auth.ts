import { inspect } from 'node:util'
import { EnvironmentNetrc, Netrc } from '../netrc/netrc.ts'
import type { Request } from '../request.ts'
import type { Auth, AuthResponse } from './auth.ts'

/** Basic with what a netrc file has for the request's host, if anything. */
export class NetrcAuth implements Auth {
  readonly #netrc: Netrc | EnvironmentNetrc

  /**
   * @param file read at once; throws `TypeError` if that fails. Without it `$NETRC`, `~/.netrc` or
   * `~/_netrc`, the first that exists, is read when first needed, and may be missing.
   */
  constructor(file?: string) {
    this.#netrc = file === undefined ? new EnvironmentNetrc() : Netrc.read(file)
  }

  /** One request, with what the file has for its host. */
  *authFlow(request: Request): Generator<Request, void, AuthResponse> {
    const auth = this.#netrc.authFor(request.url)
    if (auth) request.headers.set('authorization', auth.authorization)
    yield request
  }

  [inspect.custom](): string {
    return '<NetrcAuth>'
  }
}
