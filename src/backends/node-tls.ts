import { isIP } from 'node:net'
import type { ConnectionOptions, PeerCertificate, SecureContext, TLSSocket } from 'node:tls'
import { checkServerIdentity, connect, createSecureContext } from 'node:tls'
import { withoutPrototype } from '../models/options.ts'
import type { TlsSettings } from '../models/tls-settings.ts'
import { asError } from '../models/value-kind.ts'
import type { TlsTarget } from './backend.ts'
import { microtask } from './runtime-timers.ts'

/** One context per options object. It is expensive to create, and takes about 100 KB. */
const secureContexts = new WeakMap<ConnectionOptions, SecureContext>()

/** Starts TLS. @param transport the address to connect to, or the socket to use */
export function connectTls(target: TlsTarget, transport: ConnectionOptions): TLSSocket {
  const socket = connect({ ...tlsOptions(target), ...transport })
  const { keylog } = withoutPrototype<TlsSettings>(target.options)
  if (typeof keylog === 'function') {
    socket.on('keylog', (line) => {
      try {
        keylog(line)
      } catch (error) {
        // Deferred, because OpenSSL is still using the socket inside this event.
        microtask(() => socket.destroy(asError(error)))
      }
    })
  }
  return socket
}

/** Options of `tls.connect` that it would otherwise read from a polluted `Object.prototype`. */
const UNSET_TLS_OPTIONS = { enableTrace: undefined, pskCallback: undefined, requestOCSP: undefined }

/** The options for `tls.connect`, except for the transport. */
function tlsOptions(target: TlsTarget): ConnectionOptions {
  const { host, options: given, sessions } = withoutPrototype(target)
  const options = withoutPrototype(given)
  return {
    ...UNSET_TLS_OPTIONS,
    ...options,
    host: undefined,
    port: undefined,
    path: undefined,
    socket: undefined,
    secureContext: options.secureContext ?? secureContextOf(given),
    session: resumableSession(sessions?.get(), host, given),
    servername: options.servername ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : undefined),
    ALPNProtocols: options.ALPNProtocols ?? ['http/1.1'],
    rejectUnauthorized: options.rejectUnauthorized !== false,
    // By default, Node verifies the SNI name, else the address, else 'localhost'.
    checkServerIdentity: (_, certificate) => identityError(host, options, certificate),
  }
}

/** The host and the settings for which the full handshake of a session was verified. */
const verifiedFor = new WeakMap<Uint8Array, { host: string; options: ConnectionOptions }>()

/**
 * Stores a session for the host and the settings under which its handshake was verified. Only they
 * may use it, because Node verifies no identity when it resumes a session, and has no certificate
 * to verify later (Node 20 to 26): a session made with a.test was accepted for b.test.
 */
export function storeSession(session: Uint8Array, target: TlsTarget): void {
  const { host, options, sessions } = withoutPrototype(target)
  verifiedFor.set(session, { host, options })
  sessions?.set(session)
}

function resumableSession(
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
    // Node closes the context with its first connection if a polluted prototype has this property.
    Object.defineProperty(context, 'singleUse', withoutPrototype({ value: false }))
    secureContexts.set(options, context)
  }
  return context
}

/** Verifies the identity. Returns what a custom check throws, because Node would not catch it. */
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
