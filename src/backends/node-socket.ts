import type { OnReadOpts } from 'node:net'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { UNSET_SOCKET_OPTIONS } from '../models/stream-options.ts'
import type { BackendSocket, SocketHandler, TlsTarget } from './backend.ts'
import {
  forgetWriteError,
  hideInheritedBlockList,
  reportsUnsentBytes,
  requestDrain,
  surviveWriteErrors,
  unsentBytes,
} from './node-internals.ts'
import { storeSession } from './node-tls.ts'
import { bunApi } from './other-runtimes.ts'
import { PacedWrites } from './paced-writes.ts'
import type { SocketStream } from './socket-stream.ts'
import { systemClock } from './system-clock.ts'

/**
 * The target of a socket's first read, which is copied to the handler's target. Node asks for the
 * first target inside `connect`, where handlers must not be called. All sockets share it, because
 * Node reads and calls back in one step.
 */
const sharedTarget: Uint8Array = Buffer.allocUnsafeSlow(65_536)

/** The handler of a socket that is closing, or that TLS has taken over. */
const ignoringHandler: SocketHandler = {
  onConnect() {},
  onSecure() {},
  readTarget: () => sharedTarget,
  onRead() {},
  onDrain() {},
  onWriteError() {},
  onEnd() {},
  onClose() {},
}

/** The property of a Node socket that refers to its `NodeSocket`. */
const OWNER = Symbol('hawser')

type OwnedSocket = Socket & { [OWNER]: NodeSocket }

/** Shared by all sockets: a closure per event would cost 400 bytes for each idle connection. */
const listeners = {
  connect(this: OwnedSocket) {
    this[OWNER].handler.onConnect()
  },
  drain(this: OwnedSocket) {
    this[OWNER].onDrain()
  },
  /** After `end`, Node emits no 'drain'. */
  finish(this: OwnedSocket) {
    this[OWNER].onDrain()
  },
  end(this: OwnedSocket) {
    if (!this.destroyed) this[OWNER].handler.onEnd()
  },
  error(this: OwnedSocket, error: Error) {
    this[OWNER].onError(error)
  },
  close(this: OwnedSocket) {
    this[OWNER].onClose()
  },
}

const EVENTS = ['connect', 'drain', 'finish', 'end', 'error', 'close'] as const

/** A socket of `node:net` or `node:tls`. */
export class NodeSocket implements BackendSocket {
  handler: SocketHandler
  readonly #socket: Socket
  #awaitsDrain = false
  #writeFailed = false
  /** Used from the first large write on, if the runtime does not report the progress of writes. */
  #pacedWrites: PacedWrites | null = null
  #ending = false
  #closeError: Error | null = null
  /** The handler at the call of `destroy`, if the peer is notified before the socket closes. */
  #closingHandler: SocketHandler | null = null
  #isHandshakeDone = false

  /** The stream that TLS runs over; undefined if the socket belongs to the operating system. */
  readonly #underlying: SocketStream | undefined
  /** Whether this is a TLS connection. */
  readonly isSecure: boolean

