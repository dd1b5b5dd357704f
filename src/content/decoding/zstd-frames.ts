const FRAME = 0xfd2fb528
/** And the 15 numbers behind it. */
const SKIPPABLE = 0x184d2a50
const RLE = 1

/** What is read next; of the parts beginning with `skip` only the length is known. */
type Part = 'magic' | 'size' | 'descriptor' | 'skip header' | 'block' | 'skip block' | 'skip rest'

/** How long a frame header is behind its descriptor. RFC 8878 3.1.1.1 */
function headerLength(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionary = [0, 1, 2, 4][descriptor & 3]
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize
}

/** Knows where frames end from the lengths in them alone. RFC 8878 3 */
class FrameScanner {
  #part: Part = 'magic'
  /** Bytes of the part that are still to come, of how many. */
  #missing = 4
  #length = 4
  /** The part as a little-endian number. */
  #value = 0
  #hasChecksum = false
  #isLastBlock = false

  get isBetweenFrames(): boolean {
    return this.#part === 'magic' && this.#missing === 4
  }

  /** The end of the frame that `chunk` is in at `start`, or of the chunk; throws if there is none. */
  frameEnd(chunk: Uint8Array, start: number): number {
    let at = start
    while (at < chunk.length) {
      if (this.#part.startsWith('skip')) {
        const skipped = Math.min(this.#missing, chunk.length - at)
        this.#missing -= skipped
        at += skipped
      } else {
        this.#value += chunk[at++] * 256 ** (this.#length - this.#missing--)
      }
      while (this.#missing === 0) this.#advance()
      if (this.isBetweenFrames) break
    }
    return at
  }

  #advance(): void {
    const value = this.#value
    switch (this.#part) {
      case 'magic':
        if (value === FRAME) return this.#expect('descriptor', 1)
        if (value - (value % 16) === SKIPPABLE) return this.#expect('size', 4)
        throw new Error('unknown frame')
      case 'size':
        return this.#expect('skip rest', value)
      case 'descriptor':
        this.#hasChecksum = (value & 4) !== 0
        return this.#expect('skip header', headerLength(value))
      case 'skip header':
        return this.#expect('block', 3)
      case 'block': {
        this.#isLastBlock = (value & 1) !== 0
        const type = (value >> 1) & 3
        return this.#expect('skip block', type === RLE ? 1 : value >> 3)
      }
      case 'skip block':
        if (!this.#isLastBlock) return this.#expect('block', 3)
        return this.#expect('skip rest', this.#hasChecksum ? 4 : 0)
      case 'skip rest':
        return this.#expect('magic', 4)
    }
  }

  #expect(part: Part, length: number): void {
    this.#part = part
    this.#length = this.#missing = length
    this.#value = 0
  }
}

/**
 * The same bytes, but no chunk has both the end of a frame and more. Throws what `broken` makes of it
 * when they are no frames or end within one. Node 22 and 24 drop what follows a frame in the same
 * write, and 22 takes a frame that is cut short for a whole one (nodejs/node#64741, #64592).
 */
export async function* separateFrames(
  source: AsyncIterable<Uint8Array>,
  broken: (cause: unknown) => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  const scanner = new FrameScanner()
  const frameEnd = (chunk: Uint8Array, start: number): number => {
    try {
      return scanner.frameEnd(chunk, start)
    } catch (cause) {
      throw broken(cause)
    }
  }
  for await (const chunk of source) {
    for (let start = 0, end: number; start < chunk.length; start = end) {
      end = frameEnd(chunk, start)
      yield chunk.subarray(start, end)
    }
  }
  if (!scanner.isBetweenFrames) throw broken(new Error('unexpected end of file'))
}

/** Whether these bytes are one whole frame. */
export function isOneFrame(bytes: Uint8Array): boolean {
  const scanner = new FrameScanner()
  return scanner.frameEnd(bytes, 0) === bytes.length && scanner.isBetweenFrames
}
