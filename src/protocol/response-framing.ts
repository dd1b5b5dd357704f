import { trimBlanks } from '../models/field.ts'
import type { ResponseHead } from './response-head.ts'

/** The body lasts until the connection ends. */
const UNTIL_CLOSE = -1
/** The body comes in chunks. */
export const CHUNKED = -2
/** There is no body and no further message: the connection now uses another protocol. */
export const TUNNEL = -3

/** The framing fields that llhttp found in a head. */
export interface FramingFacts {
  readonly transferEncoding: boolean
  readonly chunked: boolean
  readonly contentLength: number | null
}

/**
 * The length of a response's body in bytes, or one of the constants above, by the rules of RFC 9112
 * 6.3 in their order. The numbers below are those of the rules.
 *
 * @throws FramingError if the framing is ambiguous or invalid
 */
export function responseBodyLength(
  method: string,
  head: ResponseHead,
  facts: FramingFacts,
): number {
  const { status } = head
  // 2. "any 2xx (Successful) response to a CONNECT request implies that the connection will become
  // a tunnel", also with status 204 (RFC 9110 9.3.6). Hence this rule precedes rule 1.
  if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)) return TUNNEL
  // 1. "any response to a HEAD request and any response with a 1xx, 204, or 304 status code"
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  // 3. Both Transfer-Encoding and Content-Length. llhttp rejects this, except for an empty
  // Transfer-Encoding.
  if (facts.transferEncoding && facts.contentLength !== null) {
    throw new FramingError('Transfer-Encoding conflicts with Content-Length')
  }
  // 4. "If a Transfer-Encoding header field is present ... chunked ... is the final encoding".
  // Otherwise the body ends with the connection.
  if (facts.transferEncoding) {
    checkTransferEncoding(head, facts.chunked)
    return facts.chunked ? CHUNKED : UNTIL_CLOSE
  }
  // 5. An invalid Content-Length. llhttp rejects this, except for a size that a number cannot hold.
  // 6. "a valid Content-Length header field"
  if (facts.contentLength !== null) {
    if (facts.contentLength > Number.MAX_SAFE_INTEGER) {
      throw new FramingError('Content-Length is larger than 2^53-1')
    }
    return facts.contentLength
  }
  // 8. "the number of octets received prior to the server closing the connection"
  return UNTIL_CLOSE
}

/**
 * Checks what llhttp does not. "A sender MUST NOT apply the chunked transfer coding more than
 * once", but llhttp looks only at the last coding. It also misses `chunked` before a tab or an
 * empty element, and would treat the chunk framing as body.
 */
function checkTransferEncoding(head: ResponseHead, chunked: boolean): void {
  const codings = listElements(head, 'transfer-encoding').filter((coding) => coding !== '')
  const times = codings.filter(isChunked).length
  if (times > 1) throw new FramingError('Transfer-Encoding lists chunked more than once')
  const isLast = isChunked(codings.at(-1) ?? '')
  if (isLast !== chunked) throw new FramingError('Transfer-Encoding is ambiguous')
}

function isChunked(coding: string): boolean {
  return coding.toLowerCase() === 'chunked'
}

/** The list elements of all fields with this name, including empty ones. RFC 9110 5.6.1 */
function listElements(head: ResponseHead, name: string): string[] {
  const elements = head.headers.getAll(name).join(',').split(',')
  return elements.map((element) => trimBlanks(element, 0, element.length))
}

/** Throws `FramingError` if repeated Content-Length values differ. RFC 9112 6.3 (5) */
export function checkRepeatedContentLength(head: ResponseHead): void {
  const [first, ...others] = listElements(head, 'content-length')
  if (others.some((other) => other !== first)) {
    throw new FramingError('Content-Length has several different values')
  }
}

/** The framing of a response is ambiguous or invalid. */
export class FramingError extends Error {}
