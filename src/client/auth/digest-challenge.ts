import { createHash } from 'node:crypto'
import type { Challenge } from './challenge.ts'
import { parseChallenges } from './challenge.ts'

export type Qop = 'auth' | 'auth-int'

/** A Digest challenge that this runtime can answer. RFC 7616 3.3 */
export interface DigestChallenge {
  /** As received: each character is one octet, as in the other texts. */
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | null
  /** As received; null if it is missing, which means MD5. */
  readonly algorithm: string | null
  /** The name of the hash function in `node:crypto`. */
  readonly hash: string
  /** Whether the algorithm ends in `-sess`. */
  readonly hasSessionKey: boolean
  /** The quality of protection; null for a server of RFC 2069, which has none. */
  readonly qop: Qop | null
  /** Whether only the nonce was too old, while user and password are correct. */
  readonly isStale: boolean
  /** Whether the server accepts a hash of the user name: the parameter `userhash`. */
  readonly hashesUser: boolean
  /** Whether the server expects UTF-8: the parameter `charset`. */
  readonly usesUtf8: boolean
  /** The URIs for which the credentials are valid; empty for the whole origin. */
  readonly domain: readonly string[]
}

/** The names of the algorithms in `node:crypto`, the weakest first. */
const HASH_NAMES = new Map([
  ['MD5', 'md5'],
  ['SHA-256', 'sha256'],
  ['SHA-512-256', 'sha512-256'],
])
const HASHES_BY_STRENGTH = [...HASH_NAMES.values()]

/**
 * Returns the Digest challenge with the strongest algorithm in these WWW-Authenticate fields; the
 * first one if several are equally strong. Null if none can be answered.
 */
export function chooseChallenge(fields: readonly string[]): DigestChallenge | null {
  let best: DigestChallenge | null = null
  for (const field of fields) {
    for (const challenge of parseChallenges(field)) {
      const digest = parseDigest(challenge)
      if (digest && (!best || strengthOf(digest) > strengthOf(best))) best = digest
    }
  }
  return best
}

function strengthOf({ hash }: DigestChallenge): number {
  return HASHES_BY_STRENGTH.indexOf(hash)
}

function parseDigest({ scheme, params }: Challenge): DigestChallenge | null {
  if (scheme !== 'digest') return null
  const realm = params.get('realm')
  const nonce = params.get('nonce')
  const algorithm = params.get('algorithm') ?? null
  const [, name = '', session] = /^(.*?)(-SESS)?$/.exec((algorithm ?? 'MD5').toUpperCase()) ?? []
  const hash = HASH_NAMES.get(name)
  const qop = chooseQop(params.get('qop'))
  if (realm === undefined || nonce === undefined || qop === undefined) return null
  if (hash === undefined || !isAvailable(hash)) return null
  const has = (param: string, value: string) => params.get(param)?.toLowerCase() === value
  return {
    realm,
    nonce,
    opaque: params.get('opaque') ?? null,
    algorithm,
    hash,
    hasSessionKey: session !== undefined,
    qop,
    isStale: has('stale', 'true'),
    hashesUser: has('userhash', 'true'),
    usesUtf8: has('charset', 'utf-8'),
    domain: params.get('domain')?.split(/\s+/).filter(Boolean) ?? [],
  }
}

/**
 * Prefers `auth`, because `auth-int` needs the whole body in memory. Null if the server offers
 * none; undefined if it offers only unknown ones.
 */
function chooseQop(offered: string | undefined): Qop | null | undefined {
  const names =
    offered
      ?.toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean) ?? []
  if (names.length === 0) return null
  return (['auth', 'auth-int'] as const).find((qop) => names.includes(qop))
}

/** A runtime may lack a hash: MD5 under FIPS, SHA-512/256 without OpenSSL. */
function isAvailable(hash: string): boolean {
  try {
    createHash(hash)
    return true
  } catch {
    return false
  }
}
