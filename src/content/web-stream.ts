import { Readable } from 'node:stream'
import { StreamConsumed } from '../errors.ts'
import type { BlobLike, WebStream, WebStreamReader } from './body-options.ts'
import type { Chunk } from './content.ts'
import { Content } from './content.ts'
import { OneShot } from './one-shot.ts'
import { ignore } from './pull.ts'

/** A `ReadableStream` from its beginning. */
export class WebStreamContent extends OneShot {
  readonly length = null
  readonly #stream: WebStream

  /** Throws `StreamConsumed` if another reader has it, or had. */
  constructor(stream: WebStream) {
    super()
    refuseUsed(stream)
    this.#stream = stream
  }

  protected open(): AsyncIterator<Chunk> {
    refuseUsed(this.#stream)
    return new ReaderIterator(this.#stream.getReader())
  }

  protected close(): void {
    this.#stream.cancel().then(ignore, ignore)
  }
}

/** A `Blob`, which is read anew each time. */
export class BlobContent extends Content {
  readonly isReplayable = true
  readonly isSpent = false
  readonly #blob: BlobLike

  constructor(blob: BlobLike) {
    super()
    this.#blob = blob
  }

  get length(): number {
    return this.#blob.size
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return new ReaderIterator(this.#blob.stream().getReader())
  }

  discard(): void {}
}

/** The chunks of a stream that this reader reads. */
export class ReaderIterator implements AsyncIterator<Chunk> {
  readonly #reader: WebStreamReader

  constructor(reader: WebStreamReader) {
    this.#reader = reader
  }

  next(): Promise<IteratorResult<Chunk>> {
    return this.#reader.read() as Promise<IteratorResult<Chunk>>
  }

  /** At once, which `values()` of the stream does not promise while it waits for a chunk. */
  async return(): Promise<IteratorResult<Chunk>> {
    await this.#reader.cancel()
    return { done: true, value: undefined }
  }
}

function refuseUsed(stream: WebStream): void {
  if (stream.locked) {
    throw new StreamConsumed('The ReadableStream given as content is locked to another reader')
  }
  if (Readable.isDisturbed(stream as never)) {
    throw new StreamConsumed(
      'The ReadableStream given as content has been read or cancelled before',
    )
  }
}
