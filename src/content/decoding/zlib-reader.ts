import type { Transform } from 'node:stream'
import type { OwnedBytes } from '../../models/bytes.ts'

/** A stream of `node:zlib`. */
export type ZlibStream = Transform & {
  /** How many bytes of the input were used. */
  readonly bytesWritten: number
}

/** A shorter chunk is copied, because it would keep the whole output buffer of zlib alive. */
const MIN_SHARED = 1024

/**
 * Decodes content with one zlib stream while the result is read. Ignores bytes after the end of the
 * coded content.
 *
 * @param slices the content, without empty pieces
 * @param createStream creates the stream for content that begins with `start`
 * @param toError creates the error to throw from an error of zlib
 */
export async function* decodeStream(
  slices: AsyncIterable<Uint8Array>,
  createStream: (start: Uint8Array) => ZlibStream,
  toError: (cause: unknown) => Error,
): AsyncGenerator<OwnedBytes, void, undefined> {
  let reader: ZlibReader | null = null
  try {
    for await (const slice of slices) {
      reader ??= new ZlibReader(createStream(slice), toError)
      reader.write(slice)
      for (let out = await reader.read(); out !== null; out = await reader.read()) yield out
    }
    if (reader === null) return
    reader.end()
    for (let out = await reader.read(); out !== null; out = await reader.read()) yield out
  } finally {
    reader?.destroy()
  }
}

/**
 * Writes to a zlib stream and reads its output on request. zlib decodes while the output is read,
 * at most one output chunk ahead. No listener is added to the source of the bytes.
 */
export class ZlibReader {
  readonly #stream: ZlibStream
  readonly #toError: (cause: unknown) => Error
  #error: unknown = null
  /** Whether zlib has processed everything that was written. */
  #inputProcessed = true
  /**
   * Whether the coded content is complete. zlib ignores later input, and calls no callback for it.
   */
  #ended = false
  #written = 0
  #wakeReader: (() => void) | null = null

  /** @param toError creates the error that `read` throws from an error of zlib */
  constructor(stream: ZlibStream, toError: (cause: unknown) => Error) {
    this.#stream = stream
    this.#toError = toError
    stream.on('readable', () => this.#continueReading())
    stream.on('end', () => {
      this.#ended = true
      this.#continueReading()
    })
    stream.on('error', (error) => {
      this.#error ??= error
      this.#continueReading()
    })
  }

  /**
   * How many of the written bytes come after the end of the coded content. Valid when `read` has
   * returned null. The stream may emit its end later.
   */
  get unused(): number {
    return this.#written - this.#stream.bytesWritten
  }

  /**
   * Writes coded bytes. Call it only after `read` returned null. zlib uses `chunk` until the next
   * null.
   */
  write(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#inputProcessed = false
    this.#written += chunk.length
    this.#stream.write(chunk, () => {
      this.#inputProcessed = true
      this.#continueReading()
    })
  }

  /**
   * Ends the input. Call it only after `read` returned null; read the remaining output afterwards.
   */
  end(): void {
    if (this.#ended) return
    this.#inputProcessed = false
    this.#stream.end()
  }

  /**
   * Resolves with the next decoded bytes, or with null if there are none until the next `write` or
   * `end`. Rejects with an error of zlib, after the bytes that were decoded before it.
   */
  async read(): Promise<OwnedBytes | null> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer<ArrayBuffer> | null
      if (chunk !== null) return chunk.length < MIN_SHARED ? Buffer.from(chunk) : chunk
      if (this.#error !== null) throw this.#toError(this.#error)
      if (this.#inputProcessed || this.#ended) return null
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  destroy(): void {
    this.#stream.destroy()
  }

  #continueReading(): void {
    const wake = this.#wakeReader
    this.#wakeReader = null
    wake?.()
  }
}
