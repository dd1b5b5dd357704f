import type { BackendSocket, SocketHandler } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'

/** Where reads go before there is a connection to ask: a server that speaks first is heard by the connection alone. */
const nowhere = new Uint8Array(1)

export interface AttemptOwner {
  /** The transport is there; TLS comes now, if it does. */
  connected(attempt: Attempt): void
  established(attempt: Attempt): void
  closed(attempt: Attempt, cause: Error): void
}

/** One address being tried, or TLS over a tunnel. */
export class Attempt implements SocketHandler {
  socket!: BackendSocket
  /** Whom it leads to. */
  readonly peer: Origin
  /** Null for TLS over a tunnel. */
  readonly address: string | null
  isConnected = false
  readonly #owner: AttemptOwner
  #dropped = false

  constructor(owner: AttemptOwner, peer: Origin, address: string | null) {
    this.#owner = owner
    this.peer = peer
    this.address = address
  }

  /** Closes it; nothing is heard of it any more. */
  drop(): void {
    this.#dropped = true
    this.socket.destroy()
  }

  onConnect(): void {
    if (this.#dropped) return
    this.isConnected = true
    this.#owner.connected(this)
  }

  onSecure(): void {
    if (!this.#dropped) this.#owner.established(this)
  }

  onClose(error: Error | null): void {
    if (!this.#dropped) {
      this.#owner.closed(this, error ?? new Error('the peer closed the connection'))
    }
  }

  onEnd(): void {
    this.socket.destroy()
  }

  readTarget(): Uint8Array {
    return nowhere
  }

  onRead(): void {}
  onDrain(): void {}
  onWriteError(): void {}
}
