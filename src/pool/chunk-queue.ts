import { Slab } from './slab.ts'

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
