import { StreamConsumed } from '../errors.ts'
import { ClosableIterator } from './closable-iterator.ts'
import type { Chunk } from './content.ts'
import { Content } from './content.ts'

/** Content whose source can be read only once. */
export abstract class OneShotContent extends Content {
  readonly isReplayable = false
  #consumed = false

  get isConsumed(): boolean {
    return this.#consumed
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    if (this.#consumed) {
      throw new StreamConsumed(
        'The content has already been sent, and its source can be read only once',
      )
    }
    this.#consumed = true
    return this.open()
  }

  discard(reason?: unknown): void {
    if (this.#consumed) return
    this.#consumed = true
    this.close(reason)
  }

  /** Begins to read the source. Called at most once. */
  protected abstract open(): AsyncIterator<Chunk>
  /** Closes the source. Called instead of `open`. Must not throw. */
  protected abstract close(reason: unknown): void
}

type Source = Iterable<Chunk> | AsyncIterable<Chunk>

/** The remaining values of a generator or another iterator. */
export class IteratorContent extends OneShotContent {
  readonly length = null
  readonly #source: Source

  constructor(source: Source) {
    super()
    this.#source = source
  }

  protected open(): AsyncIterator<Chunk> {
    const source = this.#source
    // A synchronous iterator works as well, because all callers await the result of `next`.
    return Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : (source[Symbol.iterator]() as unknown as AsyncIterator<Chunk>)
  }

  protected close(reason: unknown): void {
    new ClosableIterator(this.#source).close(reason)
  }
}
