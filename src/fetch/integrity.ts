import { createHash } from 'node:crypto'

/** The hash functions of Subresource Integrity, the weakest first. SRI 3.2 */
const ALGORITHMS = ['sha256', 'sha384', 'sha512']
/** An algorithm, a digest in base64 or base64url, and options, which have no meaning yet. SRI 3.5 */
const METADATA = /^(sha256|sha384|sha512)-([\w+/-]+={0,2})(?:\?.*)?$/i

/** What a body must match: one of these digests. */
export interface Integrity {
  readonly algorithm: string
  readonly digests: readonly Buffer[]
}

/**
 * Parses an `integrity` option: the digests of its strongest algorithm. Returns null if there is no
 * digest that can be checked, in which case any body matches. SRI 3.3.3, 3.3.4
 */
export function parseIntegrity(text: string): Integrity | null {
  let strength = -1
  let digests: Buffer[] = []
  for (const metadata of text.split(/[\t\n\f\r ]+/)) {
    const [, algorithm = '', digest = ''] = METADATA.exec(metadata) ?? []
    const index = ALGORITHMS.indexOf(algorithm.toLowerCase())
    if (index === -1 || index < strength) continue
    if (index > strength) digests = []
    strength = index
    digests.push(Buffer.from(digest, 'base64'))
  }
  const algorithm = ALGORITHMS[strength]
  return algorithm === undefined ? null : { algorithm, digests }
}

/** Whether the bytes have one of the digests. */
export function matchesIntegrity(bytes: Uint8Array, { algorithm, digests }: Integrity): boolean {
  const actual = createHash(algorithm).update(bytes).digest()
  return digests.some((digest) => digest.equals(actual))
}
