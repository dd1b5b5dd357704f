import { Duplex } from 'node:stream'
import type { BackendSocket, SocketHandler } from './backend.ts'

/** A socket as a stream, for TLS to be spoken over it: whoever makes it has it for himself. */
export class SocketStream extends Duplex {
  readonly socket: BackendSocket
  /** All that was written to the stream has been taken: Bun's TLS writes without waiting for it. */
  onSent: () => void = () => {}
  /** Where reads go; each is copied, since a stream keeps what it is given. */
  readonly #target = new Uint8Array(16_384)
  #written: ((error?: Error | null) => void) | null = null
  #paused = false
  #gone = false
  #closed: ((error: Error | null) => void) | null = null

  /** @param onConnect The socket may be connecting still; what is written waits in it. */
  constructor(open: (handler: SocketHandler) => BackendSocket, onConnect: () => void = () => {}) {
    super({ allowHalfOpen: true })
    this.socket = open({
      onConnect,
      onSecure() {},
      readTarget: () => this.#target,
      onRead: (length) => {
        if (this.push(Buffer.from(this.#target.subarray(0, length)))) return
        this.#paused = true
        this.socket.pause()
      },
      onDrain: () => this.#sent(null),
      onWriteError: (error) => this.#sent(error),
      onEnd: () => void this.push(null),
      onClose: (error) => {
        this.#gone = true
        if (this.#closed !== null) this.#closed(error)
        else this.destroy(error ?? undefined)
      },
    })
  }

  #sent(error: Error | null): void {
    const done = this.#written
    this.#written = null
    done?.(error)
    if (this.writableLength === 0) this.onSent()
  }

  override _read(): void {
    if (!this.#paused) return
    this.#paused = false
    this.socket.resume()
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#written = done
    // A failed write is told later: `done` waits for the next event of the loop at least.
    if (this.socket.write(chunk)) queueMicrotask(() => this.#sent(null))
  }

  override _final(done: () => void): void {
    this.socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#gone) return done(error)
    this.#closed = () => done(error)
    this.socket.destroy()
  }
}
