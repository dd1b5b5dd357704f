import { isIP } from 'node:net'
import type { ConnectionOptions, PeerCertificate, SecureContext, TLSSocket } from 'node:tls'
import { checkServerIdentity, createSecureContext } from 'node:tls'
import type { TlsTarget } from './backend.ts'

/** One for each options object: it parses certificates and keys, and owns some 100 KB. */
const secureContexts = new WeakMap<ConnectionOptions, SecureContext>()

/** What `tls.connect` takes, but for where to connect to. */
export function tlsOptions({ host, options: given, session }: TlsTarget): ConnectionOptions {
  const options = own(given)
  return {
    ...options,
    host: undefined,
    port: undefined,
    path: undefined,
    socket: undefined,
    secureContext: options.secureContext ?? secureContextOf(given),
    session: session === undefined ? undefined : Buffer.from(session),
    servername: options.servername ?? (isIP(host) === 0 ? host.replace(/\.$/, '') : undefined),
    ALPNProtocols: options.ALPNProtocols ?? ['http/1.1'],
    rejectUnauthorized: rejectsUnauthorized(options),
    // Node would check against the SNI name, else the address, else 'localhost'.
    checkServerIdentity: (_, certificate) => identityError(host, options, certificate),
  }
}

/**
 * Node checks no identity on a resumed session: one made with a.test was taken for b.test.
 * @returns what is wrong with the established connection.
 */
export function resumedIdentityError(
  socket: TLSSocket,
  { host, options: given }: TlsTarget,
): Error | undefined {
  const options = own(given)
  if (!socket.isSessionReused() || !rejectsUnauthorized(options)) return undefined
  return identityError(host, options, socket.getPeerCertificate(true))
}

function secureContextOf(options: ConnectionOptions): SecureContext {
  let context = secureContexts.get(options)
  if (context === undefined) {
    context = createSecureContext(own(options))
    secureContexts.set(options, context)
  }
  return context
}

function rejectsUnauthorized(options: ConnectionOptions): boolean {
  return options.rejectUnauthorized ?? process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'
}

function identityError(
  host: string,
  options: ConnectionOptions,
  certificate: PeerCertificate,
): Error | undefined {
  return (options.checkServerIdentity ?? checkServerIdentity)(host, certificate)
}

/** Without a prototype, or a polluted `Object.prototype` could switch the checks off. */
function own(options: ConnectionOptions): ConnectionOptions {
  return Object.assign(Object.create(null), options)
}
