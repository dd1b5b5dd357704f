import { inspect } from 'node:util'
import type { Request } from '../request.ts'
import type { Auth, AuthResponse } from './auth.ts'
import { checkCredentials } from './credentials.ts'
import type { DigestChallenge } from './digest-challenge.ts'
import { chooseChallenge } from './digest-challenge.ts'
import { DigestSession } from './digest-session.ts'
import { ProtectionSpaces } from './protection-spaces.ts'

/**
 * A proof that both sides know the password, which is not sent itself. MD5, SHA-256, SHA-512-256 and
 * their `-sess` kinds; `auth`, `auth-int` and servers that know neither. RFC 7616, 2617, 2069
 *
 * The server's nonce is used again by later requests to the same origin, which then need no extra round:
 * keep one `DigestAuth` for many requests. A 401 that cannot be answered is the result of the call.
 */
export class DigestAuth implements Auth {
  readonly #user: string
  readonly #password: string
  readonly #spaces = new ProtectionSpaces()

  /** Throws `TypeError` for a colon in the user, and for control characters. RFC 7616 4 */
  constructor(user: string, password: string) {
    checkCredentials('Digest', user, password)
    this.#user = user
    this.#password = password
  }

  /** Answers one challenge, and one more if the server says that only the nonce was too old. */
  async *authFlow(request: Request): AsyncGenerator<Request, void, AuthResponse> {
    let session = this.#spaces.find(request.url)
    let answered = false
    let renewed = false
    for (;;) {
      if (session) request.headers.set('authorization', await session.authorize(request))
      const { status, headers, url } = yield request
      if (url.origin !== request.url.origin) return
      if (status !== 401) return session?.readInfo(headers)
      const challenge = chooseChallenge(headers.getAll('www-authenticate'))
      if (!challenge || (answered && (renewed || !challenge.stale))) break
      session = this.#sessionFor(challenge, request.url)
      answered = true
      renewed ||= challenge.stale
    }
    if (session) this.#spaces.remove(request.url, session)
  }

  #sessionFor(challenge: DigestChallenge, url: URL): DigestSession {
    const running = this.#spaces.sessionsAt(url).find((one) => one.isContinuedBy(challenge))
    if (running) return running
    const session = new DigestSession(challenge, this.#user, this.#password)
    this.#spaces.add(url, session, challenge.domain)
    return session
  }

  [inspect.custom](): string {
    return '<DigestAuth>'
  }
}
