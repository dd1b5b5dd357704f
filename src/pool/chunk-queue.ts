import { ReadMemory } from './read-memory.ts'

/** The received chunks of a body that the reader has not taken yet. The reader may keep them. */
export class ChunkQueue {
  /** The number of bytes in the queue, without those of the chunk that the reader is processing. */
  bytes = 0
  readonly #chunks: Buffer<ArrayBuffer>[] = []
  readonly #memory = new ReadMemory()

  /** @param initial the bytes that arrived before there was a reader */
  constructor(initial: Buffer<ArrayBuffer> | undefined) {
    if (initial === undefined || initial.length === 0) return
    this.#chunks.push(initial)
    this.bytes = initial.length
  }

  /** Returns a buffer for the next read. `missing` is the number of bytes to come, or NaN. */
  target(missing: number): Buffer {
    return this.#memory.target(missing)
  }

  push(source: Buffer, start: number, end: number): void {
    this.#chunks.push(this.#memory.toOwned(source, start, end))
    this.bytes += end - start
  }

  /** Removes and returns the next chunk. */
  shift(): Buffer<ArrayBuffer> | undefined {
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) this.bytes -= chunk.length
    return chunk
  }
}
