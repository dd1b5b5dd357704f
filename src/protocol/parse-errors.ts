import {
  MAX_FIELDS,
  REFUSED_FIELDS,
  REFUSED_REASON,
  REFUSED_STATUS,
  REFUSED_VERSION,
} from './llhttp.ts'

/** The maximum size of a response head with its status line, and of a trailer section, in bytes. */
export const MAX_HEAD_SIZE = 65_536
/** How many 1xx responses may precede the final one. */
export const MAX_INFORMATIONAL = 100
/**
 * Chunk sizes, extensions and trailers together can have up to `MAX_CHUNK_OVERHEAD` bytes plus
 * `MAX_CHUNK_OVERHEAD_RATIO` times the length of the body (CVE-2024-22019). The ratio is above 5,
 * because a chunk of one byte has five bytes of framing.
 */
export const MAX_CHUNK_OVERHEAD = 65_536
export const MAX_CHUNK_OVERHEAD_RATIO = 16

// The error codes of llhttp for which the parser has special handling.

export const LF_EXPECTED = 2
export const INVALID_START = 8
export const INVALID_HEADER_TOKEN = 10
export const UNEXPECTED_CONTENT_LENGTH = 4
export const INVALID_CONTENT_LENGTH = 11

/** Messages for the error codes of llhttp, and for the `REFUSED_*` codes of native/recorder.wat. */
const PARSE_ERRORS: ReadonlyMap<number, string> = new Map([
  [LF_EXPECTED, 'a line does not end with CRLF'],
  [3, 'a CR is not followed by LF'],
  [UNEXPECTED_CONTENT_LENGTH, 'Content-Length conflicts with another framing field'],
  [INVALID_START, 'it does not begin with HTTP/1.1 or HTTP/1.0'],
  [9, 'its HTTP version is not 1.0 or 1.1'],
  [INVALID_HEADER_TOKEN, 'a header field contains an invalid character'],
  [INVALID_CONTENT_LENGTH, 'Content-Length is not a number, or conflicts with Transfer-Encoding'],
  [12, 'a chunk size is not a number, or is too large'],
  [13, 'its status code is not three digits'],
  [15, 'Transfer-Encoding conflicts with Content-Length'],
  [25, 'a line ends with LF instead of CRLF'],
  [30, 'white space precedes the first header field'],
  [REFUSED_STATUS, 'its status code is below 100'],
  [REFUSED_VERSION, 'its HTTP version is not 1.0 or 1.1'],
  [REFUSED_REASON, 'its reason phrase contains a control character'],
  [REFUSED_FIELDS, `it has more than ${MAX_FIELDS} header fields`],
])

/** Describes an error code of the parser. */
export function parseErrorMessage(code: number): string {
  return PARSE_ERRORS.get(code) ?? `llhttp reports error ${code}`
}
