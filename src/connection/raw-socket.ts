import { Duplex } from 'node:stream'
import type { BackendSocket, SocketHandler } from '../backends/backend.ts'
import { UNSET_STREAM_OPTIONS } from '../models/stream-options.ts'

const READ_SIZE = 65_536

/** A connection after Upgrade or CONNECT. It belongs to the caller and keeps the process alive. */
class RawSocket extends Duplex implements SocketHandler {
  readonly #socket: BackendSocket
  readonly #target = Buffer.allocUnsafeSlow(READ_SIZE)
  #onDrained: (() => void) | null = null
  #onClosed: ((error: Error | null) => void) | null = null
  #closed = false

  constructor(socket: BackendSocket) {
    super({ ...UNSET_STREAM_OPTIONS, allowHalfOpen: true })
    this.#socket = socket
    socket.handler = this
    socket.keepAlive(true)
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(
    chunk: Buffer,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    if (chunk.length === 0 || this.#socket.write(chunk)) return callback()
    this.#onDrained = callback
  }

  override _final(callback: () => void): void {
    this.#socket.end()
    callback()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#closed) return callback(error)
    this.#onClosed = () => callback(error)
    this.#socket.destroy()
  }

  readTarget(): Uint8Array {
    return this.#target
  }

  onRead(length: number): void {
    if (!this.push(Buffer.from(this.#target.subarray(0, length)))) this.#socket.pause()
  }

  onDrain(): void {
    const drained = this.#onDrained
    this.#onDrained = null
    drained?.()
  }

  onEnd(): void {
    this.push(null)
  }

  onWriteError(error: Error): void {
    this.destroy(error)
  }

  onClose(error: Error | null): void {
    this.#closed = true
    const closed = this.#onClosed
    if (closed !== null) closed(error)
    else this.destroy(error ?? undefined)
  }

  onConnect(): void {}
  onSecure(): void {}
}

/** Returns the socket as a stream, which becomes the socket's handler. */
export function openRawSocket(socket: BackendSocket): Duplex {
  return new RawSocket(socket)
}
