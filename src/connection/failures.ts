/** The errors that a connection's troubles become: what, where, and after how long. */
import {
  ConnectError,
  ConnectTimeout,
  ProxyError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  WriteError,
  WriteTimeout,
} from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import type { Exchange } from './exchange.ts'

/** What a proxy did instead of opening a tunnel. */
export interface TunnelFailure {
  /** `The proxy ...` */
  readonly what: string
  readonly cause?: unknown
  readonly status?: number
  readonly reason?: string
  /** It would do the same again. */
  readonly isFinal?: boolean
}

/** Why no connection came to be. */
export interface DialFailure {
  /** The network's error, or what a hook threw. */
  readonly cause: unknown
  /** The address that failed so; null if it came to none. */
  readonly address: string | null
  /** The proxy on the way; null for none. */
  readonly proxy: Origin | null
  /** It failed there, and not behind it. */
  readonly atProxy: boolean
  /** The proxy was reached, and did this. */
  readonly tunnel: TunnelFailure | null
}

/** A proxy's troubles are a `ProxyError`, whether or not it was reached; those behind it are not. */
export function dialFailed(
  exchange: Exchange,
  origin: Origin,
  failure: DialFailure,
): ConnectError | ProxyError {
  const { cause, atProxy, tunnel, proxy } = failure
  if (proxy !== null && tunnel !== null) {
    const text = `The ${proxy.key} ${tunnel.what} (${exchange.describe()})`
    const { status, reason, isFinal } = tunnel
    const facts = exchange.facts(cause)
    const safeToRetry = isFinal !== true && facts.safeToRetry
    return new ProxyError(text, { ...facts, safeToRetry, status, reason })
  }
  const text = `${whatFailed(exchange, origin, failure)} failed: ${reasonOf(cause)} (${exchange.describe()})`
  const type = atProxy ? ProxyError : ConnectError
  return new type(text, exchange.facts(cause))
}

function whatFailed(
  { phase }: Exchange,
  { authority }: Origin,
  { address, proxy, atProxy }: DialFailure,
): string {
  const name = proxy !== null && atProxy ? `the ${proxy.key}` : authority
  const where = address === null || name.includes(address) ? name : `${name} (${address})`
  const through = proxy !== null && !atProxy ? ` through the ${proxy.key}` : ''
  const isTls = phase === 'tls' || phase === 'proxy'
  return `${isTls ? 'TLS with' : phase === 'dns' ? 'Finding' : 'Connecting to'} ${where}${through}`
}

export function dialTimedOut(
  exchange: Exchange,
  origin: Origin,
  proxy: Origin | null,
): ConnectTimeout {
  const to = origin === proxy ? `the ${origin.key}` : origin.authority
  const through = proxy === null || origin === proxy ? '' : ` through the ${proxy.key}`
  const text = `No connection to ${to}${through} within ${exchange.timeouts.connect} ms`
  return new ConnectTimeout(
    `${text}, at ${exchange.phase} (${exchange.describe()})`,
    exchange.facts(),
  )
}

export function invalidResponse(exchange: Exchange, fault: string): RemoteProtocolError {
  const text = `The server's response is not valid: ${fault} (${exchange.describe()})`
  return new RemoteProtocolError(text, exchange.facts())
}

export function connectionBroke(exchange: Exchange, cause: Error): ReadError | ConnectError {
  if (isLateRefusal(exchange, cause)) return handshakeRefused(exchange, cause)
  const text = `The connection broke: ${reasonOf(cause)} (${exchange.describe()})`
  return new ReadError(text, exchange.facts(cause))
}

export function sendingFailed(exchange: Exchange, cause: Error): WriteError | ConnectError {
  if (isLateRefusal(exchange, cause)) return handshakeRefused(exchange, cause)
  const text = `Sending the request failed: ${reasonOf(cause)} (${exchange.describe()})`
  return new WriteError(text, exchange.facts(cause))
}

/** A TLS 1.3 server judges the client's certificate when the client has done its part. RFC 8446 4.4.2.4 */
function isLateRefusal(exchange: Exchange, cause: Error): boolean {
  return !exchange.responseStarted && !exchange.reused && isTlsAlert(cause)
}

function handshakeRefused(exchange: Exchange, cause: Error): ConnectError {
  const text = `The peer refused the TLS handshake: ${reasonOf(cause)} (${exchange.describe()})`
  return new ConnectError(text, { ...exchange.facts(cause), phase: 'tls', safeToRetry: false })
}

export function nothingRead(exchange: Exchange): ReadTimeout {
  const what = exchange.responseStarted
    ? 'No byte of the rest of the response came'
    : 'No response came'
  const text = `${what} for ${exchange.timeouts.read} ms (${exchange.describe()})`
  return new ReadTimeout(text, exchange.facts())
}

export function nothingSent(exchange: Exchange, pending: number): WriteTimeout {
  const what = `No progress in sending for ${exchange.timeouts.write} ms, ${pending} bytes wait`
  return new WriteTimeout(`${what} (${exchange.describe()})`, exchange.facts())
}

/** In one line. OpenSSL's messages have two, with paths of its build; what they mean is their `reason`. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const { reason } = cause as { reason?: unknown }
  const text = hasCode(cause, /^ERR_SSL_/) && typeof reason === 'string' ? reason : cause.message
  return text === '' ? String(cause) : text.replace(/\s+/g, ' ').trim()
}

/** Whether the peer has refused in TLS what it was given. RFC 8446 6.2 */
export function isTlsAlert(cause: unknown): boolean {
  return cause instanceof Error && hasCode(cause, /^ERR_SSL_\w*ALERT/)
}

function hasCode({ code }: NodeJS.ErrnoException, pattern: RegExp): boolean {
  return code !== undefined && pattern.test(code)
}
