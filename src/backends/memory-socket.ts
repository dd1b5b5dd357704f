import type { BackendSocket, ConnectTarget, SocketHandler } from './backend.ts'
import { ByteQueue } from './byte-queue.ts'
import type { HostPort, PeerHandler } from './memory-peer.ts'
import { CAPACITY, MemoryPeer } from './memory-peer.ts'
import { microtask } from './runtime-timers.ts'

/** The client's end of a connection in memory. The app uses the other end, `peer`. */
export class MemorySocket implements BackendSocket, PeerHandler {
  handler: SocketHandler
  readonly peer: MemoryPeer
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined

  readonly #outgoing = new ByteQueue()
  readonly #incoming = new ByteQueue()
  /** Completes the write of the peer that did not fit into the buffer. */
  #peerWriteDone: (() => void) | null = null
  #awaitsDrain = false
  #ended = false
  #endSent = false
  #paused = false
  #destroyed = false
  #closed = false
  #writeFailed = false
  #peerReads = false
  #peerEnded = false
  #endDelivered = false
  #peerDestroyed: { cause: Error | null } | null = null

  /** @param client the client's address and port, as the app sees them */
  constructor(handler: SocketHandler, target: ConnectTarget, client: HostPort) {
    this.handler = handler
    this.remoteAddress = target.address
    this.remotePort = target.port
    this.peer = new MemoryPeer(this, client, target)
  }

  // --- PeerHandler

  onPeerRead(): void {
    this.#peerReads = true
    this.#send()
  }

  onPeerWrite(bytes: Buffer, done: () => void): void {
    if (addTo(this.#incoming, bytes)) done()
    else this.#peerWriteDone = done
    this.#later(() => this.#deliver())
  }

  onPeerEnd(): void {
    this.#peerEnded = true
    this.#later(() => this.#deliver())
  }

  onPeerDestroy(cause: Error | null): void {
    this.#peerDestroyed = { cause }
    this.#later(() => {
      this.#send()
      this.#deliver()
    })
  }

  // --- BackendSocket

  /**
   * @param accept passes the peer to the app. If it throws, the connection closes with that error
   */
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
    if (firstBytes !== null) this.#incoming.prepend(firstBytes)
    this.#later(() => {
      this.handler.onSecure()
      this.#later(() => this.#deliver())
    })
  }

  write(data: string | Uint8Array, tail?: Uint8Array): boolean {
    if (this.#writeFailed || this.#destroyed) return true
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
    let fits = addTo(this.#outgoing, bytes)
    if (tail !== undefined) fits = addTo(this.#outgoing, tail)
    if (!fits) this.#awaitsDrain = true
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
    microtask(() => this.#close(null))
  }

  keepAlive(): void {}

  /** Calls back in a microtask, as no handler or app may be called inside a call to the socket. */
  #later(callback: () => void): void {
    microtask(() => {
      if (!this.#destroyed && !this.#closed) callback()
    })
  }

  #send(): void {
    if (this.#destroyed || this.#closed) return
    if (this.#peerDestroyed) {
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
    if (!this.#awaitsDrain) return
    this.#awaitsDrain = false
    this.#later(() => this.handler.onDrain())
  }

  #failWrite(): void {
    if (this.#writeFailed || this.#outgoing.size === 0) return
    this.#writeFailed = true
    this.handler.onWriteError(errorOf('EPIPE', this.#peerDestroyed?.cause))
  }

  /** Delivers one read per microtask. Promise reactions run between reads, as on a real socket. */
  #deliver(): void {
    if (this.#paused) return
    if (this.#incoming.size > 0) {
      const length = this.#incoming.read(this.handler.readTarget())
      this.handler.onRead(length)
      this.#completePeerWrite()
      this.#later(() => this.#deliver())
    } else if (this.#peerEnded) {
      this.#deliverEnd()
    } else if (this.#peerDestroyed) {
      this.#close(errorOf('ECONNRESET', this.#peerDestroyed.cause))
    }
  }

  #completePeerWrite(): void {
    if (this.#incoming.size > 0) return
    const done = this.#peerWriteDone
    this.#peerWriteDone = null
    done?.()
  }

  #deliverEnd(): void {
    if (this.#endDelivered) return
    this.#endDelivered = true
    this.handler.onEnd()
  }

  #close(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.peer.destroy()
    this.handler.onClose(error)
  }
}

/**
 * Adds bytes that are in transit.
 *
 * @returns true if the bytes were copied; if false, the queue holds the bytes themselves, and their
 *   owner must not change them until they have been read
 */
function addTo(queue: ByteQueue, bytes: Uint8Array): boolean {
  const fits = queue.size + bytes.length <= CAPACITY
  queue.add(fits ? new Uint8Array(bytes) : bytes)
  return fits
}

function errorOf(code: string, cause: Error | null | undefined): Error {
  const error = new Error(`${code}: the other end of the in-memory connection is closed`, { cause })
  return Object.assign(error, { code })
}
