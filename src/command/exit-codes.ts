import {
  ConnectError,
  DecodingError,
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
import { FileError, ReportedStatus, UsageError } from './command-errors.ts'

/** What the exit status says. Those of HTTP are HTTPie's; the network's begin at 10. */
export const exitCodes = {
  ok: [0, 'the response came; its status is below 400'],
  unexpected: [1, 'none of the others: a fault of the command itself'],
  usage: [2, 'an option, the URL, a header or a file to send is wrong'],
  clientError: [4, 'HTTP status 400 to 499'],
  serverError: [5, 'HTTP status 500 to 599 (or above)'],
  connect: [10, 'no connection: the name, the address or the port'],
  timeout: [11, 'something took too long (--timeout)'],
  tls: [12, 'TLS failed: the certificate, or the handshake'],
  proxy: [13, 'the proxy cannot be reached, or refuses'],
  protocol: [14, "the server's answer is not valid HTTP, or is cut short"],
  broken: [15, 'the connection broke'],
  content: [16, "the body's coding is broken, or it cannot be sent again"],
  redirects: [17, 'too many redirects, or one that a download was not to follow'],
  file: [18, 'a file cannot be written'],
  interrupted: [130, 'stopped by Ctrl-C'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

export type ExitReason = keyof typeof exitCodes

/** Of an HTTP status. */
export function reasonOfStatus(status: number): ExitReason {
  return status < 400 ? 'ok' : status < 500 ? 'clientError' : 'serverError'
}

const kinds: readonly (readonly [new (...args: never[]) => Error, ExitReason])[] = [
  [UsageError, 'usage'],
  [FileError, 'file'],
  [InvalidURL, 'usage'],
  [UnsupportedProtocol, 'usage'],
  [LocalProtocolError, 'usage'],
  [TimeoutException, 'timeout'],
  [ProxyError, 'proxy'],
  [ProtocolError, 'protocol'],
  [NetworkError, 'broken'],
  [DecodingError, 'content'],
  [ResponseTooLarge, 'content'],
  [StreamError, 'content'],
  [TooManyRedirects, 'redirects'],
]

export function reasonOfError(error: unknown): ExitReason {
  if (error instanceof ReportedStatus) {
    return error.status < 400 ? 'redirects' : reasonOfStatus(error.status)
  }
  if (error instanceof ConnectError) return error.phase === 'tls' ? 'tls' : 'connect'
  return kinds.find(([kind]) => error instanceof kind)?.[1] ?? 'unexpected'
}
