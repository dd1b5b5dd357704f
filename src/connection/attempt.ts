import type { Address, BackendSocket, SocketHandler } from '../backends/backend.ts'
import type { Origin } from '../models/origin.ts'

/** Where reads go before there is a connection to ask: a server that speaks first is heard by the connection alone. */
const nowhere = new Uint8Array(1)

export interface AttemptOwner {
  /** The transport is there; TLS comes now, if it does. */
  connected(attempt: Attempt): void
  established(attempt: Attempt): void
  closed(attempt: Attempt, cause: Error | null): void
  onSession(peer: Origin, session: Uint8Array): void
}

/** One address being tried, or TLS over a tunnel. */
export class Attempt implements SocketHandler {
  socket!: BackendSocket
  /** Whom it leads to, and who is verified: the origin, or the proxy before it. */
  readonly peer: Origin
  /** Null for TLS over a tunnel. */
  readonly address: string | null
  isConnected = false
  dropped = false
  readonly #owner: AttemptOwner

  constructor(owner: AttemptOwner, peer: Origin, address: string | null) {
    this.#owner = owner
    this.peer = peer
    this.address = address
  }

  onConnect(): void {
    if (this.dropped) return
    this.isConnected = true
    this.#owner.connected(this)
  }

  onSecure(): void {
    if (!this.dropped) this.#owner.established(this)
  }

  onClose(error: Error | null): void {
    if (!this.dropped) this.#owner.closed(this, error)
  }

  onSession(session: Uint8Array): void {
    this.#owner.onSession(this.peer, session)
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

/** Families in turn, in the resolver's order of each. RFC 8305 4 */
export function alternate(addresses: readonly Address[]): Address[] {
  const first = addresses[0].family
  const preferred = addresses.filter((a) => a.family === first)
  const other = addresses.filter((a) => a.family !== first)
  const turns = preferred.flatMap((a, i) => (i < other.length ? [a, other[i]] : [a]))
  return [...turns, ...other.slice(preferred.length)]
}
