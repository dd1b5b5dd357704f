/**
 * Creates the errors of connections. A message has the failure and its reason, and then the method,
 * the redacted URL and the elapsed time.
 */

import type { Phase } from '../errors.ts'
import {
  ConnectError,
  ConnectTimeout,
  ProxyError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  StreamClosed,
  WriteError,
  WriteTimeout,
} from '../errors.ts'
import { option, withoutPrototype } from '../models/options.ts'
import type { Origin } from '../models/origin.ts'
import { isError } from '../models/value-kind.ts'
import type { Exchange } from './exchange.ts'

/** Why a proxy that was reached did not open a tunnel. */
export interface TunnelFailure {
  /**
   * The end of a message that begins with `The proxy <url>`, for example
   * `refused a tunnel to example.com:443: 403`.
   */
  readonly description: string
  readonly cause?: unknown
  /** The status of the proxy's response, if there was one. */
  readonly status?: number
  /** The reason phrase, or the meaning of a SOCKS reply. */
  readonly reason?: string
  /** Whether the proxy would refuse the same request again. */
  readonly isFinal?: boolean
}

/** Why a connection could not be established. */
export interface DialFailure {
  /** A system error, or what a hook of the caller threw. */
  readonly cause: unknown
  /** The address that could not be connected to; null if the failure concerns no address. */
  readonly address: string | null
  /** The proxy of the route, or null. */
  readonly proxy: Origin | null
  /**
   * True if connecting to the proxy failed, or it opened no tunnel; false if connecting to the
   * origin failed, directly or through the proxy.
   */
  readonly failedAtProxy: boolean
  /** Set if the proxy was reached but did not open a tunnel. */
  readonly tunnel: TunnelFailure | null
}

/** A failure to reach or use the proxy is a `ProxyError`, any other failure a `ConnectError`. */
export function dialError(
  exchange: Exchange,
  origin: Origin,
  failure: DialFailure,
): ConnectError | ProxyError {
  const { cause, failedAtProxy, tunnel, proxy } = failure
  if (proxy !== null && tunnel !== null) {
    const text = `The ${proxy.key} ${tunnel.description} (${exchange.describe()})`
    const { status, reason, isFinal } = withoutPrototype(tunnel)
    const facts = exchange.errorFacts(cause)
    const safeToRetry = isFinal !== true && facts.safeToRetry
    return new ProxyError(text, { ...facts, safeToRetry, status, reason })
  }
  const what = failedStep(exchange.phase, origin, failure)
  const text = `${what}: ${systemMessage(cause)} (${exchange.describe()})`
  const type = failedAtProxy ? ProxyError : ConnectError
  return new type(text, exchange.errorFacts(cause))
}

function failedStep(
  phase: Phase,
  { host, authority }: Origin,
  { address, proxy, failedAtProxy }: DialFailure,
): string {
  const isDns = phase === 'dns'
  const name = proxy !== null && failedAtProxy ? `the ${proxy.key}` : isDns ? host : authority
  const where = address === null || name.includes(address) ? name : `${name} (${address})`
  const peer = proxy !== null && !failedAtProxy ? `${where} through the ${proxy.key}` : where
  if (phase === 'tls' || phase === 'proxy') return `TLS handshake with ${peer} failed`
  return isDns ? `Could not resolve ${peer}` : `Could not connect to ${peer}`
}

export function connectTimeout(
  exchange: Exchange,
  origin: Origin,
  proxy: Origin | null,
): ConnectTimeout {
  const to = origin === proxy ? `the ${origin.key}` : origin.authority
  const through = proxy === null || origin === proxy ? '' : ` through the ${proxy.key}`
  const what = `Could not connect to ${to}${through} within ${exchange.timeouts.connect} ms`
  const text = `${what}: timed out in phase ${exchange.phase} (${exchange.describe()})`
  return new ConnectTimeout(text, exchange.errorFacts())
}

export function invalidResponseError(exchange: Exchange, fault: string): RemoteProtocolError {
  const text = `The server's response is not valid: ${fault} (${exchange.describe()})`
  return new RemoteProtocolError(text, exchange.errorFacts())
}

