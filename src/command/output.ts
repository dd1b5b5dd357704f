import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { describeSystemError, FileError } from './command-errors.ts'

/** The reader of the output closed it, as `head` does when it has read enough. */
export class OutputClosed extends Error {}

/** Writes to a stream with backpressure. After an error, the next `write` or `flush` rejects. */
export class Output {
  readonly #stream: Writable
  readonly #signal: AbortSignal
  #error: Error | null = null

  constructor(stream: Writable, signal: AbortSignal) {
    this.#stream = stream
    this.#signal = signal
    // Without a listener, a closed pipe would end the process with a stack trace.
    stream.on('error', (error) => {
      this.#error ??= error
    })
  }

  /**
   * Resolves when the stream accepts more data, or after Ctrl-C.
   *
   * @throws OutputClosed
   * @throws FileError
   */
  async write(data: Uint8Array | string): Promise<void> {
    if (this.#error === null && !this.#stream.write(data)) {
      await once(this.#stream, 'drain', { signal: this.#signal }).catch(() => {})
    }
    this.#throwIfFailed()
  }

  /** Resolves when everything is written. A full disk may be reported only now. */
  async flush(): Promise<void> {
    if (this.#error === null) {
      await new Promise<void>((resolve) => this.#stream.write('', () => resolve()))
    }
    this.#throwIfFailed()
  }

  #throwIfFailed(): void {
    if (this.#error === null) return
    const { code } = this.#error as NodeJS.ErrnoException
    if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') {
      throw new OutputClosed('the output was closed')
    }
    throw new FileError(`Could not write the output: ${describeSystemError(this.#error)}`)
  }

  /** Writes a short message without waiting. Errors are ignored. */
  writeMessage(text: string): void {
    if (this.#error === null) this.#stream.write(text)
  }
}
