// Content that client and server can both compute, to detect lost, repeated or foreign bytes.
const PERIOD = 251
const MAX_LENGTH = 4 * 1024 * 1024
const pattern = Buffer.alloc(
  MAX_LENGTH + PERIOD,
  Uint8Array.from({ length: PERIOD }, (_, i) => i),
)

/** Returns `length` bytes of the pattern, starting at `from`. */
export function patternBytes(length: number, from = 0): Buffer {
  const start = from % PERIOD
  return pattern.subarray(start, start + length)
}

/** Checks content that arrives in pieces. */
export class PatternCheck {
  length = 0
  isIntact = true

  take(bytes: Uint8Array): void {
    this.isIntact &&= patternBytes(bytes.length, this.length).equals(bytes)
    this.length += bytes.length
  }
}

/** Yields content in pieces of `size` bytes. */
export function* patternPieces(length: number, size: number): Generator<Buffer> {
  for (let at = 0; at < length; at += size) yield patternBytes(Math.min(size, length - at), at)
}
