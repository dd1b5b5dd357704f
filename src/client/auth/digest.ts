import { inspect } from 'node:util'
import type { Request } from '../request.ts'
import type { Auth, AuthResponse } from './auth.ts'
import { checkCredentials } from './credentials.ts'
import type { DigestChallenge } from './digest-challenge.ts'
import { chooseChallenge } from './digest-challenge.ts'
import { DigestSession } from './digest-session.ts'
import { ProtectionSpaces } from './protection-spaces.ts'

/**
 * Digest authentication: proves that the client knows the password, without sending it. Supports
 * MD5, SHA-256, SHA-512-256 and their `-sess` variants, the qop values `auth` and `auth-int`, and
 * servers without qop. RFC 7616, 2617, 2069
 *
 * Later requests to the same origin reuse the server's nonce and need no additional round trip: use
 * one `DigestAuth` for many requests. A 401 response whose challenge cannot be answered is the
 * result of the call.
 */
export class DigestAuth implements Auth {
  readonly #user: string
  readonly #password: string
  readonly #spaces = new ProtectionSpaces()

  /** Throws `TypeError` for a colon in `user`, and for control characters. RFC 7616 4 */
  constructor(user: string, password: string) {
    checkCredentials('Digest auth', user, password)
    this.#user = user
    this.#password = password
  }

  /**
   * Answers one challenge, and a second one if the server reports that only the nonce was too old.
   */
  async *authFlow(request: Request): AsyncGenerator<Request, void, AuthResponse> {
    let session = this.#spaces.find(request.url)
    let answered = false
    let renewed = false
    for (;;) {
      if (session) request.headers.set('authorization', await session.authorize(request))
      const { status, headers, url } = yield request
      if (url.origin !== request.url.origin) return
      if (status !== 401) return session?.updateNonce(headers)
      const challenge = chooseChallenge(headers.getAll('www-authenticate'))
      if (!challenge || (answered && (renewed || !challenge.isStale))) break
      session = this.#sessionFor(challenge, request.url)
      answered = true
      renewed ||= challenge.isStale
    }
    if (session) this.#spaces.remove(request.url, session)
  }

  #sessionFor(challenge: DigestChallenge, url: URL): DigestSession {
    const existing = this.#spaces.sessionsAt(url).find((each) => each.matches(challenge))
    if (existing) return existing
    const session = new DigestSession(challenge, this.#user, this.#password)
    if (session.isKeepable) this.#spaces.add(url, session, challenge.domain)
    return session
  }

  [inspect.custom](): string {
    return '<DigestAuth>'
  }
}
