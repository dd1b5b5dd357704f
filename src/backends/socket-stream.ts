import { Duplex } from 'node:stream'
import { UNSET_STREAM_OPTIONS } from '../models/stream-options.ts'
import type { BackendSocket, SocketHandler } from './backend.ts'
import { microtask } from './runtime-timers.ts'

/** A stream over a socket, so that `node:tls` can use it. The stream owns the socket. */
export class SocketStream extends Duplex {
  readonly socket: BackendSocket
  /** Called when the socket has accepted all data. Bun's TLS does not wait for its writes. */
  onAllWritten: () => void = () => {}
  /** The read target. Each read is copied, because a stream keeps the chunks that are pushed. */
  readonly #target = new Uint8Array(16_384)
  #writeCallback: ((error?: Error | null) => void) | null = null
  /** Whether the buffer of the stream is full. */
  #isFull = false
  /** Whether `stopReading` was called. */
  #isStopped = false
  #socketClosed = false
  #destroyCallback: ((error: Error | null) => void) | null = null

  /**
   * @param open may return a socket that is still connecting: it queues what is written meanwhile
   */
  constructor(open: (handler: SocketHandler) => BackendSocket, onConnect: () => void = () => {}) {
    super({ ...UNSET_STREAM_OPTIONS, allowHalfOpen: true })
    this.socket = open({
      onConnect,
      onSecure() {},
      readTarget: () => this.#target,
      onRead: (length) => {
        if (this.push(Buffer.from(this.#target.subarray(0, length)))) return
        this.#isFull = true
        this.socket.pause()
      },
      onDrain: () => this.#completeWrite(null),
      onWriteError: (error) => this.#completeWrite(error),
      onEnd: () => void this.push(null),
      onClose: (error) => {
        this.#socketClosed = true
        if (this.#destroyCallback !== null) this.#destroyCallback(error)
        else this.destroy(error ?? undefined)
      },
    })
  }

  #completeWrite(error: Error | null): void {
    const done = this.#writeCallback
    this.#writeCallback = null
    done?.(error)
    if (this.writableLength === 0 && !this.hasFailed) this.onAllWritten()
  }

  /** Whether data may have been dropped. `writableLength` becomes 0 then, as if it was written. */
  get hasFailed(): boolean {
    return this.destroyed || this.errored !== null
  }

  override _read(): void {
    if (!this.#isFull) return
    this.#isFull = false
    if (!this.#isStopped) this.socket.resume()
  }

  /**
   * Stops reading from the socket. For a TLS socket over this stream that is paused: Deno's reads
   * on, and buffers everything.
   */
  stopReading(): void {
    this.#isStopped = true
    this.socket.pause()
  }

  /** Continues reading after `stopReading`. */
  continueReading(): void {
    this.#isStopped = false
    if (!this.#isFull) this.socket.resume()
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#writeCallback = done
    // Deferred, because a write error of the socket is reported later than `write` returns.
    if (this.socket.write(chunk)) microtask(() => this.#completeWrite(null))
  }

  override _final(done: () => void): void {
    this.socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#socketClosed) return done(error)
    this.#destroyCallback = () => done(error)
    this.socket.destroy()
  }
}
