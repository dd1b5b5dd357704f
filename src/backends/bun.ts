/**
 * The backend for Bun. It uses `Bun.connect` where that does everything a backend must do:
 *
 * | Feature                      | Implementation                                 |
 * | ---------------------------- | ---------------------------------------------- |
 * | TCP, Unix sockets            | `Bun.connect`                                  |
 * | `localAddress`               | `node:net`, as `Bun.connect` cannot bind       |
 * | TLS                          | `node:tls`, as `Bun.connect` reports no        |
 * |                              | sessions and does not verify the name          |
 * | TLS over a socket (a tunnel) | `node:tls` over the socket as a stream         |
 * | `lookup`, `clock`, `hold`    | as in the node backend                         |
 */
import { withoutPrototype } from '../models/options.ts'
import type { Backend } from './backend.ts'
import { BunSocket } from './bun-socket.ts'
import { nodeBackend } from './node.ts'
import type { BunApi } from './other-runtimes.ts'
import { startTlsOverStream } from './tls-over-stream.ts'

export function bunBackend(bun: BunApi): Backend {
  return {
    ...nodeBackend,
    name: 'bun',

    connect(target, handler) {
      const { tls, localAddress } = withoutPrototype(target)
      if (tls || localAddress !== undefined) return nodeBackend.connect(target, handler)
      return new BunSocket(bun, target, handler)
    },

    secure(socket, tls, handler, firstBytes = null) {
      if (!(socket instanceof BunSocket))
        return nodeBackend.secure(socket, tls, handler, firstBytes)
      return startTlsOverStream(socket, socket.events.readEnded, tls, handler, firstBytes)
    },
  }
}
