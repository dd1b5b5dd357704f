import { randomBytes } from 'node:crypto'
import type { Headers } from '../../models/headers.ts'
import type { Request } from '../request.ts'
import { parseAuthParams } from './challenge.ts'
import type { DigestChallenge } from './digest-challenge.ts'
import { digestAuthorization, hashA1 } from './digest-response.ts'

const NO_CONTENT = new Uint8Array()

/** Reuses the nonce of one challenge for many requests, with an increasing count. */
export class DigestSession {
  readonly #challenge: DigestChallenge
  readonly #user: string
  // Constant for the session, because the key of a `-sess` algorithm depends on it. RFC 7616 3.4.2
  readonly #cnonce = randomBytes(16).toString('hex')
  readonly #a1: string
  #nonce: string
  #count = 0

  constructor(challenge: DigestChallenge, user: string, password: string) {
    this.#challenge = challenge
    this.#user = user
    this.#a1 = hashA1(challenge, user, password, this.#cnonce)
    this.#nonce = challenge.nonce
  }

  get realm(): string {
    return this.#challenge.realm
  }

  /**
   * Whether a challenge has the nonce of this session, which then continues. A new session would
   * count the uses of the nonce from 1 again.
   */
  matches({ realm, nonce, algorithm, qop }: DigestChallenge): boolean {
    const own = this.#challenge
    return (
      realm === own.realm && nonce === this.#nonce && algorithm === own.algorithm && qop === own.qop
    )
  }

  /**
   * Returns the value of the Authorization field for this request, and counts the use of the nonce.
   */
  async authorize(request: Request): Promise<string> {
    const content = this.#challenge.qop === 'auth-int' ? await request.read() : NO_CONTENT
    return digestAuthorization(this.#challenge, this.#user, this.#a1, {
      nonce: this.#nonce,
      count: ++this.#count,
      cnonce: this.#cnonce,
      method: request.method,
      uri: request.target,
      content,
    })
  }

  /** Adopts the next nonce if Authentication-Info contains one. RFC 7616 3.5 */
  updateNonce(headers: Headers): void {
    for (const field of headers.getAll('authentication-info')) {
      const next = parseAuthParams(field).get('nextnonce')
      if (next === undefined || next === this.#nonce) continue
      this.#nonce = next
      this.#count = 0
    }
  }
}
