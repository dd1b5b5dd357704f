/** Up to this size a body of known length is given its final buffer at once; beyond, memory follows what arrives. */
const TRUSTED_LENGTH = 16 << 20
const READ_SIZE = 65_536

/** A body being put together: copied once at the most, and not at all where the socket reads straight into it. */
export class BodyBuffer {
  length = 0
  readonly #expected: number
  #bytes: Buffer | null = null
  /** The latest `target`: what is read into it need not be copied. */
  #target: Buffer | null = null

  /** @param expected the body's length; NaN for unknown */
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
   * Room for a read of at most `most` bytes behind what is here; `missing` are to come. Never as many
   * as are missing, so that a surplus shows.
   */
  target(missing: number, most = Number.POSITIVE_INFINITY): Buffer {
    this.#reserve(Number.isNaN(missing) ? READ_SIZE : Math.min(missing + 1, READ_SIZE))
    const room = missing === most ? most - 1 : most
    this.#target = (this.#bytes as Buffer).subarray(this.length, this.length + room)
    return this.#target
  }

  bytes(): Buffer {
    const bytes = this.#bytes ?? Buffer.alloc(0)
    return bytes.length === this.length ? bytes : bytes.subarray(0, this.length)
  }

  #reserve(room: number): void {
    const needed = this.length + room
    const bytes = this.#bytes
    if (bytes !== null && needed <= bytes.length) return
    if (bytes === null && (room === this.#expected || Number.isNaN(this.#expected))) {
      this.#bytes = Buffer.allocUnsafe(room) // all of it, or so far all that there is
      return
    }
    const grown = Buffer.allocUnsafeSlow(this.#capacity(needed))
    if (bytes !== null) grown.set(bytes.subarray(0, this.length))
    this.#bytes = grown
  }

  #capacity(needed: number): number {
    const doubled = Math.max(needed, 2 * (this.#bytes?.length ?? 0), READ_SIZE)
    if (Number.isNaN(this.#expected)) return doubled
    return Math.min(this.#expected + 1, Math.max(doubled, TRUSTED_LENGTH + 1))
  }
}
