import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { FileError, systemReason } from './command-errors.ts'

/** Whoever read our output has left, as `head` does when it has enough. */
export class ReaderLeft extends Error {}

/** Writes to a stream as fast as it takes it. What fails there is told by the next `write`. */
export class Output {
  readonly #stream: Writable
  readonly #signal: AbortSignal
  #failure: Error | null = null

  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
    // Without a listener a pipe that was closed would end the process with a stack.
    stream.on('error', (error) => {
      this.#failure ??= error
    })
  }

  /** Resolves when there is room for more, or Ctrl-C came. Rejects with `ReaderLeft` or `FileError`. */
  async write(data: Uint8Array | string): Promise<void> {
    if (this.#failure === null && !this.#stream.write(data)) {
      await once(this.#stream, 'drain', { signal: this.#signal }).catch(() => {})
    }
    this.#check()
  }

  /** Resolves when all of it is out: a full disk may be heard of late. */
  async flush(): Promise<void> {
    if (this.#failure === null) {
      await new Promise<void>((resolve) => this.#stream.write('', () => resolve()))
    }
    this.#check()
  }

  #check(): void {
    if (this.#failure === null) return
    const { code } = this.#failure as NodeJS.ErrnoException
    if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') throw new ReaderLeft('nobody reads')
    throw new FileError(`The output cannot be written: ${systemReason(this.#failure)}`)
  }

  /** For a line or two: what becomes of it does not matter. */
  say(text: string): void {
    if (this.#failure === null) this.#stream.write(text)
  }
}
