import type { Response } from '../client/response.ts'
import {
  ConnectError,
  LocalProtocolError,
  PoolTimeout,
  ProxyError,
  redactUrl,
  StreamConsumed,
  TimeoutException,
  TooManyRedirects,
} from '../errors.ts'

/** What the command itself finds wrong; `hint` says what to do about it. */
class Failure extends Error {
  readonly hint: string | null

  constructor(message: string, hint: string | null = null) {
    super(message)
    this.hint = hint
  }
}

/** It was called wrongly. */
export class UsageError extends Failure {}

/** A file cannot be written. */
export class FileError extends Failure {}

/** The answer is there, and its status says no. */
export class ReportedStatus extends Failure {
  readonly status: number

  constructor({ status, statusText, url }: Pick<Response, 'status' | 'statusText' | 'url'>) {
    super(`${[status, statusText].join(' ').trimEnd()} from ${redactUrl(url)}`)
    this.status = status
  }
}

/** What the system's error `ENOENT` and its like mean. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return REASONS.get(code ?? '') ?? message
}

const REASONS = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is no folder'],
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the disk is read-only'],
])

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
