import { inspect } from 'node:util'
import { EnvironmentNetrc, Netrc } from '../netrc/netrc.ts'
import type { Request } from '../request.ts'
import type { Auth, AuthResponse } from './auth.ts'

/**
 * Basic authentication with the credentials that a netrc file has for the host of the request.
 * Requests to other hosts are sent without authentication.
 */
export class NetrcAuth implements Auth {
  readonly #netrc: Netrc | EnvironmentNetrc

  /**
   * @param file The path of a netrc file. It is read immediately; throws `TypeError` if that fails.
   * Default: the first existing file of `$NETRC`, `~/.netrc` and `~/_netrc`, if there is one. It is
   * read with the first request.
   */
  constructor(file?: string) {
    this.#netrc = file === undefined ? new EnvironmentNetrc() : Netrc.read(file)
  }

  /** Yields one request, with the credentials for its host. */
  *authFlow(request: Request): Generator<Request, void, AuthResponse> {
    const auth = this.#netrc.authFor(request.url)
    if (auth) request.headers.set('authorization', auth.authorization)
    yield request
  }

  [inspect.custom](): string {
    return '<NetrcAuth>'
  }
}
