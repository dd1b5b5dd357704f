import { trimBlanks } from '../models/field.ts'
import type { ResponseHead } from './response-head.ts'

/** The body lasts until the connection ends. */
const UNTIL_CLOSE = -1
/** The body comes in chunks. */
export const CHUNKED = -2
/** No body and no further message: the connection speaks another protocol from here. */
export const TUNNEL = -3

/** What llhttp found in a head. */
export interface FramingFacts {
  readonly transferEncoding: boolean
  readonly chunked: boolean
  readonly contentLength: number | null
}

/**
 * The length of a response's body in bytes, or one of the constants above: RFC 9112 6.3 in its order.
 * Throws a `FramingFault` for what must not be trusted.
 */
export function responseBodyLength(
  method: string,
  head: ResponseHead,
  facts: FramingFacts,
): number {
  const { status } = head
  // 2. "any 2xx (Successful) response to a CONNECT request implies that the connection will become a
  // tunnel": 204 too (RFC 9110 9.3.6), so it comes before 1
  if (status === 101 || (method === 'CONNECT' && status >= 200 && status < 300)) return TUNNEL
  // 1. "any response to a HEAD request and any response with a 1xx, 204, or 304 status code"
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  // 3. Both Transfer-Encoding and Content-Length: llhttp has refused it, but for an empty Transfer-Encoding.
  if (facts.transferEncoding && facts.contentLength !== null) {
    throw new FramingFault('Transfer-Encoding stands beside Content-Length')
  }
  // 4. "If a Transfer-Encoding header field is present ... chunked ... is the final encoding", else until close
  if (facts.transferEncoding) {
    checkTransferEncoding(head, facts.chunked)
    return facts.chunked ? CHUNKED : UNTIL_CLOSE
  }
  // 5. An invalid Content-Length: llhttp has refused it, but for sizes that a number cannot hold.
  // 6. "a valid Content-Length header field"
  if (facts.contentLength !== null) {
    if (facts.contentLength > Number.MAX_SAFE_INTEGER) {
      throw new FramingFault('Content-Length is beyond 2^53-1')
    }
    return facts.contentLength
  }
  // 8. "the number of octets received prior to the server closing the connection"
  return UNTIL_CLOSE
}

/**
 * "A sender MUST NOT apply the chunked transfer coding more than once": llhttp looks at the last alone.
 * And it overlooks `chunked` in front of an HTAB or an empty element: the framing would be taken for body.
 */
function checkTransferEncoding(head: ResponseHead, chunked: boolean): void {
  const codings = listOf(head, 'transfer-encoding').filter((coding) => coding !== '')
  const times = codings.filter(isChunked).length
  if (times > 1) throw new FramingFault('Transfer-Encoding names chunked twice')
  const isLast = times === 1 && isChunked(codings[codings.length - 1])
  if (isLast !== chunked) throw new FramingFault('Transfer-Encoding is ambiguous')
}

function isChunked(coding: string): boolean {
  return coding.toLowerCase() === 'chunked'
}

/** The elements of all fields of this name, empty ones among them. RFC 9110 5.6.1 */
function listOf(head: ResponseHead, name: string): string[] {
  const elements = head.headers.getAll(name).join(',').split(',')
  return elements.map((element) => trimBlanks(element, 0, element.length))
}

/** A copy of the same Content-Length is harmless, any other is not. RFC 9112 6.3 (5) */
export function checkRepeatedContentLength(head: ResponseHead): void {
  const [first, ...others] = listOf(head, 'content-length')
  if (others.some((other) => other !== first)) {
    throw new FramingFault('Content-Length is given twice and differs')
  }
}

export class FramingFault extends Error {}
