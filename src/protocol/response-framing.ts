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
  // 1. "any response to a HEAD request and any response with a 1xx, 204, or 304 status code"
  if (status === 101) return TUNNEL
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  // 2. "any 2xx (Successful) response to a CONNECT request implies that the connection will become a tunnel"
  if (method === 'CONNECT' && status < 300) return TUNNEL
  // 3. Both Transfer-Encoding and Content-Length: llhttp has refused it.
  // 4. "If a Transfer-Encoding header field is present ... chunked ... is the final encoding", else until close
  if (facts.transferEncoding) {
    checkTransferEncoding(head)
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

/** "A sender MUST NOT apply the chunked transfer coding more than once": llhttp looks at the last alone. */
function checkTransferEncoding(head: ResponseHead): void {
  const codings = head.headers.getAll('transfer-encoding').join(',').split(',')
  const chunked = codings.filter((coding) => /^[ \t]*chunked[ \t]*$/i.test(coding))
  if (chunked.length > 1) throw new FramingFault('Transfer-Encoding names chunked twice')
}

/** A copy of the same Content-Length is harmless, any other is not. RFC 9112 6.3 (5) */
export function checkRepeatedContentLength(head: ResponseHead): void {
  const values = head.headers.getAll('content-length').join(',').split(',')
  const first = values[0].trim()
  if (!values.every((value) => value.trim() === first)) {
    throw new FramingFault('Content-Length is given twice and differs')
  }
}

export class FramingFault extends Error {}
