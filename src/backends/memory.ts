import type { Address, Backend, ConnectTarget } from './backend.ts'
import type { HostPort, MemoryPeer } from './memory-peer.ts'
import { DEFAULT_CLIENT } from './memory-peer.ts'
import { MemorySocket } from './memory-socket.ts'
import { microtask } from './runtime-timers.ts'
import { hold, release, systemClock } from './system-clock.ts'

/**
 * Accepts a new connection. If it throws, the connection attempt fails with that error.
 *
 * @param peer the app's end
 * @param socket the client's end
 */
export type Accept = (peer: MemoryPeer, target: ConnectTarget, socket: MemorySocket) => void

const LOOPBACK: readonly Address[] = [{ address: '127.0.0.1', family: 4 }]

/**
 * Returns a backend that connects in memory to `accept`, whatever the target is. TLS succeeds
 * without being used.
 *
 * @param client the client's address and port, as apps see them; default 127.0.0.1:123
 */
export function memoryBackend(accept: Accept, client: HostPort = DEFAULT_CLIENT): Backend {
  return {
    name: 'memory',
    clock: systemClock,
    hold,
    release,

    lookup(_host, callback) {
      microtask(() => callback(null, LOOPBACK))
    },

    connect(target, handler) {
      const socket = new MemorySocket(handler, target, client)
      socket.connect(() => accept(socket.peer, target, socket), Boolean(target.tls))
      return socket
    },

    secure(socket, _tls, handler, firstBytes = null) {
      if (!(socket instanceof MemorySocket))
        throw new TypeError('secure() expects a socket that this backend created')
      socket.secure(handler, firstBytes)
      return socket
    },
  }
}
