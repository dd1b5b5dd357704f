const SLAB_SIZE = 65_536
/** A slab with fewer free bytes than this is replaced: small reads cost too many calls. */
const MIN_READ = 16_384

/** Creates chunks that the reader may keep, without a copy if the socket reads into the slab. */
export class Slab {
  #free: Buffer = Buffer.alloc(0)
  #target: Buffer | null = null

  /** Returns a buffer for the next read. `missing` is the number of bytes to come, or NaN. */
  target(missing: number): Buffer {
    if (this.#free.length < MIN_READ) {
      this.#free = Buffer.allocUnsafeSlow(missing < SLAB_SIZE ? missing + 1 : SLAB_SIZE)
    }
    // A target must not end where the body ends: a read that fills it would hide surplus bytes.
    const fits = this.#free.length === missing
    this.#target = fits ? this.#free.subarray(0, missing - 1) : this.#free
    return this.#target
  }

  /** Returns bytes that the reader may keep. They are copied unless they are in the slab. */
  toOwned(source: Buffer, start: number, end: number): Buffer {
    if (source !== this.#target) return Buffer.from(source.subarray(start, end))
    this.#target = null
    this.#free = source.subarray(end)
    return source.subarray(start, end)
  }
}

/** The received chunks of a body that the reader has not taken yet. The reader may keep them. */
export class ChunkQueue {
  /** The number of bytes in the queue, including the chunk that the reader is processing. */
  bytes = 0
  readonly #chunks: Buffer[] = []
  readonly #slab = new Slab()

  /** @param initial the bytes that arrived before there was a reader */
  constructor(initial: Buffer | undefined) {
    if (initial === undefined || initial.length === 0) return
    this.#chunks.push(initial)
    this.bytes = initial.length
  }

  /** Returns a buffer for the next read. `missing` is the number of bytes to come, or NaN. */
  target(missing: number): Buffer {
    return this.#slab.target(missing)
  }

  push(source: Buffer, start: number, end: number): void {
    this.#chunks.push(this.#slab.toOwned(source, start, end))
    this.bytes += end - start
  }

  /** Removes and returns the next chunk. The reader later subtracts its length from `bytes`. */
  shift(): Buffer | undefined {
    return this.#chunks.shift()
  }
}
