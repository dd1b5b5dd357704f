import type {
  BackendSocket,
  ConnectTarget,
  SocketHandler,
  TlsTarget,
} from '../../src/backends/backend.ts'
import { settle } from './scripted-clock.ts'

/** How data is delivered to the engine. */
export interface Delivery {
  /** Delivers even if the socket is paused, as real sockets may do shortly after a pause. */
  readonly late?: boolean
}

/**
 * A socket of the engine. The test plays the peer: its calls deliver events at once, without
 * microtasks in between. Consecutive calls of `receive` behave like Bun and Deno; with `settle`
 * between them, they behave like Node.js.
 */
export class ScriptedSocket implements BackendSocket {
  handler: SocketHandler
  readonly target: ConnectTarget
  readonly tls: TlsTarget | null
  /** The TLS session that the store had when the socket was opened. */
  readonly offeredSession: Uint8Array | undefined
  /** The socket of the tunnel that carries this TLS connection. */
  readonly tunnel: ScriptedSocket | null
  /** Bytes of the tunnel that were passed to TLS. */
  readonly firstBytes: Uint8Array | null
  /** Whether the engine has called `destroy`. */
  destroyed = false
  /** Whether the engine has called `end`. */
  ended = false
  paused = false
  /** Whether no more events follow: the socket was destroyed, reset, or taken over by TLS. */
  closed = false
  /** The last argument of `keepAlive`. */
  keepsProcessAlive = false
  /** Called when a call of `receive`, `receiveEnd` or `reset` has delivered its event. */
  onDelivered: () => void = () => {}
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined

  #readTarget: Uint8Array | null = null
  #incoming: (Uint8Array | 'end')[] = []
  #accepted: Buffer[] = []
  #blockedWrites: Buffer[] = []
  #blocked = false
  #drainPending = false
  #writeError: Error | null = null
  #writeErrorReported = false

  constructor(
    handler: SocketHandler,
    target: ConnectTarget,
    tls: TlsTarget | null,
    below: ScriptedSocket | null,
    firstBytes: Uint8Array | null = null,
  ) {
    this.handler = handler
    this.target = target
    this.tls = tls
    this.offeredSession = tls?.sessions?.get()
    this.tunnel = below
    this.firstBytes = firstBytes
    this.remoteAddress = target.address
    this.remotePort = target.port
    if (below !== null) below.closed = true
  }

  // Methods for tests.

  connected(): void {
    this.#checkOpen()
    this.handler.onConnect()
  }

  secured(): void {
    this.#checkOpen()
    if (this.tls === null) throw new Error('no TLS was requested')
    this.handler.onSecure()
  }

  session(session: Uint8Array): void {
    this.#checkOpen()
    this.tls?.sessions?.set(session)
  }

  /**
   * Delivers bytes. Strings are latin1. A paused socket delivers them on `resume`, unless `late`.
   */
  receive(data: string | Uint8Array, { late = false }: Delivery = {}): void {
    this.#checkOpen()
    this.#incoming.push(toBytes(data))
    this.#deliver(late)
    this.onDelivered()
  }

  /** Delivers chunks of `size` bytes, and settles after each. */
  async receivePieces(data: string | Uint8Array, size = 1): Promise<void> {
    const bytes = toBytes(data)
    for (let at = 0; at < bytes.length; at += size) {
      this.receive(bytes.subarray(at, at + size))
      await settle()
    }
  }

  /** Delivers the end of the peer's data (FIN). */
  receiveEnd({ late = false }: Delivery = {}): void {
    this.#checkOpen()
    this.#incoming.push('end')
    this.#deliver(late)
    this.onDelivered()
  }

  /** Fails the connection attempt, or resets the connection. */
  reset(error: Error = errorOf('ECONNRESET', 'read')): void {
    this.#checkOpen()
    this.#close(error)
    this.onDelivered()
  }

