import type {
  BackendSocket,
  ConnectTarget,
  SocketHandler,
  TlsTarget,
} from '../../src/backends/backend.ts'
import { settle } from './scripted-clock.ts'

/** What a test does with a paused socket: `late` is said all the same, as real sockets do. */
export interface Delivery {
  readonly late?: boolean
}

/**
 * The engine's end of a connection that a test plays the other end of. What the test says is
 * delivered at once, inside the test's call, without microtasks in between: several `receive` in a
 * row are what Bun and Deno do; with `settle` between them, what Node does.
 */
export class ScriptedSocket implements BackendSocket {
  handler: SocketHandler
  readonly target: ConnectTarget
  readonly tls: TlsTarget | null
  /** The TLS session that the store had when the socket was opened. */
  readonly offered: Uint8Array | undefined
  /** The tunnel below this socket's TLS. */
  readonly below: ScriptedSocket | null
  /** What TLS was given of the tunnel's bytes. */
  readonly firstBytes: Uint8Array | null
  /** The engine has called `destroy`. */
  destroyed = false
  /** The engine has called `end`. */
  ended = false
  paused = false
  /** No event comes any more: destroyed, reset, or given to TLS above. */
  closed = false
  /** By `keepAlive`. */
  keptAlive = false
  alpnProtocol: string | false = false
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined

  #readTarget: Uint8Array | null = null
  #arriving: (Uint8Array | 'end')[] = []
  #taken: Buffer[] = []
  #waiting: Buffer[] = []
  #blocked = false
  #drainOwed = false
  #writeError: Error | null = null
  #writeErrorTold = false

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
    this.offered = tls?.sessions?.get()
    this.below = below
    this.firstBytes = firstBytes
    this.remoteAddress = target.address
    this.remotePort = target.port
    this.localAddress = target.path === undefined ? (target.localAddress ?? '127.0.0.1') : undefined
    this.localPort = target.path === undefined ? 49_152 : undefined
    if (below !== null) below.closed = true
  }

  // What a test does.

  connected(): void {
    this.#checkOpen()
    this.handler.onConnect()
  }

  secured(alpnProtocol: string | false = 'http/1.1'): void {
    this.#checkOpen()
    if (this.tls === null) throw new Error('no TLS was asked for')
    this.alpnProtocol = alpnProtocol
    this.handler.onSecure()
  }

  session(session: Uint8Array): void {
    this.#checkOpen()
    this.tls?.sessions?.set(session)
  }

  /** Strings are latin1. On a paused socket all waits for `resume`, unless it is `late`. */
  receive(data: string | Uint8Array, { late = false }: Delivery = {}): void {
    this.#checkOpen()
    this.#arriving.push(toBytes(data))
    this.#deliver(late)
  }

  /** In pieces of `size` bytes, with everything settled after each. */
  async receivePieces(data: string | Uint8Array, size = 1): Promise<void> {
    const bytes = toBytes(data)
    for (let at = 0; at < bytes.length; at += size) {
      this.receive(bytes.subarray(at, at + size))
      await settle()
    }
  }

  /** The peer finishes sending. */
  receiveEnd({ late = false }: Delivery = {}): void {
    this.#checkOpen()
    this.#arriving.push('end')
    this.#deliver(late)
  }

  /** The attempt fails, or the connection breaks. */
  reset(error: Error = errorOf('ECONNRESET', 'read')): void {
    this.#checkOpen()
    this.#close(error)
  }

  /** No write succeeds any more; reading goes on. */
  failWrites(error: Error = errorOf('EPIPE', 'write')): void {
    this.#writeError = error
    if (this.#waiting.length > 0) this.#tellWriteError()
  }

  /** The operating system takes no more bytes. */
  block(): void {
    this.#blocked = true
  }

  /** It takes so many of those that wait; without a number all, and further writes too. */
  unblock(bytes?: number): void {
    if (bytes === undefined) this.#blocked = false
    let room = bytes ?? Number.POSITIVE_INFINITY
    for (let next = this.#waiting[0]; next !== undefined && room > 0; next = this.#waiting[0]) {
      this.#taken.push(Buffer.from(next.subarray(0, room)))
      if (next.length > room) this.#waiting[0] = next.subarray(room)
      else this.#waiting.shift()
      room -= next.length
    }
    if (this.#waiting.length > 0 || !this.#drainOwed) return
    this.#drainOwed = false
    if (!this.closed) this.handler.onDrain()
  }

  /** All that the engine wrote, taken or waiting. */
  get writtenBytes(): Buffer {
    return Buffer.concat([...this.#taken, ...this.#waiting])
  }

  /** The same as latin1. */
  get written(): string {
    return this.writtenBytes.latin1Slice()
  }

  /** What was taken since the last call, as latin1. */
  takeWritten(): string {
    const taken = Buffer.concat(this.#taken).latin1Slice()
    this.#taken = []
    return taken
  }

  // What the engine does.

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    const taken = this.#writeOne(data)
    return tail === undefined ? taken : this.#writeOne(tail)
  }

  #writeOne(data: string | Uint8Array): boolean {
    if (data.length === 0) throw new Error('contract: a write of nothing')
    if (this.ended) throw new Error('contract: a write after end')
    if (this.closed) return true
    if (this.#writeError !== null) {
      queueMicrotask(() => this.#tellWriteError())
      return true
    }
    if (this.#blocked) {
      // Not copied: bytes that their owner changes before `onDrain` show.
      this.#waiting.push(typeof data === 'string' ? toBytes(data) : viewOf(data))
      this.#drainOwed = true
      return false
    }
    this.#taken.push(toBytes(data))
    return true
  }

  pendingBytes(): number {
    return this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0)
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
    this.below?.destroy()
    queueMicrotask(() => this.#close(null))
  }

  keepAlive(on: boolean): void {
    this.keptAlive = on
  }

  #deliver(late: boolean): void {
    while (!this.destroyed && !this.closed && (late || !this.paused)) {
      const next = this.#arriving[0]
      if (next === undefined) return
      if (next === 'end') {
        this.#arriving.shift()
        this.handler.onEnd()
      } else {
        this.#read(next)
      }
    }
  }

  /** As Node does it: the next target is asked for right after each read, destroyed or not. */
  #read(bytes: Uint8Array): void {
    const target = this.#readTarget ?? this.handler.readTarget()
    if (target.length === 0) throw new Error('contract: readTarget is empty')
    const piece = bytes.subarray(0, target.length)
    if (piece.length < bytes.length) this.#arriving[0] = bytes.subarray(piece.length)
    else this.#arriving.shift()
    target.set(piece)
    this.handler.onRead(piece.length)
    this.#readTarget = this.handler.readTarget()
  }

  #tellWriteError(): void {
    if (this.closed || this.destroyed || this.#writeErrorTold || this.#writeError === null) return
    this.#writeErrorTold = true
    this.#waiting = []
    this.#drainOwed = false
    this.handler.onWriteError(this.#writeError)
  }

  #close(error: Error | null): void {
    if (this.closed) return
    this.closed = true
    this.#arriving = []
    this.handler.onClose(error)
  }

  #checkOpen(): void {
    if (this.closed) throw new Error('this socket is closed')
  }
}

/** A copy: what a test sends does not change on the way. */
function toBytes(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data)
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function errorOf(code: string, syscall: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall })
}
