import { isThenable } from '../models/value-kind.ts'
import type { Chunk } from './content.ts'

type Step = IteratorResult<Chunk>

const DONE: Step = { done: true, value: undefined }

/** Iterates over chunks. Unlike the iterator of the source, it can be closed at any time. */
export class ClosableIterator {
  #iterator: Iterator<Chunk> | AsyncIterator<Chunk> | null
  #isRunning = false
  #closed = false
  #closeReason: unknown

  /** Throws the error of the source, if it cannot be iterated. */
  constructor(source: Iterable<Chunk> | AsyncIterable<Chunk>) {
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /** Returns the next chunk. Throws the errors of the source. */
  next(): Step | PromiseLike<Step> {
    if (this.#iterator === null) return DONE
    this.#isRunning = true
    try {
      return this.#iterator.next()
    } finally {
      this.#isRunning = false
      if (this.#closed) this.close(this.#closeReason)
    }
  }

  /**
   * Closes the source. Never throws.
   *
   * @param reason what `cancel` of a `ReadableStream` receives
   */
  close(reason?: unknown): void {
    this.#closed = true
    this.#closeReason = reason
    if (this.#isRunning) return // a running generator cannot be closed; `next` closes it afterwards
    const iterator = this.#iterator
    this.#iterator = null
    try {
      const returned: unknown = iterator?.return?.(reason)
      if (isThenable(returned)) returned.then(ignore, ignore)
    } catch {
      // The caller does not need the source any more, so its error is of no use.
    }
  }
}

export function ignore(): void {}
