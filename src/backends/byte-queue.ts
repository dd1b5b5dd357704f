/** Bytes in order, in chunks that are not copied. */
export class ByteQueue {
  /** The number of bytes in the queue. */
  size = 0
  #chunks: Uint8Array[] = []

  /** The first chunk; undefined if the queue is empty. */
  get first(): Uint8Array | undefined {
    return this.#chunks.at(0)
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.size += chunk.length
  }

  prepend(chunk: Uint8Array): void {
    this.#chunks.unshift(chunk)
    this.size += chunk.length
  }

  /** Removes `count` bytes of the first chunk. */
  drop(count: number): void {
    const remaining = this.#chunks.at(0)?.subarray(count)
    if (remaining === undefined || remaining.length === 0) this.#chunks.shift()
    else this.#chunks[0] = remaining
    this.size -= count
  }

  /** Moves bytes into `target`. @returns how many */
  read(target: Uint8Array): number {
    let length = 0
    for (let chunk = this.first; chunk && length < target.length; chunk = this.first) {
      const piece = chunk.subarray(0, target.length - length)
      target.set(piece, length)
      length += piece.length
      this.drop(piece.length)
    }
    return length
  }

  clear(): void {
    this.#chunks = []
    this.size = 0
  }
}
