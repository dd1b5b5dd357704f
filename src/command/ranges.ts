import type { Headers } from '../models/headers.ts'

/**
 * What the body can be recognised by when the rest of it is asked for; null where nothing is strong
 * enough, or the server gives no ranges. RFC 9110 8.8, 14.3
 */
export function validatorOf(headers: Headers): string | null {
  if (headers.has('content-encoding') || headers.get('accept-ranges') === 'none') return null
  const etag = headers.get('etag')
  if (etag !== null) return etag.startsWith('"') ? etag : null
  // Changed within the minute before it was sent, it may have changed again within the second.
  const modified = headers.get('last-modified')
  const age = Date.parse(headers.get('date') ?? '') - Date.parse(modified ?? '')
  return age >= 60_000 ? modified : null
}

/** `bytes 100-199/200`; null where it is missing or is something else. RFC 9110 14.4 */
export function contentRange(headers: Headers): { start: number; total: number | null } | null {
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers.get('content-range') ?? '')
  if (found === null) return null
  return { start: Number(found[1]), total: found[2] === '*' ? null : Number(found[2]) }
}

/** Of a 416: how long the body is, null where it does not say. */
export function unsatisfiedTotal(headers: Headers): number | null {
  const found = /^bytes \*\/(\d+)$/i.exec(headers.get('content-range') ?? '')
  return found === null ? null : Number(found[1])
}
