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
const NAME = 'content-length'

/** A byte to be put back once the head is complete, and its place in the head. */
export interface Patch {
  readonly at: number
  readonly byte: number
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
 * Hides a repeated Content-Length, in fields of its own or in a list, from llhttp: the values are
 * compared when the head is complete. RFC 9112 6.3 (5)
 * @returns what to put back then; empty if there is nothing to hide; null if the line is not all here
 */
export function hideRepeatedContentLength(head: Buffer): Patch[] | null {
  const patches: Patch[] = []
  const hide = (at: number, by: number) => {
    patches.push({ at, byte: head[at] })
    head[at] = by
  }
  let seen = false
  for (let start = head.indexOf('\r\n') + 2; start > 1; start = head.indexOf('\r\n', start) + 2) {
    if (head[start] === CR) break
    const name = head.latin1Slice(start, start + NAME.length)
    if (name.toLowerCase() !== NAME) continue
    if (seen) {
      hide(start, 'x'.charCodeAt(0))
      continue
    }
    seen = true
    const end = head.indexOf('\r\n', start)
    if (end < 0) return patches.length > 0 ? patches : null
    const comma = head.indexOf(COMMA, start)
    if (comma > 0 && comma < end) for (let at = comma; at < end; at++) hide(at, SP)
  }
  return patches
}
