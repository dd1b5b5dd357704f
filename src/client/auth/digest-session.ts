import { randomBytes } from 'node:crypto'
import type { Headers } from '../../models/headers.ts'
import { ownCopy } from '../../models/own-copy.ts'
import type { Request } from '../request.ts'
import { parseAuthParams } from './challenge.ts'
import type { DigestChallenge } from './digest-challenge.ts'
import { digestAuthorization, hashA1 } from './digest-response.ts'

/** Maximum length of the strings of a challenge whose session is kept, in octets. */
const MAX_CHALLENGE = 4096

const NO_CONTENT = new Uint8Array()

/** Copies the strings, which would keep the whole response in memory. Its `domain` is not used. */
function withOwnStrings(challenge: DigestChallenge): DigestChallenge {
  const { realm, nonce, opaque, algorithm } = challenge
  return {
    ...challenge,
    realm: ownCopy(realm),
    nonce: ownCopy(nonce),
    opaque: opaque === null ? null : ownCopy(opaque),
    algorithm: algorithm === null ? null : ownCopy(algorithm),
    domain: [],
  }
}

/** Authorizes many requests with the nonce of one challenge and an increasing count. */
export class DigestSession {
  readonly #challenge: DigestChallenge
  readonly #user: string
  // Constant for the session, because H(A1) of a `-sess` algorithm depends on it. RFC 7616 3.4.2
  readonly #cnonce = randomBytes(16).toString('hex')
  readonly #hashedA1: string
  #nonce: string
  #count = 0

  constructor(challenge: DigestChallenge, user: string, password: string) {
    this.#challenge = withOwnStrings(challenge)
    this.#user = user
    this.#hashedA1 = hashA1(challenge, user, password, this.#cnonce)
    this.#nonce = this.#challenge.nonce
  }

  /** Whether it may be kept for later requests. A server determines how much memory it takes. */
  get isKeepable(): boolean {
    const { realm, opaque, algorithm } = this.#challenge
    return `${realm}${this.#nonce}${opaque}${algorithm}`.length <= MAX_CHALLENGE
  }

  get realm(): string {
    return this.#challenge.realm
  }

  /**
   * Whether a challenge belongs to this session, so that the session can continue. A new session
   * would count from 1 again with the same nonce, which a server refuses as a replay.
   */
  matches({ realm, nonce, algorithm, qop }: DigestChallenge): boolean {
    const current = this.#challenge
    return (
      realm === current.realm &&
      nonce === this.#nonce &&
      algorithm === current.algorithm &&
      qop === current.qop
    )
  }

  /**
   * Returns the value of the Authorization field for this request, and counts the use of the nonce.
   */
  async authorize(request: Request): Promise<string> {
    const content = this.#challenge.qop === 'auth-int' ? await request.read() : NO_CONTENT
    return digestAuthorization(this.#challenge, this.#user, this.#hashedA1, {
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
      if (next === undefined || next === this.#nonce || next.length > MAX_CHALLENGE) continue
      this.#nonce = ownCopy(next)
      this.#count = 0
    }
  }
}
