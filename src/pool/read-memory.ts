/** The sizes of the memory for a read: for a source that sends little at a time, or much. */
const READ_SIZES = { small: 16_385, large: 65_536 } as const

/**
 * Provides the memory for reads, and passes what was read to the reader, who may keep it. A large
 * read is passed on without a copy, together with its memory. A short one is copied, so that a
 * chunk keeps little more memory alive than it has bytes. The memory of a chunk is never read into
 * again: the reader may have transferred it.
 */
export class ReadMemory {
  #target: Buffer<ArrayBuffer> | null = null
  #size: number = READ_SIZES.large

  /** Returns a buffer for the next read. `missing` is the number of bytes to come, or NaN. */
  target(missing: number): Buffer {
    const target = this.#target
    if (target !== null && target.length !== missing && target.length <= this.#size) return target
    let size = missing < this.#size ? missing + 1 : this.#size
    // A target must not end where the body ends: a read that fills it would hide surplus bytes.
    if (size === missing) size++
    this.#target = Buffer.allocUnsafeSlow(size)
    return this.#target
  }

  /** Returns bytes that the reader may keep. */
  toOwned(source: Buffer, start: number, end: number): Buffer<ArrayBuffer> {
    const target = this.#target
    const length = end - start
    if (target === null || source !== target) return Buffer.from(source.subarray(start, end))
    if (length === source.length) this.#size = READ_SIZES.large
    else if (length < READ_SIZES.small) this.#size = READ_SIZES.small
    if (2 * length < source.length) return Buffer.from(source.subarray(start, end))
    this.#target = null
    return length === target.length ? target : target.subarray(start, end)
  }
}
