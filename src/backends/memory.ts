import type {
  Address,
  Backend,
  BackendSocket,
  ConnectTarget,
  SocketHandler,
  TlsTarget,
} from './backend.ts'
import type { HostPort, MemoryPeer } from './memory-peer.ts'
import { MemorySocket } from './memory-socket.ts'
import { hold, release, systemClock } from './system-clock.ts'

/**
 * Accepts a new connection. If it throws, the connection attempt fails with that error.
 *
 * @param peer the app's end
 * @param socket the client's end
 */
export type Accept = (peer: MemoryPeer, target: ConnectTarget, socket: MemorySocket) => void

const LOOPBACK: readonly Address[] = [{ address: '127.0.0.1', family: 4 }]

/** Connects in memory to `accept`, whatever the target is. TLS succeeds without being used. */
export class MemoryBackend implements Backend {
  readonly name = 'memory'
  readonly clock = systemClock
  readonly hold = hold
  readonly release = release
  readonly #accept: Accept
  readonly #client: HostPort | undefined

  /** @param client the client's address and port, as apps see them; default 127.0.0.1:123 */
  constructor(accept: Accept, client?: HostPort) {
    this.#accept = accept
    this.#client = client
  }

  lookup(
    _host: string,
    callback: (error: Error | null, addresses: readonly Address[]) => void,
  ): void {
    queueMicrotask(() => callback(null, LOOPBACK))
  }

  connect(target: ConnectTarget, handler: SocketHandler): BackendSocket {
    const socket = new MemorySocket(handler, target, this.#client)
    socket.connect(() => this.#accept(socket.peer, target, socket), Boolean(target.tls))
    return socket
  }

  secure(
    socket: BackendSocket,
    _tls: TlsTarget,
    handler: SocketHandler,
    firstBytes: Uint8Array | null = null,
  ): BackendSocket {
    if (!(socket instanceof MemorySocket))
      throw new TypeError('secure: the socket is not of this backend')
    socket.secure(handler, firstBytes)
    return socket
  }
}
