/**
 * Sockets of `Deno.connect`, for what they can do exactly:
 *
 * | asked for                          | by                                              |
 * | ---------------------------------- | ----------------------------------------------- |
 * | TCP, unix sockets                  | `Deno.connect`                                  |
 * | `localAddress`                     | `node:net`: `Deno.connect` cannot bind          |
 * | TLS with `ALPNProtocols` at most   | `Deno.startTls`, against the host and the       |
 * |                                    | certificates that Deno trusts                   |
 * | TLS with any other setting (its    | `node:tls` over that socket as a stream: a `ca` |
 * | `ca`, a client's certificate, ...) | would come beside Deno's own ones, the others   |
 * |                                    | are not there                                   |
 * | TLS over a socket (a tunnel)       | `node:tls` over that socket as a stream:        |
 * |                                    | `startTls` takes none that is being read        |
 * | names, time, keeping the process   | as the node backend                             |
 *
 * Deno resumes no TLS session, by neither. Its sockets write asynchronously: `write` returns false
 * each time, and `onDrain` follows.
 */
import { isIP } from 'node:net'
import { withoutPrototype } from '../models/options.ts'
import type { Backend, TlsTarget } from './backend.ts'
import { DenoSocket } from './deno-socket.ts'
import { nodeBackend } from './node.ts'
import type { DenoApi, DenoTlsOptions } from './other-runtimes.ts'
import { connectOverStream, secureOverStream } from './over-stream.ts'

export function denoBackend(deno: DenoApi): Backend {
  return {
    ...nodeBackend,
    name: 'deno',

    connect(target, handler) {
      const { tls, localAddress } = withoutPrototype(target)
      if (localAddress !== undefined) return nodeBackend.connect(target, handler)
      const tlsOptions = tls ? denoTlsOptions(tls) : null
      if (tlsOptions !== undefined) return new DenoSocket(deno, target, tlsOptions, handler)
      const plain: Backend['connect'] = (to, below) => new DenoSocket(deno, to, null, below)
      return connectOverStream(plain, target, tls!, handler)
    },

    secure(socket, tls, handler, firstBytes = null) {
      if (!(socket instanceof DenoSocket))
        return nodeBackend.secure(socket, tls, handler, firstBytes)
      return secureOverStream(socket, socket.delivery.finished, tls, handler, firstBytes)
    },
  }
}

/** Undefined for what `Deno.startTls` would not do in the same way. */
function denoTlsOptions(target: TlsTarget): DenoTlsOptions | undefined {
  const { host, options } = withoutPrototype(target)
  const { ALPNProtocols = ['http/1.1'], rejectUnauthorized, ...others } = withoutPrototype(options)
  if (rejectUnauthorized === false) return undefined
  if (Object.values(others).some((value) => value !== undefined)) return undefined
  if (!Array.isArray(ALPNProtocols) || !ALPNProtocols.every((name) => typeof name === 'string')) {
    return undefined
  }
  if (!isEnvironmentSilent(rejectUnauthorized !== undefined)) return undefined
  const hostname = isIP(host) === 0 ? host.replace(/\.$/, '') : host
  // Without a prototype: Deno reads more names than these.
  return withoutPrototype({ hostname, alpnProtocols: ALPNProtocols as string[] })
}

/** Without `--allow-env` nobody knows, and `node:tls` says so in the right place. */
function isEnvironmentSilent(isVerifiedAnyway: boolean): boolean {
  try {
    const { NODE_TLS_REJECT_UNAUTHORIZED, NODE_EXTRA_CA_CERTS } = process.env
    if (NODE_EXTRA_CA_CERTS !== undefined) return false
    return isVerifiedAnyway || NODE_TLS_REJECT_UNAUTHORIZED === undefined
  } catch {
    return false
  }
}
