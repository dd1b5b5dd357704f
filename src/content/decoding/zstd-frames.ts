// The magic numbers. RFC 8878 3.1.1, 3.1.2
const FRAME = 0xfd2fb528
/** The first of the 16 magic numbers of skippable frames. */
const SKIPPABLE = 0x184d2a50
const RLE_BLOCK = 1

/**
 * The part of a frame that is read next. Parts that begin with `skip` are skipped by their length.
 */
type Part = 'magic' | 'size' | 'descriptor' | 'skip header' | 'block' | 'skip block' | 'skip to end'

/** Returns the length in bytes of a frame header after its descriptor. RFC 8878 3.1.1.1 */
function headerLength(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionary = (1 << (descriptor & 3)) >> 1 // 0, 1, 2 or 4
  const sizeFlag = descriptor >> 6
  const contentSize = sizeFlag === 0 && !isSingleSegment ? 0 : 1 << sizeFlag
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize
}

/** Finds the ends of frames from the lengths in them, without decoding them. RFC 8878 3 */
class FrameScanner {
  #part: Part = 'magic'
  /** How many bytes of the part have not been received yet. */
  #missing = 4
  /** The length of the part in bytes. */
  #length = 4
  /** The bytes of the part as a little-endian number. */
  #value = 0
  #hasChecksum = false
  #isLastBlock = false

  get isBetweenFrames(): boolean {
    return this.#part === 'magic' && this.#missing === 4
  }

  /**
   * Reads `chunk` from `start`. Returns the position at which the current frame ends, or the length
   * of the chunk if it does not end in it. Throws if the bytes are not a frame.
   */
  frameEnd(chunk: Uint8Array, start: number): number {
    let position = start
    for (let byte = chunk[position]; byte !== undefined; byte = chunk[position]) {
      if (this.#part.startsWith('skip')) {
        const skipped = Math.min(this.#missing, chunk.length - position)
        this.#missing -= skipped
        position += skipped
      } else {
        this.#value += byte * 256 ** (this.#length - this.#missing--)
        position++
      }
      while (this.#missing === 0) this.#advance()
      if (this.isBetweenFrames) break
    }
    return position
  }

  #advance(): void {
    const value = this.#value
    switch (this.#part) {
      case 'magic':
        if (value === FRAME) return this.#expect('descriptor', 1)
        if (value - (value % 16) === SKIPPABLE) return this.#expect('size', 4)
        throw new Error('unknown frame')
      case 'size':
        return this.#expect('skip to end', value)
      case 'descriptor':
        this.#hasChecksum = (value & 4) !== 0
        return this.#expect('skip header', headerLength(value))
      case 'skip header':
        return this.#expect('block', 3)
      case 'block': {
        this.#isLastBlock = (value & 1) !== 0
        const type = (value >> 1) & 3
        return this.#expect('skip block', type === RLE_BLOCK ? 1 : value >> 3)
      }
      case 'skip block':
        if (!this.#isLastBlock) return this.#expect('block', 3)
        return this.#expect('skip to end', this.#hasChecksum ? 4 : 0)
      case 'skip to end':
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
 * Splits zstd content so that no chunk continues after the end of a frame. Node 22 and 24 drop
 * bytes that follow a frame in the same write (nodejs/node#64741).
 *
 * Throws the result of `toError` if the content is not a sequence of frames, or ends inside a
 * frame, which Node 22 accepts (nodejs/node#64592).
 */
export async function* separateFrames(
  source: AsyncIterable<Uint8Array>,
  toError: (cause: unknown) => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  const scanner = new FrameScanner()
  const frameEnd = (chunk: Uint8Array, start: number): number => {
    try {
      return scanner.frameEnd(chunk, start)
    } catch (cause) {
      throw toError(cause)
    }
  }
  for await (const chunk of source) {
    for (let start = 0, end: number; start < chunk.length; start = end) {
      end = frameEnd(chunk, start)
      yield chunk.subarray(start, end)
    }
  }
  if (!scanner.isBetweenFrames) throw toError(new Error('unexpected end of file'))
}

/** Whether the bytes are exactly one complete frame. Throws if they are not a frame. */
export function isOneFrame(bytes: Uint8Array): boolean {
  const scanner = new FrameScanner()
  return scanner.frameEnd(bytes, 0) === bytes.length && scanner.isBetweenFrames
}
