import { isIP } from 'node:net'
import type { ConnectionOptions, PeerCertificate, SecureContext, TLSSocket } from 'node:tls'
import { checkServerIdentity, connect, createSecureContext } from 'node:tls'
import { withoutPrototype } from '../models/options.ts'
import type { TlsSettings } from '../models/tls-settings.ts'
import type { TlsTarget } from './backend.ts'

/** One for each options object: it parses certificates and keys, and owns some 100 KB. */
const secureContexts = new WeakMap<ConnectionOptions, SecureContext>()

/** Starts TLS for `target`; `where` says over what. */
export function connectTls(target: TlsTarget, where: ConnectionOptions): TLSSocket {
  const socket = connect({ ...tlsOptions(target), ...where })
  const { keylog } = withoutPrototype<TlsSettings>(target.options)
  if (typeof keylog === 'function') {
    socket.on('keylog', (line) => {
      try {
        keylog(line)
      } catch (error) {
        // Not now: OpenSSL is at work on what would be destroyed.
        process.nextTick(() => socket.destroy(asError(error)))
      }
    })
  }
  return socket
}

/** What `tls.connect` takes, but for where to connect to. */
function tlsOptions(target: TlsTarget): ConnectionOptions {
  const { host, options: given, sessions } = withoutPrototype(target)
  const options = withoutPrototype(given)
  return {
    ...options,
    host: undefined,
    port: undefined,
    path: undefined,
    socket: undefined,
    secureContext: options.secureContext ?? secureContextOf(given),
    session: resumable(sessions?.get(), host, given),
    servername: options.servername ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : undefined),
    ALPNProtocols: options.ALPNProtocols ?? ['http/1.1'],
    rejectUnauthorized: rejectsUnauthorized(options),
    // Node would check against the SNI name, else the address, else 'localhost'.
    checkServerIdentity: (_, certificate) => identityError(host, options, certificate),
  }
}

/** For which host and settings a session's full handshake was verified. */
const verifiedFor = new WeakMap<Uint8Array, { host: string; options: ConnectionOptions }>()

/**
 * Node checks no identity on a resumed session, and has no certificate of it to look at (20 to 26):
 * one made with a.test was taken for b.test. So a session serves the host and the settings alone
 * under which its first handshake was checked.
 */
export function keepSession(session: Uint8Array, target: TlsTarget): void {
  const { host, options, sessions } = withoutPrototype(target)
  verifiedFor.set(session, { host, options })
  sessions?.set(session)
}

function resumable(
  session: Uint8Array | undefined,
  host: string,
  options: ConnectionOptions,
): Buffer | undefined {
  if (session === undefined) return undefined
  const verified = verifiedFor.get(session)
  return verified?.host === host && verified.options === options ? Buffer.from(session) : undefined
}

function secureContextOf(options: ConnectionOptions): SecureContext {
  let context = secureContexts.get(options)
  if (context === undefined) {
    context = createSecureContext(withoutPrototype(options))
    secureContexts.set(options, context)
  }
  return context
}

function rejectsUnauthorized(options: ConnectionOptions): boolean {
  return options.rejectUnauthorized ?? process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'
}

/** Nobody but the process would hear what is thrown inside Node's handshake. */
function identityError(
  host: string,
  options: ConnectionOptions,
  certificate: PeerCertificate,
): Error | undefined {
  try {
    return (options.checkServerIdentity ?? checkServerIdentity)(host, certificate)
  } catch (error) {
    return asError(error)
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
