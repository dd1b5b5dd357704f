import { isThenable } from '../models/value-kind.ts'
import type { Chunk } from './content.ts'

type Step = IteratorResult<Chunk>

const DONE: Step = { done: true, value: undefined }

/** Pulls chunks out of an iterable. Unlike its iterator it can be closed at any time. */
export class Pull {
  #iterator: Iterator<Chunk> | AsyncIterator<Chunk> | null
  #running = false
  #closed = false

  /** Throws what the iterable throws. */
  constructor(source: Iterable<Chunk> | AsyncIterable<Chunk>) {
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /** Throws what the source throws. */
  next(): Step | PromiseLike<Step> {
    if (this.#iterator === null) return DONE
    this.#running = true
    try {
      return this.#iterator.next()
    } finally {
      this.#running = false
      if (this.#closed) this.close()
    }
  }

  /** The source is told that no more is wanted of it. Never throws. */
  close(): void {
    this.#closed = true
    if (this.#running) return // a generator that runs cannot be closed
    const iterator = this.#iterator
    this.#iterator = null
    try {
      const returned: unknown = iterator?.return?.()
      if (isThenable(returned)) returned.then(ignore, ignore)
    } catch {
      // It did not end well, and nobody is left whom that could concern.
    }
  }
}

export function ignore(): void {}
