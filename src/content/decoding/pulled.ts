import type { Transform } from 'node:stream'

/**
 * A zlib stream, written and read by hand: it works on what was written while that is read, a window
 * ahead of its reader at most, and no listener is put on anything but itself.
 */
export class Pulled {
  readonly #stream: Transform
  readonly #broken: (cause: unknown) => Error
  #error: unknown = null
  /** Whether it has taken in all that was written. */
  #done = true
  /** Whether the coding is complete; zlib takes nothing behind its end, and says so by this alone. */
  #ended = false
  #wake: (() => void) | null = null

  /** @param broken makes of zlib's error the one that is thrown */
  constructor(stream: Transform, broken: (cause: unknown) => Error) {
    this.#stream = stream
    this.#broken = broken
    stream.on('readable', () => this.#awake())
    stream.on('end', () => {
      this.#ended = true
      this.#awake()
    })
    stream.on('error', (error) => {
      this.#error ??= error
      this.#awake()
    })
  }

  /** Not before `read` gave null. The bytes are used until it gives null again. */
  write(chunk: Uint8Array): void {
    if (this.#ended) return
    this.#done = false
    this.#stream.write(chunk, () => {
      this.#done = true
      this.#awake()
    })
  }

  /** The content is complete. Not before `read` gave null, which it does again at the very end. */
  end(): void {
    if (this.#ended) return
    this.#done = false
    this.#stream.end()
  }

  /** What has come out, null when all is out. Throws after what came out before. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer | null
      if (chunk !== null) return chunk
      if (this.#error !== null) throw this.#broken(this.#error)
      if (this.#done || this.#ended) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  destroy(): void {
    this.#stream.destroy()
  }

  #awake(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
