/**
 * A body with a Content-Length up to this many bytes gets a buffer of its final size at once. The
 * buffer of a longer one grows with the bytes that arrive, so that a false length wastes no memory.
 */
const TRUSTED_LENGTH = 16 << 20
/** A longer body gets that buffer with its third read: an iterator does not need it. */
const EAGER_LENGTH = 1 << 20
const READ_SIZE = 65_536

/**
 * Collects a body in one buffer, which has exactly the length of the body if that is known: so the
 * memory can be passed on as an `ArrayBuffer`. Bytes that the socket reads into it are not copied.
 */
export class BodyBuffer {
  length = 0
  readonly #expected: number
  #bytes: Buffer<ArrayBuffer> | null = null
  /** What `target()` returned last. Bytes read into it are in place already. */
  #target: Buffer | null = null

  /** @param expected the length of the body in bytes, or NaN */
  constructor(expected: number) {
    this.#expected = expected
  }

  append(source: Buffer, start: number, end: number): void {
    const added = end - start
    if (source !== this.#target) {
      this.#reserve(added)
      const bytes = this.#bytes as Buffer
      if (start === 0 && end === source.length) bytes.set(source, this.length)
      else bytes.set(source.subarray(start, end), this.length)
    }
    this.length += added
    this.#target = null
  }

  /**
   * Returns a buffer of at most `maxLength` bytes for the next read, directly after the bytes so
   * far. A read that fills the missing bytes, whose number is NaN if it is unknown, would hide bytes
   * after the end of the body. So the buffer is shorter; and for the last read this returns null.
   */
  target(missing: number, maxLength = Number.POSITIVE_INFINITY): Buffer | null {
    if (missing <= READ_SIZE) return null
    this.#reserve(READ_SIZE)
    const room = Number.isNaN(missing) ? maxLength : Math.min(maxLength, missing - 1)
    this.#target = (this.#bytes as Buffer).subarray(this.length, this.length + room)
    return this.#target
  }

  bytes(): Buffer<ArrayBuffer> {
    const bytes = this.#bytes ?? Buffer.alloc(0)
    return bytes.length === this.length ? bytes : bytes.subarray(0, this.length)
  }

  #reserve(room: number): void {
    const needed = this.length + room
    const bytes = this.#bytes
    if (bytes !== null && needed <= bytes.length) return
    if (bytes === null && (room === this.#expected || Number.isNaN(this.#expected))) {
      this.#bytes = Buffer.allocUnsafe(room) // the whole body, or its first part
      return
    }
    const grown = Buffer.allocUnsafeSlow(this.#capacity(needed))
    if (bytes !== null) grown.set(bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  #capacity(needed: number): number {
    const doubled = Math.max(needed, 2 * (this.#bytes?.length ?? 0), READ_SIZE)
    if (Number.isNaN(this.#expected)) return doubled
    if (this.#bytes === null && this.#expected > EAGER_LENGTH)
      return Math.max(needed, 2 * READ_SIZE)
    return Math.min(this.#expected, Math.max(doubled, TRUSTED_LENGTH))
  }
}
