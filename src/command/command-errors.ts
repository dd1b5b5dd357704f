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
import { shortLine } from '../redaction.ts'

/** An error that the command itself detects. `hint` tells the user what to do. */
class CommandError extends Error {
  readonly hint: string | null

  constructor(message: string, hint: string | null = null) {
    super(message)
    this.hint = hint
  }
}

/** The command line is invalid. */
export class UsageError extends CommandError {}

/** A file or the output could not be written. */
export class FileError extends CommandError {}

/** A response arrived, and its status is an error or a redirect that is not followed. */
export class StatusError extends CommandError {
  readonly status: number

  constructor({ status, statusText, url }: Pick<Response, 'status' | 'statusText' | 'url'>) {
    super(`${shortLine(`${status} ${statusText}`, 200)} from ${redactUrl(url)}`)
    this.status = status
  }
}

/** Describes an error of the file system, such as ENOENT, for the end of a message. */
export function describeSystemError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return SYSTEM_ERRORS.get(code ?? '') ?? message
}

const SYSTEM_ERRORS = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of the path is not a directory'],
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the file system is read-only'],
])

const HINTS_BY_CODE = new Map([
  ['ECONNREFUSED', 'Nothing listens on this port. Check the port, and that the server is running.'],
  ['ENOTFOUND', 'The host name does not exist. Check its spelling.'],
  ['EAI_AGAIN', 'The DNS server does not answer. Check your network connection.'],
  ['ENETUNREACH', 'There is no route to the network. Check your network connection.'],
  ['EHOSTUNREACH', 'There is no route to the host.'],
  ['ECONNRESET', 'The server, or a device on the way, reset the connection.'],
  ['ENOENT', 'The file or socket does not exist.'],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'The certificate is for another host. Use --no-verify to disable verification.',
  ],
  ['CERT_HAS_EXPIRED', 'The certificate has expired. Use --no-verify to disable verification.'],
])

const UNTRUSTED_CERTIFICATE_HINT =
  'The certificate is self-signed or issued by an untrusted CA. ' +
  'Set SSL_CERT_FILE=ca.pem to trust a CA, or use --no-verify to disable verification.'

/** Returns what the user can do about an error; null if there is no advice. */
export function hintFor(error: unknown): string | null {
  if (!(error instanceof Error)) return null
  const hint: unknown = 'hint' in error ? error.hint : null
  if (typeof hint === 'string') return hint
  if (error instanceof ProxyError) {
    return error.status === 407
      ? 'The proxy requires credentials: --proxy http://user:password@host:port'
      : 'Check the proxy URL in --proxy, HTTP_PROXY, HTTPS_PROXY or ALL_PROXY.'
  }
  if (error instanceof PoolTimeout) return 'Increase --timeout, or reduce -c.'
  if (error instanceof TimeoutException) return 'Increase --timeout, for example to --timeout 30.'
  if (error instanceof TooManyRedirects) return 'The server may redirect in a loop; -v shows it.'
  if (error instanceof LocalProtocolError) return 'The request is not valid HTTP. Correct it.'
  if (error instanceof StreamConsumed) {
    return 'The body cannot be sent again after a redirect. Use the URL that -v shows in Location.'
  }
  const { code, message } = (error.cause ?? {}) as NodeJS.ErrnoException
  if (error instanceof ConnectError && error.phase === 'tls') return tlsHint(code, message)
  return HINTS_BY_CODE.get(code ?? '') ?? null
}

function tlsHint(code = '', message = ''): string | null {
  if (/self.signed|unable to (verify|get)/i.test(message)) return UNTRUSTED_CERTIFICATE_HINT
  if (/wrong version number|packet length/i.test(message)) {
    return 'The server does not seem to use TLS on this port. Try http://'
  }
  return HINTS_BY_CODE.get(code) ?? null
}
