/**
 * Sockets of `Bun.connect`, for what they can do exactly:
 *
 * | asked for                        | by                                             |
 * | -------------------------------- | ---------------------------------------------- |
 * | TCP, unix sockets                | `Bun.connect`                                  |
 * | `localAddress`                   | `node:net`: `Bun.connect` cannot bind          |
 * | TLS                              | `node:tls`: `Bun.connect` reports no session,  |
 * |                                  | and leaves the check of the name to its caller |
 * | TLS over a socket (a tunnel)     | `node:tls` over that socket as a stream        |
 * | names, time, keeping the process | as the node backend                            |
 */
import { withoutPrototype } from '../models/options.ts'
import type { Backend } from './backend.ts'
import { BunSocket } from './bun-socket.ts'
import { nodeBackend } from './node.ts'
import type { BunApi } from './other-runtimes.ts'
import { secureOverStream } from './over-stream.ts'

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
      return secureOverStream(socket, socket.delivery.finished, tls, handler, firstBytes)
    },
  }
}
