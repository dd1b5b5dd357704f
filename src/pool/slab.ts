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