  /** Makes all writes fail from now on. Reading is not affected. */
  failWrites(error: Error = errorOf('EPIPE', 'write')): void {
    this.#writeError = error
    if (this.#blockedWrites.length > 0) this.#reportWriteError()
  }

  /** Blocks writes, as a full send buffer of the operating system does. */
  block(): void {
    this.#blocked = true
  }

  /** Accepts `bytes` of the blocked bytes. Without an argument, accepts all and further writes. */
  unblock(bytes?: number): void {
    if (bytes === undefined) this.#blocked = false
    let room = bytes ?? Number.POSITIVE_INFINITY
    for (
      let next = this.#blockedWrites[0];
      next !== undefined && room > 0;
      next = this.#blockedWrites[0]
    ) {
      this.#accepted.push(Buffer.from(next.subarray(0, room)))
      if (next.length > room) this.#blockedWrites[0] = next.subarray(room)
      else this.#blockedWrites.shift()
      room -= next.length
    }
    if (this.#blockedWrites.length > 0 || !this.#drainPending) return
    this.#drainPending = false
    if (!this.closed) this.handler.onDrain()
  }

  /** All bytes that the engine wrote, including blocked ones. */
  get writtenBytes(): Buffer {
    return Buffer.concat([...this.#accepted, ...this.#blockedWrites])
  }

  /** All bytes that the engine wrote, as latin1. */
  get written(): string {
    return this.writtenBytes.latin1Slice()
  }

  /** Returns the accepted bytes since the last call, as latin1. */
  takeWritten(): string {
    const text = Buffer.concat(this.#accepted).latin1Slice()
    this.#accepted = []
    return text
  }

  // Methods for the engine.

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    const accepted = this.#writeOne(data)
    return tail === undefined ? accepted : this.#writeOne(tail)
  }

  #writeOne(data: string | Uint8Array): boolean {
    if (data.length === 0) throw new Error('contract: an empty write')
    if (this.ended) throw new Error('contract: a write after end')
    if (this.closed) return true
    if (this.#writeError !== null) {
      queueMicrotask(() => this.#reportWriteError())
      return true
    }
    if (this.#blocked) {
      // The bytes are not copied, so that a test notices if their owner changes them before
      // `onDrain`.
      this.#blockedWrites.push(typeof data === 'string' ? toBytes(data) : viewOf(data))
      this.#drainPending = true
      return false
    }
    this.#accepted.push(toBytes(data))
    return true
  }

  pendingBytes(): number {
    return this.#blockedWrites.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  end(): void {
    this.ended = true
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    queueMicrotask(() => this.#deliver(false))
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.tunnel?.destroy()
    queueMicrotask(() => this.#close(null))
  }

  keepAlive(on: boolean): void {
    this.keepsProcessAlive = on
  }

  #deliver(late: boolean): void {
    while (!this.destroyed && !this.closed && (late || !this.paused)) {
      const next = this.#incoming[0]
      if (next === undefined) return
      if (next === 'end') {
        this.#incoming.shift()
        this.handler.onEnd()
      } else {
        this.#read(next)
      }
    }
  }

  /** Requests the next target right after each read, even if destroyed, as Node.js does. */
  #read(bytes: Uint8Array): void {
    const target = this.#readTarget ?? this.handler.readTarget()
    if (target.length === 0) throw new Error('contract: readTarget is empty')
    const piece = bytes.subarray(0, target.length)
    if (piece.length < bytes.length) this.#incoming[0] = bytes.subarray(piece.length)
    else this.#incoming.shift()
    target.set(piece)
    this.handler.onRead(piece.length)
    this.#readTarget = this.handler.readTarget()
  }

  #reportWriteError(): void {
    if (this.closed || this.destroyed || this.#writeErrorReported || this.#writeError === null)
      return
    this.#writeErrorReported = true
    this.#blockedWrites = []
    this.#drainPending = false
    this.handler.onWriteError(this.#writeError)
  }

  #close(error: Error | null): void {
    if (this.closed) return
    this.closed = true
    this.#incoming = []
    this.handler.onClose(error)
  }

  #checkOpen(): void {
    if (this.closed) throw new Error('this socket is closed')
  }
}

/** Copies the data, so that the test can reuse its buffer. */
function toBytes(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function errorOf(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
}
