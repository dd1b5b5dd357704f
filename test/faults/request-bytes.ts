/** The length of the request at the start of a latin1 text; 0 while the request is incomplete. */
export function requestLength(text: string): number {
  const headEnd = headLength(text)
  if (headEnd === 0) return 0
  const head = text.slice(0, headEnd)
  const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0)
  const end = /\r\ntransfer-encoding:/i.test(head) ? chunksEnd(text, headEnd) : headEnd + length
  return end <= text.length ? end : 0
}

/** The length of the head with its empty line; 0 while the head is incomplete. */
export function headLength(text: string): number {
  const at = text.indexOf('\r\n\r\n')
  return at === -1 ? 0 : at + 4
}

export function methodOf(text: string): string {
  return text.slice(0, text.indexOf(' '))
}

/** The position after the last chunk and the trailers, or `Infinity`. RFC 9112 7.1 */
function chunksEnd(text: string, start: number): number {
  for (let at = start; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return Number.POSITIVE_INFINITY
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    if (size > 0) {
      at = lineEnd + 2 + size + 2
      continue
    }
    const trailers = text.startsWith('\r\n', lineEnd + 2)
      ? lineEnd
      : text.indexOf('\r\n\r\n', lineEnd)
    return trailers === -1 ? Number.POSITIVE_INFINITY : trailers + 4
  }
}
