/** How many bytes the request has that stands at the start; 0 while it is not complete. Latin1. */
export function wholeLength(text: string): number {
  const headEnd = headLength(text)
  if (headEnd === 0) return 0
  const head = text.slice(0, headEnd)
  const length = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? 0)
  const end = /\r\ntransfer-encoding:/i.test(head) ? chunksEnd(text, headEnd) : headEnd + length
  return end <= text.length ? end : 0
}

/** Up to and with the empty line; 0 while it is not there. */
export function headLength(text: string): number {
  const at = text.indexOf('\r\n\r\n')
  return at === -1 ? 0 : at + 4
}

export function methodOf(text: string): string {
  return text.slice(0, text.indexOf(' '))
}

/** RFC 9112 7.1. `Infinity` while they have no end. */
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
