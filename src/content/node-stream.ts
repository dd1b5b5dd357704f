import { fstatSync, ReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { StreamConsumed } from '../errors.ts'
import { ignore } from './closable-iterator.ts'
import type { Chunk } from './content.ts'
import { OneShotContent } from './one-shot.ts'

/** The remaining content of a Node.js stream. */
export class NodeStreamContent extends OneShotContent {
  readonly #stream: Readable
  readonly #fileLength: number | null

  /** Throws `StreamConsumed` if the stream has ended, was destroyed or has failed. */
  constructor(stream: Readable) {
    super()
    refuseEnded(stream)
    // Without a listener, an error before the stream is read would end the process. The stream
    // keeps the error, so that `open` can throw it.
    stream.off('error', ignore).on('error', ignore)
    this.#stream = stream
    this.#fileLength = fileLength(stream)
  }

  /** Null for a stream with an encoding: it yields text, which is sent as UTF-8. */
  get length(): number | null {
    return this.#stream.readableEncoding === null ? this.#fileLength : null
  }

  protected open(): AsyncIterator<Chunk> {
    if (this.#stream.errored) throw this.#stream.errored
    refuseEnded(this.#stream)
    return iterate(this.#stream)
  }

  protected close(): void {
    this.#stream.destroy()
  }
}

/**
 * Iterates over the chunks. `return` closes the stream immediately: the stream's own iterator would
 * wait for a pending `next` first.
 */
function iterate(stream: Readable): AsyncIterator<Chunk> {
  const chunks: AsyncIterator<Chunk> = stream[Symbol.asyncIterator]()
  return {
    next: () => chunks.next(),
    async return() {
      stream.destroy()
      return { done: true, value: undefined }
    },
  }
}

function refuseEnded(stream: Readable): void {
  if (stream.readable) return
  const cause = stream.errored ?? undefined
  const how = cause ? 'has failed' : stream.destroyed ? 'was destroyed or has ended' : 'has ended'
  throw new StreamConsumed(`The stream given as content ${how} before it was sent`, { cause })
}

/** Members of `ReadStream` that its type does not declare: the arguments of `createReadStream`. */
interface FileRange {
  readonly path: string | Buffer | null | undefined
  /** Null until the file is open. */
  readonly fd: number | null
  readonly start: number | undefined
  /** The position of the last byte, inclusive. */
  readonly end: number
}

/**
 * Returns how many bytes a file stream will yield; null for other streams and for special files.
 */
function fileLength(stream: Readable): number | null {
  if (!(stream instanceof ReadStream) || stream.readableDidRead) return null
  const { path, fd, start, end } = stream as unknown as FileRange
  // A descriptor without `start` is read from its current position, which Node cannot query.
  if (start === undefined && !path) return null
  try {
    const stats = typeof fd === 'number' ? fstatSync(fd) : statSync(path ?? '')
    // Files in /proc report a size of 0, although they have content.
    if (!stats.isFile() || stats.size === 0) return null
    return Math.max(0, Math.min(stats.size, end + 1) - (start ?? 0))
  } catch {
    return null // reading the stream will report the error
  }
}
