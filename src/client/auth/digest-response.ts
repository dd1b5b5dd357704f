import { createHash } from 'node:crypto'
import type { DigestChallenge } from './digest-challenge.ts'

// Texts are hashed as the octets that they are on the wire: one for each character (latin1).

interface Credentials {
  readonly user: string
  readonly password: string
}

/** One use of a nonce. */
export interface DigestUse {
  readonly nonce: string
  /** How often the nonce has been used, this time included. */
  readonly count: number
  readonly cnonce: string
  readonly method: string
  /** The request-target. */
  readonly uri: string
  /** For `auth-int`, else not looked at. */
  readonly content: Uint8Array
}

/** The hash of user, realm and password, for a `-sess` algorithm with the nonces. RFC 7616 3.4.2 */
export function hashA1(
  challenge: DigestChallenge,
  { user, password }: Credentials,
  cnonce: string,
): string {
  const { realm, nonce, hash, session } = challenge
  const key = digest(hash, `${octets(challenge, user)}:${realm}:${octets(challenge, password)}`)
  return session ? digest(hash, `${key}:${nonce}:${cnonce}`) : key
}

/** The value of Authorization. RFC 7616 3.4 */
export function digestAuthorization(
  challenge: DigestChallenge,
  user: string,
  a1: string,
  use: DigestUse,
): string {
  const { realm, algorithm, hash, qop, opaque, userhash, session } = challenge
  const { nonce, cnonce, method, uri } = use
  const nc = use.count.toString(16).padStart(8, '0')
  const contentHash = qop === 'auth-int' ? `:${digest(hash, use.content)}` : ''
  const a2 = digest(hash, `${method}:${uri}${contentHash}`)
  const middle = qop === null ? nonce : `${nonce}:${nc}:${cnonce}:${qop}`
  const response = digest(hash, `${a1}:${middle}:${a2}`)
  const fields = [
    username(challenge, user),
    `realm=${quote(realm)}`,
    `uri=${quote(uri)}`,
    algorithm !== null && `algorithm=${algorithm}`,
    `nonce=${quote(nonce)}`,
    qop !== null && `nc=${nc}`,
    (qop !== null || session) && `cnonce=${quote(cnonce)}`,
    qop !== null && `qop=${qop}`,
    `response="${response}"`,
    opaque !== null && `opaque=${quote(opaque)}`,
    userhash && 'userhash=true',
  ]
  return `Digest ${fields.filter(Boolean).join(', ')}`
}

/** Hashed, plain, or as an extended value where it is not ASCII. RFC 7616 3.4, 3.4.4, RFC 8187 3.2 */
function username(challenge: DigestChallenge, user: string): string {
  if (challenge.userhash) {
    return `username="${digest(challenge.hash, `${octets(challenge, user)}:${challenge.realm}`)}"`
  }
  if (/^[\x20-\x7e]*$/.test(user)) return `username=${quote(user)}`
  const encoded = encodeURIComponent(composed(challenge, user)).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `username*=UTF-8''${encoded}`
}

function octets(challenge: DigestChallenge, text: string): string {
  return Buffer.from(composed(challenge, text), 'utf8').toString('latin1')
}

/** As a server that takes UTF-8 expects it. RFC 7616 4 */
function composed({ utf8 }: DigestChallenge, text: string): string {
  return utf8 ? text.normalize('NFC') : text
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function digest(hash: string, data: string | Uint8Array): string {
  const hashing = createHash(hash)
  return (typeof data === 'string' ? hashing.update(data, 'latin1') : hashing.update(data)).digest(
    'hex',
  )
}
