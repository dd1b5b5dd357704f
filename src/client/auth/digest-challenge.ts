import { createHash } from 'node:crypto'
import type { Challenge } from './challenge.ts'
import { parseChallenges } from './challenge.ts'

export type Qop = 'auth' | 'auth-int'

/** A Digest challenge that can be answered. RFC 7616 3.3 */
export interface DigestChallenge {
  /** As it came, an octet for each character; so are the other texts. */
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | null
  /** As it came; null where it was left out, which means MD5. */
  readonly algorithm: string | null
  /** What Node calls the hash. */
  readonly hash: string
  /** Whether the algorithm is one of the `-sess` ones. */
  readonly session: boolean
  /** What is protected; null for a server of RFC 2069, which knows no quality of protection. */
  readonly qop: Qop | null
  /** The nonce is too old, user and password are right. */
  readonly stale: boolean
  readonly userhash: boolean
  /** Whether the server says that it takes user and password as UTF-8. */
  readonly utf8: boolean
  /** Where the credentials are good, as URIs; empty for all of the origin. */
  readonly domain: readonly string[]
}

/** Node's names, the weakest first. */
const HASHES = new Map([
  ['MD5', 'md5'],
  ['SHA-256', 'sha256'],
  ['SHA-512-256', 'sha512-256'],
])
const STRENGTH = [...HASHES.values()]

/**
 * Of the challenges in these WWW-Authenticate values the Digest one with the strongest algorithm, the
 * first of equals; null if there is none that can be answered.
 */
export function chooseChallenge(fields: readonly string[]): DigestChallenge | null {
  let best: DigestChallenge | null = null
  for (const field of fields) {
    for (const challenge of parseChallenges(field)) {
      const digest = toDigest(challenge)
      if (digest && (!best || STRENGTH.indexOf(digest.hash) > STRENGTH.indexOf(best.hash))) {
        best = digest
      }
    }
  }
  return best
}

function toDigest({ scheme, params }: Challenge): DigestChallenge | null {
  if (scheme !== 'digest') return null
  const realm = params.get('realm')
  const nonce = params.get('nonce')
  const algorithm = params.get('algorithm') ?? null
  const [, name = '', session] = /^(.*?)(-SESS)?$/.exec((algorithm ?? 'MD5').toUpperCase()) ?? []
  const hash = HASHES.get(name)
  const qop = chooseQop(params.get('qop'))
  if (realm === undefined || nonce === undefined || qop === undefined) return null
  if (hash === undefined || !isAvailable(hash)) return null
  const says = (param: string, value: string) => params.get(param)?.toLowerCase() === value
  return {
    realm,
    nonce,
    opaque: params.get('opaque') ?? null,
    algorithm,
    hash,
    session: session !== undefined,
    qop,
    stale: says('stale', 'true'),
    userhash: says('userhash', 'true'),
    utf8: says('charset', 'utf-8'),
    domain: params.get('domain')?.split(/\s+/).filter(Boolean) ?? [],
  }
}

/** `auth` where there is a choice: it needs no body in memory. Undefined if none of them is known. */
function chooseQop(offered: string | undefined): Qop | null | undefined {
  const all =
    offered
      ?.toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean) ?? []
  if (all.length === 0) return null
  return (['auth', 'auth-int'] as const).find((qop) => all.includes(qop))
}

/** A runtime may lack one: MD5 under FIPS, SHA-512/256 with another library than OpenSSL. */
function isAvailable(hash: string): boolean {
  try {
    createHash(hash)
    return true
  } catch {
    return false
  }
}
