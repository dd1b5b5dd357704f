import {
  MAX_FIELDS,
  REFUSED_FIELDS,
  REFUSED_REASON,
  REFUSED_STATUS,
  REFUSED_VERSION,
} from './llhttp.ts'

/** What a response's head may measure in bytes, its status line and its trailers included. */
export const MAX_HEAD_SIZE = 65_536
/** How many 1xx responses may come before the final one. */
export const MAX_INFORMATIONAL = 100
/**
 * Chunk sizes, extensions and trailers, in bytes: this much, and so many times the body.
 * (CVE-2024-22019; a chunk of one byte needs five bytes around it.)
 */
export const MAX_CHUNK_OVERHEAD = 65_536
export const MAX_CHUNK_OVERHEAD_RATIO = 16

export const LF_EXPECTED = 2
export const INVALID_START = 8
export const INVALID_HEADER_TOKEN = 10
export const UNEXPECTED_CONTENT_LENGTH = 4
export const INVALID_CONTENT_LENGTH = 11

/** llhttp's error codes, and ours, in words. */
const FAULTS: ReadonlyMap<number, string> = new Map([
  [LF_EXPECTED, 'a line does not end in CRLF'],
  [3, 'a CR stands without its LF'],
  [UNEXPECTED_CONTENT_LENGTH, 'Content-Length stands beside another framing field'],
  [INVALID_START, 'it does not begin with HTTP/1.1 or HTTP/1.0'],
  [9, 'its HTTP version is not 1.0 or 1.1'],
  [INVALID_HEADER_TOKEN, 'a header field has a character that is not allowed'],
  [
    INVALID_CONTENT_LENGTH,
    'its Content-Length is not a number, or stands beside Transfer-Encoding',
  ],
  [12, 'a chunk size is not a number, or too large'],
  [13, 'its status is not three digits'],
  [15, 'Transfer-Encoding stands beside Content-Length'],
  [25, 'a line ends in LF without CR'],
  [30, 'white space stands before the first header field'],
  [REFUSED_STATUS, 'its status is below 100'],
  [REFUSED_VERSION, 'its HTTP version is not 1.0 or 1.1'],
  [REFUSED_REASON, 'its reason phrase has a control character'],
  [REFUSED_FIELDS, `it has more than ${MAX_FIELDS} header fields`],
])

export function faultOf(code: number): string {
  return FAULTS.get(code) ?? `llhttp's error ${code}`
}
