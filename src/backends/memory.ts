import type { Duplex } from 'node:stream'
import type {
  Address,
  Backend,
  BackendSocket,
  ConnectTarget,
  SocketHandler,
  TlsTarget,
} from './backend.ts'
import { hold, release } from './hold.ts'
import { MemorySocket } from './memory-socket.ts'
import { systemClock } from './system-clock.ts'

/** Takes the app's end of a new connection. What it throws refuses the connection. */
export type Accept = (peer: Duplex, target: ConnectTarget) => void

const LOOPBACK: readonly Address[] = [{ address: '127.0.0.1', family: 4 }]

/** Every connection leads into this process, to `accept`. TLS is agreed to and not spoken. */
export class MemoryBackend implements Backend {
  readonly name = 'memory'
  readonly clock = systemClock
  readonly hold = hold
  readonly release = release
  readonly #accept: Accept

  constructor(accept: Accept) {
    this.#accept = accept
  }

  lookup(
    _host: string,
    callback: (error: Error | null, addresses: readonly Address[]) => void,
  ): void {
    queueMicrotask(() => callback(null, LOOPBACK))
  }

  connect(target: ConnectTarget, handler: SocketHandler): BackendSocket {
    const socket = new MemorySocket(handler, target)
    socket.connect(() => this.#accept(socket.peer, target), Boolean(target.tls))
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
