import type { Transform } from 'node:stream'

/**
 * Writes to a zlib stream and reads its output on request. zlib decodes while the output is read,
 * at most one output chunk ahead. No listener is added to the source of the bytes.
 */
export class ZlibReader {
  readonly #stream: Transform
  readonly #toError: (cause: unknown) => Error
  #error: unknown = null
  /** Whether zlib has processed everything that was written. */
  #inputProcessed = true
  /**
   * Whether the coded content is complete. zlib ignores later input, and calls no callback for it.
   */
  #ended = false
  #wakeReader: (() => void) | null = null

  /** @param toError creates the error that `read` throws from an error of zlib */
  constructor(stream: Transform, toError: (cause: unknown) => Error) {
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
   * Writes coded bytes. Call it only after `read` returned null. zlib uses `chunk` until the next
   * null.
   */
  write(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#inputProcessed = false
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
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer | null
      if (chunk !== null) return chunk
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
