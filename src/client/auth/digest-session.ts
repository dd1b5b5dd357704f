import { randomBytes } from 'node:crypto'
import type { Headers } from '../../models/headers.ts'
import type { Request } from '../request.ts'
import { parseAuthParams } from './challenge.ts'
import type { DigestChallenge } from './digest-challenge.ts'
import { digestAuthorization, hashA1 } from './digest-response.ts'

const NO_CONTENT = new Uint8Array()

/** What one challenge began: its nonce is used again and again, with a count that goes up. */
export class DigestSession {
  readonly #challenge: DigestChallenge
  readonly #user: string
  // One for the session: with a `-sess` algorithm the key depends on it. RFC 7616 3.4.2
  readonly #cnonce = randomBytes(16).toString('hex')
  readonly #a1: string
  #nonce: string
  #count = 0

  constructor(challenge: DigestChallenge, user: string, password: string) {
    this.#challenge = challenge
    this.#user = user
    this.#a1 = hashA1(challenge, { user, password }, this.#cnonce)
    this.#nonce = challenge.nonce
  }

  get realm(): string {
    return this.#challenge.realm
  }

  /** Whether this challenge is for this session: to begin another one would count the nonce from 1. */
  isContinuedBy({ realm, nonce, algorithm, qop }: DigestChallenge): boolean {
    const own = this.#challenge
    return (
      realm === own.realm && nonce === this.#nonce && algorithm === own.algorithm && qop === own.qop
    )
  }

  /** The value of Authorization for this request, each time with another count. */
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

  /** Takes over the nonce that the server wants to see next. RFC 7616 3.5 */
  readInfo(headers: Headers): void {
    for (const field of headers.getAll('authentication-info')) {
      const next = parseAuthParams(field).get('nextnonce')
      if (next === undefined || next === this.#nonce) continue
      this.#nonce = next
      this.#count = 0
    }
  }
}
