import { StreamConsumed } from '../errors.ts'
import type { Chunk } from './content.ts'
import { Content } from './content.ts'
import { Pull } from './pull.ts'

/** Content whose source gives it once. */
export abstract class OneShot extends Content {
  #spent = false

  get isReplayable(): boolean {
    return false
  }

  get isSpent(): boolean {
    return this.#spent
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    if (this.#spent) {
      throw new StreamConsumed(
        'The content has been sent already, and its source gives it only once',
      )
    }
    this.#spent = true
    return this.open()
  }

  discard(): void {
    if (this.#spent) return
    this.#spent = true
    this.close()
  }

  /** Called once at the most. */
  protected abstract open(): AsyncIterator<Chunk>
  /** Instead of `open`. Must not throw. */
  protected abstract close(): void
}

type Source = Iterable<Chunk> | AsyncIterable<Chunk>

/** What a generator or another iterator has left to give. */
export class IteratorContent extends OneShot {
  readonly length = null
  readonly #source: Source

  constructor(source: Source) {
    super()
    this.#source = source
  }

  protected open(): AsyncIterator<Chunk> {
    const source = this.#source
    // A plain iterator will do: whoever asks for the next step takes one that is no promise too.
    return Symbol.asyncIterator in source
      ? source[Symbol.asyncIterator]()
      : (source[Symbol.iterator]() as unknown as AsyncIterator<Chunk>)
  }

  protected close(): void {
    new Pull(this.#source).close()
  }
}
