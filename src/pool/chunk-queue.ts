const SIZE = 65_536
/** With less room than this a read is not worth its call. */
const LEAST = 16_384

/** Chunks that the reader may keep, read straight into memory of its own where that is possible. */
export class Slab {
  #free: Buffer = Buffer.alloc(0)
  #target: Buffer | null = null

  /** Room for the next read of a body of which `missing` bytes are to come, NaN for unknown. */
  target(missing: number): Buffer {
    if (this.#free.length < LEAST) {
      this.#free = Buffer.allocUnsafeSlow(missing < SIZE ? missing + 1 : SIZE)
    }
    // A read that fills its target hides a surplus: none may end where the body does.
    const fits = this.#free.length === missing
    this.#target = fits ? this.#free.subarray(0, missing - 1) : this.#free
    return this.#target
  }

  /** The bytes, owned. */
  take(source: Buffer, start: number, end: number): Buffer {
    if (source !== this.#target) return Buffer.from(source.subarray(start, end))
    this.#target = null
    this.#free = source.subarray(end)
    return source.subarray(start, end)
  }
}

/** Chunks of a body that are here and that its reader has not taken yet. The reader may keep them. */
export class ChunkQueue {
  /** How many bytes they hold, the chunk that the reader works on included. */
  bytes = 0
  readonly #chunks: Buffer[] = []
  readonly #slab = new Slab()

  /** @param first what came before there was a reader */
  constructor(first: Buffer | undefined) {
    if (first === undefined || first.length === 0) return
    this.#chunks.push(first)
    this.bytes = first.length
  }

  /** Where the next read may go, of a body of which `missing` bytes are to come; NaN for unknown. */
  target(missing: number): Buffer {
    return this.#slab.target(missing)
  }

  take(source: Buffer, start: number, end: number): void {
    this.#chunks.push(this.#slab.take(source, start, end))
    this.bytes += end - start
  }

  /** Takes the next out. It still counts, until its reader is done with it and takes it off `bytes`. */
  shift(): Buffer | undefined {
    return this.#chunks.shift()
  }
}
