import type { OnReadOpts } from 'node:net'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { BackendSocket, SocketHandler, TlsTarget } from './backend.ts'
import {
  forgetWriteError,
  requestDrain,
  surviveWriteErrors,
  tellsUnsentBytes,
  unsentBytes,
} from './node-internals.ts'
import { keepSession } from './node-tls.ts'
import { PacedWrites } from './paced-writes.ts'
import type { SocketStream } from './socket-stream.ts'

/**
 * Where a socket's first read goes, to be copied from. Node asks for that target inside `connect`,
 * where no handler is called. Reading and calling back are one step, so all sockets share it.
 */
const firstTarget: Uint8Array = Buffer.allocUnsafeSlow(65_536)

/** The handler of a socket that belongs to the TLS above it. */
const deaf: SocketHandler = {
  onConnect() {},
  onSecure() {},
  readTarget: () => firstTarget,
  onRead() {},
  onDrain() {},
  onWriteError() {},
  onEnd() {},
  onClose() {},
}

const OWNER = Symbol('hawser')

type OwnedSocket = Socket & { [OWNER]: NodeSocket }

/** Shared by all sockets: a closure for each event would cost each idle connection 400 bytes. */
const listeners = {
  connect(this: OwnedSocket) {
    this[OWNER].handler.onConnect()
  },
  drain(this: OwnedSocket) {
    this[OWNER].onDrained()
  },
  /** After `end` no 'drain' comes. */
  finish(this: OwnedSocket) {
    this[OWNER].onDrained()
  },
  end(this: OwnedSocket) {
    if (!this.destroyed) this[OWNER].handler.onEnd()
  },
  error(this: OwnedSocket, error: Error) {
    this[OWNER].onFailed(error)
  },
  close(this: OwnedSocket) {
    this[OWNER].onClosed()
  },
}

const EVENTS = ['connect', 'drain', 'finish', 'end', 'error', 'close'] as const

export class NodeSocket implements BackendSocket {
  handler: SocketHandler
  readonly #socket: Socket
  #blocked = false
  #writeFailed = false
  /** Only where it is needed: for a large write, from then on. */
  #paced: PacedWrites | null = null
  #ending = false
  #reason: Error | null = null

  /** What it speaks over, if it is not the operating system. */
  readonly #below: SocketStream | undefined
  readonly isSecure: boolean

  /** @param open What it throws, the socket closes with. */
  constructor(
    handler: SocketHandler,
    tls: TlsTarget | null | undefined,
    open: (onread: OnReadOpts) => Socket,
    below?: SocketStream,
  ) {
    this.handler = handler
    this.isSecure = Boolean(tls)
    this.#below = below
    let opening = true
    let target = firstTarget
    let armedFor = handler
    const onread = {
      buffer: () => {
        armedFor = this.handler
        target = opening ? firstTarget : armedFor.readTarget()
        return target
      },
      callback: (length: number) => {
        const known = target !== firstTarget && armedFor === this.handler
        if (known) this.handler.onRead(length)
        else this.#deliver(target.subarray(0, length))
        return true
      },
    }
    try {
      this.#socket = open(onread)
      this.#listen()
      if (tls) this.#listenSecure(this.#socket as TLSSocket, tls)
    } catch (error) {
      this.#socket = new Socket().destroy(error as Error)
      this.#listen()
    }
    opening = false
    surviveWriteErrors(this.#socket)
    this.#socket.unref()
  }

  #listen(): void {
    const socket = this.#socket as OwnedSocket
    socket[OWNER] = this
    for (const event of EVENTS) socket.on(event, listeners[event])
  }

  /** For the listeners. */
  onDrained(): void {
    if (!this.#blocked || this.#waitingBytes > 0) return
    if (this.#bytesBelow > 0) return
    this.#blocked = false
    this.handler.onDrain()
  }

  onClosed(): void {
    this.handler.onClose(this.#reason)
  }

  #listenSecure(socket: TLSSocket, tls: TlsTarget): void {
    socket.on('secureConnect', () => this.handler.onSecure())
    socket.on('session', (session) => {
      if (!socket.destroyed) keepSession(session, tls)
    })
  }

  /** Whatever destroys the socket is the reason it closes; what leaves it alive was a write. */
  onFailed(error: Error): void {
    const socket = this.#socket as Socket & { readonly secureConnecting?: boolean }
    if (socket.destroyed || socket.secureConnecting) {
      this.#reason = error
      socket.destroy()
      return
    }
    forgetWriteError(socket)
    if (this.#writeFailed) return
    this.#writeFailed = true
    this.handler.onWriteError(error)
  }

  #deliver(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && !this.#socket.destroyed) {
      const target = this.handler.readTarget()
      const piece = bytes.subarray(at, at + target.length)
      target.set(piece)
      at += piece.length
      this.handler.onRead(piece.length)
    }
  }

  /** For sockets over which `onread` does nothing. */
  readByEvents(): this {
    this.#socket.on('data', (bytes) => this.#deliver(bytes))
    return this
  }

  /** Nothing comes from the peer any more. */
  get finished(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded
  }

  /** The socket itself, for TLS to be spoken over it. Nothing is heard here from now on. */
  giveUp(): Socket {
    this.handler = deaf
    return this.#socket
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed) return true
    const socket = this.#socket
    if (this.#paced === null && isLarge(data, tail) && !tellsUnsentBytes(socket)) {
      this.#paced = new PacedWrites(socket, () => {
        if (this.#ending) socket.end()
        this.onDrained()
      })
    }
    if (this.#paced !== null) return this.#writePaced(this.#paced, data, tail)
    if (tail !== undefined) socket.cork()
    // A callback for each write would cost 0.5 us, 'drain' for each 0.2 us.
    if (typeof data === 'string') socket.write(data, 'latin1')
    else socket.write(data)
    if (tail !== undefined) {
      socket.write(tail)
      socket.uncork()
    }
    if ((socket.writableLength === 0 || unsentBytes(socket) === 0) && this.#bytesBelow === 0) {
      return true
    }
    this.#blocked = true
    requestDrain(socket)
    return false
  }

  #writePaced(paced: PacedWrites, data: string | Uint8Array, tail?: Uint8Array): boolean {
    paced.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    if (tail !== undefined) paced.write(tail)
    if (this.pendingBytes() === 0) return true
    this.#blocked = true
    return false
  }

  /** Encrypted, and not taken. */
  get #bytesBelow(): number {
    return this.#below?.writableLength ?? 0
  }

  get #waitingBytes(): number {
    return this.#paced?.waitingBytes ?? 0
  }

  pendingBytes(): number {
    return this.#waitingBytes + unsentBytes(this.#socket) + this.#bytesBelow
  }

  end(): void {
    if (this.#writeFailed) return
    this.#ending = true
    if (this.#waitingBytes === 0) this.#socket.end()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  keepAlive(on: boolean): void {
    this.#below?.socket.keepAlive(on)
    if (on) this.#socket.ref()
    else this.#socket.unref()
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress ?? this.#below?.socket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort ?? this.#below?.socket.remotePort
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress ?? this.#below?.socket.localAddress
  }

  get localPort(): number | undefined {
    return this.#socket.localPort ?? this.#below?.socket.localPort
  }

  get alpnProtocol(): string | false {
    return (this.#socket as Partial<TLSSocket>).alpnProtocol || false
  }
}

function isLarge(data: string | Uint8Array, tail: Uint8Array | undefined): boolean {
  return data.length + (tail?.length ?? 0) > 65_536
}
