import {
  ConnectError,
  LocalProtocolError,
  PoolTimeout,
  ProxyError,
  StreamConsumed,
  TimeoutException,
  TooManyRedirects,
} from '../errors.ts'

const OF_SYSTEM = new Map([
  ['ECONNREFUSED', 'Nothing listens there: is the server running, and the port right?'],
  ['ENOTFOUND', 'No such host: is its name spelt right?'],
  ['EAI_AGAIN', 'The name server does not answer: is this machine online?'],
  ['ENETUNREACH', 'There is no route there: is this machine online?'],
  ['EHOSTUNREACH', 'There is no route to that host.'],
  ['ECONNRESET', 'The server, or something on the way, cut the connection.'],
  ['ENOENT', 'There is no such socket.'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'The certificate is for another host. --no-verify accepts it.'],
  ['CERT_HAS_EXPIRED', 'The certificate has expired. --no-verify accepts it all the same.'],
])

const UNTRUSTED =
  'Nobody you trust signed the certificate. SSL_CERT_FILE=ca.pem trusts a CA of yours; --no-verify trusts anyone.'

/** What to do about it, null where nothing is known. */
export function hintFor(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const own: unknown = 'hint' in error ? error.hint : null
  if (typeof own === 'string') return own
  if (error instanceof ProxyError) return ofProxy(error)
  if (error instanceof PoolTimeout) return '--timeout 30 waits longer; a smaller -c queues less.'
  if (error instanceof TimeoutException) return '--timeout 30 waits for 30 seconds.'
  if (error instanceof TooManyRedirects) return 'It seems to lead in a circle: -v shows the way.'
  if (error instanceof LocalProtocolError) return 'HTTP does not allow this; nothing was sent.'
  if (error instanceof StreamConsumed) return 'Ask the URL that it redirects to (-v shows it).'
  const { code, message } = (error.cause ?? {}) as NodeJS.ErrnoException
  if (error instanceof ConnectError && error.phase === 'tls') return ofTls(code, message)
  return OF_SYSTEM.get(code ?? '') ?? null
}

function ofTls(code = '', message = ''): string | null {
  if (/self.signed|unable to (verify|get)/i.test(message)) return UNTRUSTED
  if (/wrong version number|packet length/i.test(message)) {
    return 'The server does not seem to speak TLS there: try http://'
  }
  return OF_SYSTEM.get(code) ?? null
}

function ofProxy({ status }: ProxyError): string {
  if (status === 407) return 'It wants to know who you are: --proxy http://user:password@host:port'
  return 'It was named by --proxy, or by HTTP_PROXY, HTTPS_PROXY or ALL_PROXY.'
}
