/**
 * The backend for Deno. It uses `Deno.connect` where that does everything a backend must do:
 *
 * | Feature                            | Implementation                                     |
 * | ---------------------------------- | -------------------------------------------------- |
 * | TCP, Unix sockets                  | `Deno.connect`                                     |
 * | `localAddress`                     | `node:net`, as `Deno.connect` cannot bind          |
 * | TLS with no option other than      | `Deno.startTls`, which verifies the host against   |
 * | `ALPNProtocols`                    | the certificates that Deno trusts                  |
 * | TLS with other options (`ca`, a    | `node:tls` over the socket as a stream. `startTls` |
 * | client certificate, ...)           | adds a `ca` to its own instead of replacing them,  |
 * |                                    | and lacks the other options                        |
 * | TLS over a socket (a tunnel)       | `node:tls` over the socket as a stream, as         |
 * |                                    | `startTls` refuses a socket that is being read     |
 * | `lookup`, `clock`, `hold`          | as in the node backend                             |
 *
 * Neither API of Deno resumes TLS sessions. Deno's sockets write asynchronously: `write` always
 * returns false, and `onDrain` follows.
 */
import { isIP } from 'node:net'
import { environmentVariable } from '../models/environment.ts'
import { withoutPrototype } from '../models/options.ts'
import type { Backend, TlsTarget } from './backend.ts'
import { DenoSocket } from './deno-socket.ts'
import { nodeBackend } from './node.ts'
import type { DenoApi, DenoTlsOptions } from './other-runtimes.ts'
import { connectTlsOverStream, startTlsOverStream } from './tls-over-stream.ts'

export function denoBackend(deno: DenoApi): Backend {
  return {
    ...nodeBackend,
    name: 'deno',

    connect(target, handler) {
      const { tls, localAddress } = withoutPrototype(target)
      if (localAddress !== undefined) return nodeBackend.connect(target, handler)
      const tlsOptions = tls ? denoTlsOptions(tls) : null
      if (tlsOptions !== undefined) return new DenoSocket(deno, target, tlsOptions, handler)
      const connectPlain: Backend['connect'] = (plainTarget, plainHandler) =>
        new DenoSocket(deno, plainTarget, null, plainHandler)
      return connectTlsOverStream(connectPlain, target, tls!, handler)
    },

    secure(socket, tls, handler, firstBytes = null) {
      if (!(socket instanceof DenoSocket))
        return nodeBackend.secure(socket, tls, handler, firstBytes)
      return startTlsOverStream(socket, socket.events.readEnded, tls, handler, firstBytes)
    },
  }
}

/** Options for `Deno.startTls`; undefined if it would behave differently from `node:tls`. */
function denoTlsOptions(target: TlsTarget): DenoTlsOptions | undefined {
  const { host, options } = withoutPrototype(target)
  const { ALPNProtocols = ['http/1.1'], rejectUnauthorized, ...others } = withoutPrototype(options)
  if (rejectUnauthorized === false) return undefined
  if (Object.values(others).some((value) => value !== undefined)) return undefined
  if (!Array.isArray(ALPNProtocols) || !ALPNProtocols.every((name) => typeof name === 'string')) {
    return undefined
  }
  // `startTls` does not read this variable.
  if (environmentVariable('NODE_EXTRA_CA_CERTS') !== undefined) return undefined
  const hostname = isIP(host) === 0 ? host.replace(/\.$/, '') : host
  // Without a prototype, because Deno reads other properties too, which may be polluted.
  return withoutPrototype({ hostname, alpnProtocols: ALPNProtocols as string[] })
}
