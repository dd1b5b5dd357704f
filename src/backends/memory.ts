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

/** Takes the app's end of a new connection; `socket` is the other. What it throws refuses the connection. */
export type Accept = (peer: MemoryPeer, target: ConnectTarget, socket: MemorySocket) => void

const LOOPBACK: readonly Address[] = [{ address: '127.0.0.1', family: 4 }]

/** Every connection leads into this process, to `accept`. TLS is agreed to and not spoken. */
export class MemoryBackend implements Backend {
  readonly name = 'memory'
  readonly clock = systemClock
  readonly hold = hold
  readonly release = release
  readonly #accept: Accept
  readonly #client: HostPort | undefined

  /** @param client what apps see as the address of who connects; 127.0.0.1:123 if not given */
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
      throw new TypeError('secure: not a socket of this backend')
    socket.secure(handler, firstBytes)
    return socket
  }
}
