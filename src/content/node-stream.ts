import { fstatSync, ReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { StreamConsumed } from '../errors.ts'
import type { Chunk } from './content.ts'
import { OneShot } from './one-shot.ts'
import { ignore } from './pull.ts'

/** What is left in a stream of Node. */
export class NodeStreamContent extends OneShot {
  readonly length: number | null
  readonly #stream: Readable

  /** Throws `StreamConsumed` if nothing can come any more. */
  constructor(stream: Readable) {
    super()
    refuseEnded(stream)
    // An error while nobody reads is kept by the stream; without a listener it would end the process.
    stream.off('error', ignore).on('error', ignore)
    this.length = fileLength(stream)
    this.#stream = stream
  }

  protected open(): AsyncIterator<Chunk> {
    if (this.#stream.errored) throw this.#stream.errored
    refuseEnded(this.#stream)
    return new NodeStreamIterator(this.#stream)
  }

  protected close(): void {
    this.#stream.destroy()
  }
}

class NodeStreamIterator implements AsyncIterator<Chunk> {
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Chunk>

  constructor(stream: Readable) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  next(): Promise<IteratorResult<Chunk>> {
    return this.#chunks.next()
  }

  /** At once. The stream's own iterator first waits for the chunk that it was asked for, maybe for ever. */
  async return(): Promise<IteratorResult<Chunk>> {
    this.#stream.destroy()
    return { done: true, value: undefined }
  }
}

function refuseEnded(stream: Readable): void {
  if (stream.readable) return
  const cause = stream.errored ?? undefined
  const how = cause ? 'has failed' : stream.destroyed ? 'was destroyed or has ended' : 'has ended'
  throw new StreamConsumed(`The stream given as content ${how} before it was sent`, { cause })
}

/** What the types of `ReadStream` leave out, as given to `createReadStream`; `fd` once it is open. */
interface FileRange {
  readonly path: string | Buffer | null | undefined
  readonly fd: number | null
  readonly start: number | undefined
  /** The last byte, not the one behind it. */
  readonly end: number
}

/** Bytes that a file's stream will give; null for other streams and for what is no regular file. */
function fileLength(stream: Readable): number | null {
  if (!(stream instanceof ReadStream) || stream.readableDidRead) return null
  const { path, fd, start, end } = stream as unknown as FileRange
  // A bare descriptor is read from where it stands, and that cannot be asked for.
  if (start === undefined && !path) return null
  try {
    const stats = typeof fd === 'number' ? fstatSync(fd) : statSync(path ?? '')
    // The files of /proc say that they are empty, and are not.
    if (!stats.isFile() || stats.size === 0) return null
    return Math.max(0, Math.min(stats.size, end + 1) - (start ?? 0))
  } catch {
    return null // the stream itself will say why
  }
}