export function readError(exchange: Exchange, cause: Error): ReadError | ConnectError {
  if (isLateHandshakeRefusal(exchange, cause)) return handshakeError(exchange, cause)
  const text = `Could not read the response: ${systemMessage(cause)} (${exchange.describe()})`
  return new ReadError(text, exchange.errorFacts(cause))
}

export function writeError(exchange: Exchange, cause: Error): WriteError | ConnectError {
  if (isLateHandshakeRefusal(exchange, cause)) return handshakeError(exchange, cause)
  const text = `Could not send the request: ${systemMessage(cause)} (${exchange.describe()})`
  return new WriteError(text, exchange.errorFacts(cause))
}

/**
 * Whether the server refused the TLS handshake after the client had finished it. In TLS 1.3, the
 * server checks the client's certificate only then. RFC 8446 4.4.2.4
 */
function isLateHandshakeRefusal(exchange: Exchange, cause: Error): boolean {
  return !exchange.responseStarted && !exchange.reused && isTlsAlert(cause)
}

function handshakeError(exchange: Exchange, cause: Error): ConnectError {
  const text = `The peer refused the TLS handshake: ${systemMessage(cause)} (${exchange.describe()})`
  return new ConnectError(text, { ...exchange.errorFacts(cause), phase: 'tls', safeToRetry: false })
}

/** @param isSourceIdle whether the request is incomplete because its content yields no data */
export function readTimeout(exchange: Exchange, isSourceIdle: boolean): ReadTimeout {
  const what = exchange.responseStarted
    ? 'The response stalled: no data received'
    : 'No response received'
  const cause = isSourceIdle ? ', and the request body yielded no data' : ''
  const text = `${what} for ${exchange.timeouts.read} ms${cause} (${exchange.describe()})`
  return new ReadTimeout(text, exchange.errorFacts())
}

/** The error for a head that began, but was not complete when the `read` timeout had passed. */
export function headTimeout(exchange: Exchange): ReadTimeout {
  const text = `The response head was not complete after waiting for ${exchange.timeouts.read} ms (${exchange.describe()})`
  return new ReadTimeout(text, exchange.errorFacts())
}

/** @param pending bytes that were written and not taken by the operating system */
export function writeTimeout(exchange: Exchange, pending: number): WriteTimeout {
  const what = `Could not send the request: the connection accepted no data for ${exchange.timeouts.write} ms, and ${pending} bytes are pending`
  return new WriteTimeout(`${what} (${exchange.describe()})`, exchange.errorFacts())
}

/**
 * Returns the message of a system error in one line. For an error of OpenSSL that is its `reason`:
 * its message has several lines, with paths of the build of OpenSSL.
 */
export function systemMessage(cause: unknown): string {
  if (!isError(cause)) return String(cause)
  const reason = option(cause as { readonly reason?: unknown }, 'reason', undefined)
  const text = hasCode(cause, /^ERR_SSL_/) && typeof reason === 'string' ? reason : cause.message
  return text === '' ? String(cause) : text.replace(/\s+/g, ' ').trim()
}

/**
 * Whether the peer's certificate was refused. The messages of OpenSSL, Node.js, Bun and Deno
 * contain the word. The codes `ERR_SSL_*` are for the protocol, such as an alert of the peer.
 */
export function isCertificateError(cause: unknown): boolean {
  return isError(cause) && /certificate/i.test(cause.message) && !hasCode(cause, /^ERR_SSL_/)
}

/** Whether the error is a TLS alert, with which the peer refuses the handshake. RFC 8446 6.2 */
export function isTlsAlert(cause: unknown): boolean {
  return isError(cause) && hasCode(cause, /^ERR_SSL_\w*ALERT/)
}

function hasCode(error: NodeJS.ErrnoException, pattern: RegExp): boolean {
  const code = option(error, 'code', undefined)
  return code !== undefined && pattern.test(code)
}

/** For a response that its reader has left before the end of the body. */
export function responseClosedError(): StreamClosed {
  return new StreamClosed('The response was closed before its body was read')
}
