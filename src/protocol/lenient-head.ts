/**
 * Makes heads parsable that RFC 9112 accepts and llhttp rejects: changes the received bytes, so
 * that they can be parsed again. llhttp's lenient flags are not an option: `lenient_headers`
 * accepts NUL in values, and misreads a folded `Transfer-Encoding: gzip,\r\n chunked`.
 */
const SP = 0x20
const HTAB = 0x09
const CR = 0x0d
const LF = 0x0a
const COMMA = 0x2c
const LETTER_X = 0x78
const CONTENT_LENGTH = 'content-length:'

/** Original bytes to restore when the head is complete, and their offset in the head. */
export interface Restore {
  readonly at: number
  readonly bytes: Buffer
}

/**
 * Replaces each obs-fold in `head` by spaces, in place. RFC 9112 5.2
 *
 * @returns whether there was one
 */
export function unfoldLines(head: Buffer): boolean {
  let found = false
  // White space after the status line is not a fold, because there is no field to continue.
  for (let i = head.indexOf('\r\n') + 2; ; i++) {
    i = head.indexOf(CR, i)
    const isLast = head[i + 2] === CR // the empty line, after which the body begins
    if (i < 0 || i + 2 >= head.length || isLast) return found
    if (head[i + 1] !== LF || !isSpaceOrTab(head[i + 2])) continue
    found = true
    head[i] = head[i + 1] = SP
    for (let j = i + 2; isSpaceOrTab(head[j]); j++) head[j] = SP
  }
}

/**
 * A framing field that continues on another line, and a continuation that looks like one. Linear: a
 * match can only begin at a CRLF.
 */
const FOLDED_FRAMING =
  /\r\n(?:content-length|transfer-encoding)[ \t]*:[^\r]*\r\n[ \t]|\r\n[ \t]+(?:content-length|transfer-encoding)[ \t]*:/i

/**
 * Whether the framing depends on an obs-fold: an intermediary that does not replace folds, or ignores
 * their lines, sees another length of the body.
 */
export function foldsFraming(head: Buffer): boolean {
  const end = head.indexOf('\r\n\r\n')
  return FOLDED_FRAMING.test(head.latin1Slice(0, end < 0 ? head.length : end + 2))
}

function isSpaceOrTab(byte: number | undefined): boolean {
  return byte === SP || byte === HTAB
}

/**
 * Masks what llhttp rejects: repeated Content-Length fields, and a list or a tab in the first one.
 * The parser compares the repeated values when the head is complete. RFC 9112 6.3 (5)
 *
 * @returns what to restore then; empty if nothing was masked
 */
export function maskContentLength(head: Buffer): Restore[] {
  const restores: Restore[] = []
  const save = (at: number, end: number) =>
    restores.push({ at, bytes: Buffer.from(head.subarray(at, end)) })
  let seen = false
  let end: number
  for (let start = 0; start < head.length && head[start] !== CR; start = end + 2) {
    end = head.indexOf('\r\n', start)
    if (end < 0) end = head.length
    const value = start + CONTENT_LENGTH.length
    if (value > end || head.latin1Slice(start, value).toLowerCase() !== CONTENT_LENGTH) continue
    if (seen) {
      save(start, start + 1)
      head[start] = LETTER_X
      continue
    }
    seen = true
    let inList = false
    let saved = false
    for (let at = value; at < end; at++) {
      inList ||= head[at] === COMMA
      if (head[at] === SP || (head[at] !== HTAB && !inList)) continue
      if (!saved) save(value, end)
      saved = true
      head[at] = SP
    }
  }
  return restores
}