  /**
   * @param open creates the Node socket. If it throws, the socket closes with that error
   * @param underlying the stream that TLS runs over, if `open` creates a socket over a stream
   */
  constructor(
    handler: SocketHandler,
    tls: TlsTarget | null | undefined,
    open: (onread: OnReadOpts) => Socket,
    underlying?: SocketStream,
  ) {
    this.handler = handler
    this.isSecure = Boolean(tls)
    this.#underlying = underlying
    let opening = true
    let target = sharedTarget
    let targetOwner = handler
    const onread = {
      buffer: () => {
        targetOwner = this.handler
        target = opening ? sharedTarget : targetOwner.readTarget()
        return target
      },
      callback: (length: number) => {
        const isHandlersTarget = target !== sharedTarget && targetOwner === this.handler
        if (isHandlersTarget) this.handler.onRead(length)
        else this.#deliver(target.subarray(0, length))
        return true
      },
    }
    try {
      this.#socket = open(onread)
      this.#listen()
      if (tls) this.#listenSecure(this.#socket as TLSSocket, tls)
    } catch (error) {
      this.#socket = new Socket({ ...UNSET_SOCKET_OPTIONS }).destroy(error as Error)
      this.#listen()
    }
    opening = false
    surviveWriteErrors(this.#socket)
    hideInheritedBlockList(this.#socket)
    this.#socket.unref()
  }

  #listen(): void {
    const socket = this.#socket as OwnedSocket
    socket[OWNER] = this
    for (const event of EVENTS) socket.on(event, listeners[event])
  }

  // `onDrain`, `onClose` and `onError` are for the shared listeners.

  onDrain(): void {
    if (!this.#awaitsDrain || this.#waitingBytes > 0) return
    // Deno and Bun complete the writes that a failed stream drops without an error.
    if (this.#socket.destroyed || this.#underlying?.hasFailed) return
    if (this.#underlyingBytes > 0) return
    this.#awaitsDrain = false
    this.handler.onDrain()
  }

  onClose(): void {
    const handler = this.#closingHandler ?? this.handler
    handler.onClose(this.#closeError)
  }

  #listenSecure(socket: TLSSocket, tls: TlsTarget): void {
    socket.on('secureConnect', () => {
      this.#isHandshakeDone = true
      this.handler.onSecure()
    })
    socket.on('session', (session) => {
      if (!socket.destroyed) storeSession(session, tls)
    })
  }

  /** An error that has destroyed the socket is its close reason. Any other is a write error. */
  onError(error: Error): void {
    if (this.#closingHandler !== null) return
    const socket = this.#socket as Socket & { readonly secureConnecting?: boolean }
    if (socket.destroyed || socket.secureConnecting) {
      this.#closeError = error
      socket.destroy()
      return
    }
    forgetWriteError(socket)
    if (this.#writeFailed) return
    this.#writeFailed = true
    this.handler.onWriteError(error)
  }

  /** Copies bytes into targets of the handler. */
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

  /** Reads with 'data' events, for sockets that ignore the option `onread`. */
  readWithDataEvents(): this {
    this.#socket.on('data', (bytes) => this.#deliver(bytes))
    return this
  }

  /** Whether no more data of the peer follows. */
  get readEnded(): boolean {
    const isClosing = this.#closingHandler !== null
    return isClosing || this.#socket.destroyed || this.#socket.readableEnded
  }

  /** Returns the Node socket, to start TLS over it. The handler receives nothing from now on. */
  detach(): Socket {
    this.handler = ignoringHandler
    this.#closingHandler = null
    return this.#socket
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed) return true
    const socket = this.#socket
    if (this.#pacedWrites === null && isLarge(data, tail) && !reportsUnsentBytes(socket)) {
      this.#pacedWrites = new PacedWrites(socket, () => {
        if (this.#ending) socket.end()
        this.onDrain()
      })
    }
    if (this.#pacedWrites !== null) return this.#writePaced(this.#pacedWrites, data, tail)
    if (tail !== undefined) socket.cork()
    // A callback for each write would cost 0.5 us, a 'drain' event for each 0.2 us.
    if (typeof data === 'string') socket.write(data, 'latin1')
    else socket.write(data)
    if (tail !== undefined) {
      socket.write(tail)
      socket.uncork()
    }
    if ((socket.writableLength === 0 || unsentBytes(socket) === 0) && this.#underlyingBytes === 0) {
      return true
    }
    this.#awaitsDrain = true
    requestDrain(socket)
    return false
  }

  #writePaced(writes: PacedWrites, data: string | Uint8Array, tail?: Uint8Array): boolean {
    writes.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    if (tail !== undefined) writes.write(tail)
    if (this.pendingBytes() === 0) return true
    this.#awaitsDrain = true
    return false
  }

  /** Encrypted bytes that the underlying stream has not accepted. */
  get #underlyingBytes(): number {
    return this.#underlying?.writableLength ?? 0
  }

  /** Bytes that the paced writes have not passed to the socket. */
  get #waitingBytes(): number {
    return this.#pacedWrites?.waitingBytes ?? 0
  }

  pendingBytes(): number {
    return this.#waitingBytes + unsentBytes(this.#socket) + this.#underlyingBytes
  }

  end(): void {
    if (this.#writeFailed) return
    this.#ending = true
    if (this.#waitingBytes === 0) this.#socket.end()
  }

  pause(): void {
    this.#underlying?.stopReading()
    this.#socket.pause()
  }

  resume(): void {
    this.#underlying?.continueReading()
    this.#socket.resume()
  }

  destroy(): void {
    if (this.#closingHandler !== null) return
    if (!this.#canNotifyPeer()) {
      this.#socket.destroy()
      return
    }
    // The handler must not receive the events that follow `end`, or that Node delivers inside it.
    this.#closingHandler = this.handler
    this.handler = ignoringHandler
    this.#writeFailed = true
    this.#socket.end()
    // Bun, and TLS over a stream, send the alert later. The answer of the peer is not awaited.
    if (bunApi() || this.#underlying) systemClock.afterPending(() => this.#socket.destroy())
    else this.#socket.destroy()
  }

  /**
   * Whether to send the alert close_notify before the connection is closed (RFC 9112 9.8). Not
   * before the handshake, and not behind bytes that the peer does not accept.
   */
  #canNotifyPeer(): boolean {
    const { destroyed } = this.#socket
    if (!this.#isHandshakeDone || destroyed || this.#ending || this.#writeFailed) return false
    return !this.#underlying?.hasFailed && this.pendingBytes() === 0
  }

  keepAlive(on: boolean): void {
    this.#underlying?.socket.keepAlive(on)
    if (on) this.#socket.ref()
    else this.#socket.unref()
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress ?? this.#underlying?.socket.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort ?? this.#underlying?.socket.remotePort
  }
}

function isLarge(data: string | Uint8Array, tail: Uint8Array | undefined): boolean {
  return data.length + (tail?.length ?? 0) > 65_536
}
