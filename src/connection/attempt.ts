import type { BackendSocket, SocketHandler } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'
import type { AttemptSessions } from './tls-sessions.ts'

/** A placeholder: no data is read before the connection has become the handler of the socket. */
const UNUSED_TARGET = new Uint8Array(1)

export interface AttemptOwner {
  /** TCP is connected. The TLS handshake follows if the target uses TLS. */
  onAttemptConnected(attempt: Attempt): void
  onAttemptEstablished(attempt: Attempt): void
  onAttemptFailed(attempt: Attempt, cause: Error): void
}

/** One attempt to connect: to one address, or TLS over an open tunnel. */
export class Attempt implements SocketHandler {
  socket!: BackendSocket
  /** The origin or the proxy that is connected to. */
  readonly peer: Origin
  /** An IP address or the path of a Unix socket; null for TLS over a tunnel. */
  readonly address: string | null
  /** Holds the TLS sessions of this attempt; undefined without TLS, or over a tunnel. */
  readonly sessions: AttemptSessions | undefined
  isConnected = false
  readonly #owner: AttemptOwner
  #isDropped = false

  constructor(
    owner: AttemptOwner,
    peer: Origin,
    address: string | null,
    sessions?: AttemptSessions,
  ) {
    this.#owner = owner
    this.peer = peer
    this.address = address
    this.sessions = sessions
  }

  /** Closes the socket. No method of the owner is called afterwards. */
  drop(): void {
    this.#isDropped = true
    this.socket.destroy()
  }

  onConnect(): void {
    if (this.#isDropped) return
    this.isConnected = true
    this.#owner.onAttemptConnected(this)
  }

  onSecure(): void {
    if (!this.#isDropped) this.#owner.onAttemptEstablished(this)
  }

  onClose(error: Error | null): void {
    if (!this.#isDropped) {
      this.#owner.onAttemptFailed(this, error ?? new Error('the peer closed the connection'))
    }
  }

  onEnd(): void {
    this.socket.destroy()
  }

  readTarget(): Uint8Array {
    return UNUSED_TARGET
  }

  onRead(): void {}
  onDrain(): void {}
  onWriteError(): void {}
}
