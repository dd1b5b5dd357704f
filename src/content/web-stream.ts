import { Readable } from 'node:stream'
import { StreamConsumed } from '../errors.ts'
import { runtimeGlobal } from '../models/environment.ts'
import type { BlobLike, WebStream, WebStreamReader } from './body-options.ts'
import { ignore } from './closable-iterator.ts'
import type { Chunk } from './content.ts'
import { Content } from './content.ts'
import { OneShotContent } from './one-shot.ts'

/** The content of a `ReadableStream` that has not been read. */
export class WebStreamContent extends OneShotContent {
  readonly length = null
  readonly #stream: WebStream

  /** Throws `StreamConsumed` if the stream is locked, or has been read or cancelled. */
  constructor(stream: WebStream) {
    super()
    refuseUsed(stream)
    this.#stream = stream
  }

  protected open(): AsyncIterator<Chunk> {
    refuseUsed(this.#stream)
    return new ReaderIterator(this.#stream.getReader())
  }

  protected close(reason: unknown): void {
    this.#stream.cancel(reason).then(ignore, ignore)
  }
}

/** The content of a `Blob`, which can be read any number of times. */
export class BlobContent extends Content {
  readonly isReplayable = true
  readonly isConsumed = false
  readonly #blob: BlobLike

  constructor(blob: BlobLike) {
    super()
    this.#blob = blob
  }

  get length(): number {
    return this.#blob.size
  }

  [Symbol.asyncIterator](): AsyncIterator<Chunk> {
    return readBlob(this.#blob)
  }

  discard(): void {}
}

/** A `Blob` of jsdom: version 29 has `arrayBuffer`; version 26, which Jest 30 uses, has neither. */
interface OldBlob {
  stream?(): WebStream
  arrayBuffer?(): Promise<ArrayBuffer>
}

/** The members of a `FileReader` that are used. */
interface Reader {
  readonly result: ArrayBuffer
  readonly error: unknown
  onload: () => void
  onerror: () => void
  readAsArrayBuffer(blob: OldBlob): void
}

function readBlob(blob: OldBlob): AsyncIterator<Chunk> {
  return blob.stream === undefined
    ? readOldBlob(blob)
    : new ReaderIterator(blob.stream().getReader())
}

async function* readOldBlob(blob: OldBlob): AsyncGenerator<Chunk> {
  yield new Uint8Array(await (blob.arrayBuffer?.() ?? readWithFileReader(blob)))
}

function readWithFileReader(blob: OldBlob): Promise<ArrayBuffer> {
  const FileReader = runtimeGlobal('FileReader') as new () => Reader
  const reader = new FileReader()
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(reader.result)
    reader.onerror = () => reject(reader.error)
    reader.readAsArrayBuffer(blob)
  })
}

/** Iterates over the chunks of a `ReadableStream`. */
export class ReaderIterator implements AsyncIterableIterator<Chunk> {
  readonly #reader: WebStreamReader

  constructor(reader: WebStreamReader) {
    this.#reader = reader
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Chunk>> {
    return this.#reader.read() as Promise<IteratorResult<Chunk>>
  }

  /** Cancels the stream immediately. `stream.values()` may wait for a pending chunk first. */
  async return(reason?: unknown): Promise<IteratorResult<Chunk>> {
    await this.#reader.cancel(reason)
    return { done: true, value: undefined }
  }
}

function refuseUsed(stream: WebStream): void {
  if (stream.locked) {
    throw new StreamConsumed('The ReadableStream given as content is locked to another reader')
  }
  if (Readable.isDisturbed(stream as never)) {
    throw new StreamConsumed(
      'The ReadableStream given as content has already been read or cancelled',
    )
  }
}
