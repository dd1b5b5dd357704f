// Content that both ends know, so that a byte which is lost, doubled or of somebody else is seen.
const PERIOD = 251
const LONGEST = 4 * 1024 * 1024
const pattern = Buffer.alloc(
  LONGEST + PERIOD,
  Uint8Array.from({ length: PERIOD }, (_, i) => i),
)

/** So many bytes, from this place on. */
export function patternBytes(length: number, from = 0): Buffer {
  const start = from % PERIOD
  return pattern.subarray(start, start + length)
}

/** Follows content that comes in pieces. */
export class PatternCheck {
  length = 0
  isIntact = true

  take(bytes: Uint8Array): void {
    this.isIntact &&= patternBytes(bytes.length, this.length).equals(bytes)
    this.length += bytes.length
  }
}

/** Content in pieces, as they are asked for. */
export function* patternPieces(length: number, size: number): Generator<Buffer> {
  for (let at = 0; at < length; at += size) yield patternBytes(Math.min(size, length - at), at)
}
