import { createHash } from 'node:crypto'
import type { DigestChallenge } from './digest-challenge.ts'

// Strings are hashed as latin1: each character is one octet, exactly as it is sent.

/** The input of one Digest computation. */
export interface DigestInput {
  readonly nonce: string
  /** How many requests have used the nonce, including this one. */
  readonly count: number
  readonly cnonce: string
  readonly method: string
  /** The request-target. */
  readonly uri: string
  /** The body; used only for `auth-int`. */
  readonly content: Uint8Array
}

/**
 * Returns H(A1), the hash of user, realm and password. For a `-sess` algorithm, it also covers
 * `nonce` and `cnonce`. RFC 7616 3.4.2
 */
export function hashA1(
  challenge: DigestChallenge,
  user: string,
  password: string,
  cnonce: string,
): string {
  const { realm, nonce, hash, hasSessionKey } = challenge
  const key = digest(hash, `${octets(challenge, user)}:${realm}:${octets(challenge, password)}`)
  return hasSessionKey ? digest(hash, `${key}:${nonce}:${cnonce}`) : key
}

/** Returns the value of the Authorization field. RFC 7616 3.4 */
export function digestAuthorization(
  challenge: DigestChallenge,
  user: string,
  hashedA1: string,
  input: DigestInput,
): string {
  const { realm, algorithm, hash, qop, opaque, hashesUser, hasSessionKey } = challenge
  const { nonce, cnonce, method, uri } = input
  const nc = input.count.toString(16).padStart(8, '0')
  const contentHash = qop === 'auth-int' ? `:${digest(hash, input.content)}` : ''
  const hashedA2 = digest(hash, `${method}:${uri}${contentHash}`)
  const nonceParts = qop === null ? nonce : `${nonce}:${nc}:${cnonce}:${qop}`
  const response = digest(hash, `${hashedA1}:${nonceParts}:${hashedA2}`)
  const params = [
    usernameParam(challenge, user),
    `realm=${quote(realm)}`,
    `uri=${quote(uri)}`,
    algorithm !== null && `algorithm=${algorithm}`,
    `nonce=${quote(nonce)}`,
    qop !== null && `nc=${nc}`,
    (qop !== null || hasSessionKey) && `cnonce=${quote(cnonce)}`,
    qop !== null && `qop=${qop}`,
    `response="${response}"`,
    opaque !== null && `opaque=${quote(opaque)}`,
    hashesUser && 'userhash=true',
  ]
  return `Digest ${params.filter(Boolean).join(', ')}`
}

/**
 * The parameter `username`: hashed, plain, or as an extended value if it is not ASCII and the
 * server expects UTF-8. Other servers may not know the extended value. They get UTF-8 too, as from
 * curl and HTTPX. RFC 7616 3.4 and 3.4.4, RFC 8187 3.2
 */
function usernameParam(challenge: DigestChallenge, user: string): string {
  if (challenge.hashesUser) {
    return `username="${digest(challenge.hash, `${octets(challenge, user)}:${challenge.realm}`)}"`
  }
  if (!challenge.usesUtf8 || /^[\x20-\x7e]*$/.test(user)) {
    return `username=${quote(octets(challenge, user))}`
  }
  // `encodeURIComponent` does not encode these characters, which RFC 8187 does not allow.
  const encoded = encodeURIComponent(normalizeText(challenge, user)).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `username*=UTF-8''${encoded}`
}

/** Returns the text in UTF-8, with one character for each octet. */
function octets(challenge: DigestChallenge, text: string): string {
  return Buffer.from(normalizeText(challenge, text), 'utf8').toString('latin1')
}

/** Normalizes a text if the server expects UTF-8. RFC 7616 4 */
function normalizeText({ usesUtf8 }: DigestChallenge, text: string): string {
  return usesUtf8 ? text.normalize('NFC') : text
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
