import type { BackendSocket, ConnectTarget, SocketHandler } from './backend.ts'
import type { HostPort, PeerOwner } from './memory-peer.ts'
import { CAPACITY, MemoryPeer } from './memory-peer.ts'

const LOCAL_CLIENT: HostPort = ['127.0.0.1', 123]

/** One end of a connection inside the process; the other is `peer`, for an app to speak on. */
export class MemorySocket implements BackendSocket, PeerOwner {
  handler: SocketHandler
  readonly peer: MemoryPeer
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress = undefined
  readonly localPort = undefined
  alpnProtocol: string | false = false

  readonly #outgoing = new Channel()
  readonly #incoming = new Channel()
  /** Tells the peer that what it wrote was taken. */
  #taken: (() => void) | null = null
  #blocked = false
  #ended = false
  #endSent = false
  #paused = false
  #destroyed = false
  #closed = false
  #writeFailed = false
  #peerReads = false
  #peerEnded = false
  #peerEndTold = false
  #peerGone: { cause: Error | null } | null = null

  /** @param client what the app sees as the address of who connects */
  constructor(handler: SocketHandler, target: ConnectTarget = {}, client: HostPort = LOCAL_CLIENT) {
    this.handler = handler
    this.remoteAddress = target.address
    this.remotePort = target.port
    const { address, port, tls } = target
    this.peer = new MemoryPeer(this, client, [address, port], Boolean(tls))
  }

  // --- what the app does

  onPeerRead(): void {
    this.#peerReads = true
    this.#send()
  }

  onPeerWrite(bytes: Buffer, taken: () => void): void {
    if (this.#incoming.add(bytes)) taken()
    else this.#taken = taken
    this.#later(() => this.#deliver())
  }

  onPeerEnd(): void {
    this.#peerEnded = true
    this.#later(() => this.#deliver())
  }

  onPeerGone(cause: Error | null): void {
    this.#peerGone = { cause }
    this.#later(() => {
      this.#send()
      this.#deliver()
    })
  }

  // --- what the client does

  /** @param accept takes the peer; what it throws closes the connection. */
  connect(accept: () => void, tls: boolean): void {
    this.#later(() => {
      try {
        accept()
      } catch (error) {
        this.#close(error as Error)
        return
      }
      this.handler.onConnect()
      if (tls) this.secure(this.handler)
    })
  }

  secure(handler: SocketHandler, firstBytes: Uint8Array | null = null): void {
    this.handler = handler
    if (firstBytes !== null) this.#incoming.putBack(firstBytes)
    this.#later(() => {
      this.alpnProtocol = 'http/1.1'
      this.handler.onSecure()
      this.#later(() => this.#deliver())
    })
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed || this.#destroyed) return true
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    let fits = this.#outgoing.add(bytes)
    if (tail !== undefined) fits = this.#outgoing.add(tail)
    if (!fits) this.#blocked = true
    this.#later(() => this.#send())
    return fits
  }

  pendingBytes(): number {
    return this.#outgoing.size
  }

  end(): void {
    this.#ended = true
    this.#later(() => this.#send())
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#later(() => this.#deliver())
  }

  destroy(): void {
    this.#destroyed = true
    queueMicrotask(() => this.#close(null))
  }

  keepAlive(): void {}

  /** No handler and no app is called inside a call to the socket. */
  #later(callback: () => void): void {
    queueMicrotask(() => {
      if (!this.#destroyed && !this.#closed) callback()
    })
  }

  #send(): void {
    if (this.#destroyed || this.#closed) return
    if (this.#peerGone) {
      this.#failWrite()
      return
    }
    while (this.#peerReads && this.#outgoing.size > 0) {
      const bytes = Buffer.allocUnsafe(Math.min(this.#outgoing.size, CAPACITY))
      this.#outgoing.read(bytes)
      this.#peerReads = this.peer.deliver(bytes)
    }
    if (this.#outgoing.size > 0) return
    if (this.#ended && !this.#endSent) {
      this.#endSent = true
      this.peer.push(null)
    }
    if (!this.#blocked) return
    this.#blocked = false
    this.#later(() => this.handler.onDrain())
  }

  #failWrite(): void {
    if (this.#writeFailed || this.#outgoing.size === 0) return
    this.#writeFailed = true
    this.handler.onWriteError(errorOf('EPIPE', this.#peerGone?.cause))
  }

  /** One read at a time: what waits for its promise comes before the next, as on a socket. */
  #deliver(): void {
    if (this.#paused) return
    if (this.#incoming.size > 0) {
      const length = this.#incoming.read(this.handler.readTarget())
      this.handler.onRead(length)
      this.#acknowledge()
      this.#later(() => this.#deliver())
    } else if (this.#peerEnded) {
      this.#tellEnd()
    } else if (this.#peerGone) {
      this.#close(errorOf('ECONNRESET', this.#peerGone.cause))
    }
  }

  #acknowledge(): void {
    if (this.#incoming.size > 0) return
    const taken = this.#taken
    this.#taken = null
    taken?.()
  }

  #tellEnd(): void {
    if (this.#peerEndTold) return
    this.#peerEndTold = true
    this.handler.onEnd()
  }

  #close(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.peer.destroy()
    this.handler.onClose(error)
  }
}

/** The bytes on the way in one direction. */
class Channel {
  size = 0
  #chunks: Uint8Array[] = []

  /** @returns whether the bytes were copied; if not they are their owner's until they were read. */
  add(bytes: Uint8Array): boolean {
    const fits = this.size + bytes.length <= CAPACITY
    this.#chunks.push(fits ? new Uint8Array(bytes) : bytes)
    this.size += bytes.length
    return fits
  }

  putBack(bytes: Uint8Array): void {
    this.#chunks.unshift(bytes)
    this.size += bytes.length
  }

  /** @returns how many bytes were put into `target`. */
  read(target: Uint8Array): number {
    let length = 0
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const piece = chunk.subarray(0, target.length - length)
      target.set(piece, length)
      length += piece.length
      if (piece.length < chunk.length) {
        this.#chunks[0] = chunk.subarray(piece.length)
        break
      }
      this.#chunks.shift()
    }
    this.size -= length
    return length
  }
}

function errorOf(code: string, cause: Error | null | undefined): Error {
  const error = new Error(`${code}: the other end of the in-memory connection is closed`, { cause })
  return Object.assign(error, { code })
}
