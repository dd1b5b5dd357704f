/**
 * What RFC 9112 wants accepted and llhttp refuses, mended in the received bytes before they are
 * parsed once more. Not by llhttp's lenient flags: `lenient_headers` lets NUL into values and
 * misreads a folded `Transfer-Encoding: gzip,\r\n chunked`.
 */
const SP = 0x20
const HTAB = 0x09
const CR = 0x0d
const LF = 0x0a
const COMMA = 0x2c
const LETTER_X = 0x78
const NAME = 'content-length:'

/** Bytes to be put back once the head is complete, and their place in it. */
export interface Patch {
  readonly at: number
  readonly bytes: Buffer
}

/**
 * Makes each obs-fold a run of SP, within `head`. RFC 9112 5.2
 * @returns whether there was one
 */
export function unfold(head: Buffer): boolean {
  let found = false
  // A fold right after the status line is none: there is no field that it could go on.
  for (let i = head.indexOf('\r\n') + 2; ; i++) {
    i = head.indexOf(CR, i)
    const isLast = head[i + 2] === CR // the empty line: what follows is body
    if (i < 0 || i + 2 >= head.length || isLast) return found
    if (head[i + 1] !== LF || !isBlank(head[i + 2])) continue
    found = true
    head[i] = head[i + 1] = SP
    for (let j = i + 2; isBlank(head[j]); j++) head[j] = SP
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SP || byte === HTAB
}

/**
 * Masks what llhttp does not take: a second Content-Length, and what stands behind the digits of the first
 * but SP. Repetitions are compared when the head is complete. RFC 9112 6.3 (5)
 * @returns what to put back then; empty if there was nothing to mask
 */
export function maskContentLength(head: Buffer): Patch[] {
  const patches: Patch[] = []
  const keep = (at: number, end: number) =>
    patches.push({ at, bytes: Buffer.from(head.subarray(at, end)) })
  let seen = false
  let end: number
  for (let start = 0; start < head.length && head[start] !== CR; start = end + 2) {
    end = head.indexOf('\r\n', start)
    if (end < 0) end = head.length
    const value = start + NAME.length
    if (value > end || head.latin1Slice(start, value).toLowerCase() !== NAME) continue
    if (seen) {
      keep(start, start + 1)
      head[start] = LETTER_X
      continue
    }
    seen = true
    let inList = false
    let kept = false
    for (let at = value; at < end; at++) {
      inList ||= head[at] === COMMA
      if (head[at] === SP || (head[at] !== HTAB && !inList)) continue
      if (!kept) keep(value, end)
      kept = true
      head[at] = SP
    }
  }
  return patches
}
