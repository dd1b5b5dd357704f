import {
  ConnectError,
  DecodingError,
  InsecureRedirect,
  InvalidURL,
  LocalProtocolError,
  NetworkError,
  ProtocolError,
  ProxyError,
  ResponseTooLarge,
  StreamError,
  TimeoutException,
  TooManyRedirects,
  UnsupportedProtocol,
} from '../errors.ts'
import { FileError, StatusError, UsageError } from './command-errors.ts'

/**
 * Exit statuses and their descriptions in `--help`. 4 and 5 are those of HTTPie; failures of the
 * network and of the response begin at 10.
 */
export const exitCodes = {
  ok: [0, 'success: HTTP status below 400'],
  internal: [1, 'internal error'],
  usage: [2, 'invalid option, URL, header or input file'],
  clientError: [4, 'HTTP status 400 to 499'],
  serverError: [5, 'HTTP status 500 or above'],
  connect: [10, 'could not resolve the host name or connect to the server'],
  timeout: [11, 'timeout (see --timeout)'],
  tls: [12, 'TLS failed: certificate or handshake'],
  proxy: [13, 'the proxy is unreachable or refused the request'],
  protocol: [14, 'the response is invalid HTTP or incomplete'],
  network: [15, 'the connection was lost'],
  body: [16, 'could not decode the response body or send the request body again'],
  redirects: [17, 'too many redirects, or a redirect that --download did not follow'],
  file: [18, 'could not write the downloaded file or the output'],
  interrupted: [130, 'interrupted with Ctrl-C'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type ExitReason = keyof typeof exitCodes

export function exitReasonForStatus(status: number): ExitReason {
  return status < 400 ? 'ok' : status < 500 ? 'clientError' : 'serverError'
}

/** The first class that fits decides: subclasses come before their base class. */
const reasonsByClass: readonly (readonly [new (...args: never[]) => Error, ExitReason])[] = [
  [UsageError, 'usage'],
  [FileError, 'file'],
  [InvalidURL, 'usage'],
  [UnsupportedProtocol, 'usage'],
  [LocalProtocolError, 'usage'],
  [TimeoutException, 'timeout'],
  [ProxyError, 'proxy'],
  [ProtocolError, 'protocol'],
  [NetworkError, 'network'],
  [DecodingError, 'body'],
  [ResponseTooLarge, 'body'],
  [StreamError, 'body'],
  [TooManyRedirects, 'redirects'],
  [InsecureRedirect, 'redirects'],
]

export function exitReasonForError(error: unknown): ExitReason {
  if (error instanceof StatusError) {
    // Only a download rejects a status below 400: a redirect that it does not follow.
    return error.status < 400 ? 'redirects' : exitReasonForStatus(error.status)
  }
  if (error instanceof ConnectError) return error.phase === 'tls' ? 'tls' : 'connect'
  return reasonsByClass.find(([errorClass]) => error instanceof errorClass)?.[1] ?? 'internal'
}
