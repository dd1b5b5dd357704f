/**
 * Every error that Hawser throws, drawn first so that all layers share it.
 *
 * ```
 * HawserError
 *   RequestError
 *     TransportError
 *       TimeoutException    ConnectTimeout ReadTimeout WriteTimeout PoolTimeout TotalTimeout
 *       NetworkError        ConnectError ReadError WriteError CloseError
 *       ProtocolError       LocalProtocolError RemoteProtocolError
 *       ProxyError
 *       UnsupportedProtocol
 *     DecodingError  TooManyRedirects  ResponseTooLarge
 *   HTTPStatusError
 *   InvalidURL  ClientClosed
 *   StreamError             StreamConsumed StreamClosed ResponseNotRead
 * ```
 *
 * Messages say what happened, where and after how long; URLs in them went through `redactUrl`.
 */

/** What an exchange was doing when it failed. */
export type Phase = 'queue' | 'dns' | 'tcp' | 'proxy' | 'tls' | 'write' | 'wait' | 'read'

/** What errors know of a request: the engine's has `origin` and `path`, the client's a `url`. */
export interface RequestFacts {
  readonly method: string
  readonly url?: string | URL | undefined
  readonly origin?: string | URL | undefined
  readonly path?: string | undefined
}

/** What errors know of a response. */
export interface ResponseFacts {
  readonly status: number
}

/** Why it failed; kept as the standard `cause`. */
export interface CauseFacts {
  readonly cause?: unknown
}

/** What a `RequestError` can say of its exchange. What is left out takes the field's default. */
export interface ErrorFacts extends CauseFacts {
  readonly request?: RequestFacts | null | undefined
  readonly phase?: Phase | null | undefined
  readonly bytesSent?: number | undefined
  readonly responseStarted?: boolean | undefined
  readonly reusedConnection?: boolean | undefined
  readonly safeToRetry?: boolean | undefined
}

/** What a `ProxyError` can say besides: the proxy's own answer. */
export interface ProxyErrorFacts extends ErrorFacts {
  readonly status?: number | null | undefined
  readonly reason?: string | null | undefined
}

type TimeoutCode =
  | 'HAWSER_TIMEOUT_EXCEPTION'
  | `HAWSER_${'CONNECT' | 'READ' | 'WRITE' | 'POOL' | 'TOTAL'}_TIMEOUT`
type NetworkCode = `HAWSER_${'NETWORK' | 'CONNECT' | 'READ' | 'WRITE' | 'CLOSE'}_ERROR`
type ProtocolCode = `HAWSER_${'' | 'LOCAL_' | 'REMOTE_'}PROTOCOL_ERROR`
// Without codes of their own these classes would look the same to TypeScript, which then takes the
// `else` of `error instanceof TimeoutException` for unreachable.
type TransportCode =
  | TimeoutCode
  | NetworkCode
  | ProtocolCode
  | 'HAWSER_TRANSPORT_ERROR'
  | 'HAWSER_PROXY_ERROR'
  | 'HAWSER_UNSUPPORTED_PROTOCOL'

/** The root of every error that Hawser throws, save a `TypeError` for a bad option. */
export class HawserError extends Error {
  /** Stable across versions: the class's name in capitals, `HAWSER_READ_TIMEOUT`. */
  readonly code: string = 'HAWSER_ERROR'

  constructor(message: string, facts?: CauseFacts) {
    super(message, ownFacts(facts))
  }
}

/** A request failed on its way, or its response did. */
export class RequestError extends HawserError {
  override readonly code: string = 'HAWSER_REQUEST_ERROR'
  readonly request: RequestFacts | null
  readonly phase: Phase | null
  /** Bytes of the request that were handed to the socket, head included. */
  readonly bytesSent: number
  /** Whether one byte of the response had come. */
  readonly responseStarted: boolean
  /** Whether the connection had served another request before. */
  readonly reusedConnection: boolean
  /** Whether it cannot have been processed, or may be processed twice. RFC 9110 9.2.2 */
  readonly safeToRetry: boolean

  constructor(message: string, facts?: ErrorFacts) {
    super(message, facts)
    const known = ownFacts(facts)
    this.request = known.request ?? null
    this.phase = known.phase ?? null
    this.bytesSent = known.bytesSent ?? 0
    this.responseStarted = known.responseStarted ?? false
    this.reusedConnection = known.reusedConnection ?? false
    this.safeToRetry = known.safeToRetry ?? false
  }
}

/** The exchange itself failed: network, protocol, proxy or time. */
export class TransportError extends RequestError {
  override readonly code: TransportCode = 'HAWSER_TRANSPORT_ERROR'
}

/** A deadline passed. */
export class TimeoutException extends TransportError {
  override readonly code: TimeoutCode = 'HAWSER_TIMEOUT_EXCEPTION'
}

/** No connection was established in time: DNS, TCP, proxy and TLS together. */
export class ConnectTimeout extends TimeoutException {
  override readonly code = 'HAWSER_CONNECT_TIMEOUT'
}

/** No byte came for too long while one was awaited. */
export class ReadTimeout extends TimeoutException {
  override readonly code = 'HAWSER_READ_TIMEOUT'
}

/** Sending made no progress for too long. */
export class WriteTimeout extends TimeoutException {
  override readonly code = 'HAWSER_WRITE_TIMEOUT'
}

/** The pool had no connection to give in time. */
export class PoolTimeout extends TimeoutException {
  override readonly code = 'HAWSER_POOL_TIMEOUT'
}

/** The whole call took too long. */
export class TotalTimeout extends TimeoutException {
  override readonly code = 'HAWSER_TOTAL_TIMEOUT'
}

/** The network failed; `cause` has the system's error. */
export class NetworkError extends TransportError {
  override readonly code: NetworkCode = 'HAWSER_NETWORK_ERROR'
}

/** No connection could be made, or its certificate was refused. */
export class ConnectError extends NetworkError {
  override readonly code = 'HAWSER_CONNECT_ERROR'
}

/** The connection broke while the response was awaited or read. */
export class ReadError extends NetworkError {
  override readonly code = 'HAWSER_READ_ERROR'
}

/** The connection broke while the request was sent. */
export class WriteError extends NetworkError {
  override readonly code = 'HAWSER_WRITE_ERROR'
}

/** The connection was closed under the exchange. */
export class CloseError extends NetworkError {
  override readonly code = 'HAWSER_CLOSE_ERROR'
}

/** HTTP was broken by one of the sides. */
export class ProtocolError extends TransportError {
  override readonly code: ProtocolCode = 'HAWSER_PROTOCOL_ERROR'
}

/** The caller asked for what HTTP does not allow; nothing of it was written. */
export class LocalProtocolError extends ProtocolError {
  override readonly code = 'HAWSER_LOCAL_PROTOCOL_ERROR'
}

/** The server sent what HTTP does not allow. */
export class RemoteProtocolError extends ProtocolError {
  override readonly code = 'HAWSER_REMOTE_PROTOCOL_ERROR'
}

/** The proxy could not be reached (`cause`), or refused (`status`, `reason`). */
export class ProxyError extends TransportError {
  override readonly code = 'HAWSER_PROXY_ERROR'
  /** The status of the proxy's answer, null if there was none. */
  readonly status: number | null
  /** The reason phrase of the proxy's answer, null if there was none. */
  readonly reason: string | null

  constructor(message: string, facts?: ProxyErrorFacts) {
    super(message, facts)
    const known = ownFacts(facts)
    this.status = known.status ?? null
    this.reason = known.reason ?? null
  }
}

/** The URL's scheme is none that Hawser speaks. */
export class UnsupportedProtocol extends TransportError {
  override readonly code = 'HAWSER_UNSUPPORTED_PROTOCOL'
}

/** The response's content coding is broken. RFC 9110 8.4 */
export class DecodingError extends RequestError {
  override readonly code = 'HAWSER_DECODING_ERROR'
}

/** More redirects than `maxRedirects`. */
export class TooManyRedirects extends RequestError {
  override readonly code = 'HAWSER_TOO_MANY_REDIRECTS'
}

/** The response's body is larger than the caller allows. */
export class ResponseTooLarge extends RequestError {
  override readonly code = 'HAWSER_RESPONSE_TOO_LARGE'
}

/** `raiseForStatus()` met a 4xx or 5xx. */
export class HTTPStatusError<
  Request extends RequestFacts = RequestFacts,
  Response extends ResponseFacts = ResponseFacts,
> extends HawserError {
  override readonly code = 'HAWSER_HTTP_STATUS_ERROR'
  readonly request: Request
  readonly response: Response

  constructor(message: string, facts: CauseFacts & { request: Request; response: Response }) {
    super(message, facts)
    this.request = facts.request
    this.response = facts.response
  }
}

/** The URL cannot be parsed, or has characters that no URL may have. */
export class InvalidURL extends HawserError {
  override readonly code = 'HAWSER_INVALID_URL'
}

/** The client or pool was closed before the request was made. */
export class ClientClosed extends HawserError {
  override readonly code = 'HAWSER_CLIENT_CLOSED'
}

/** A body was used in a way that its state does not allow. */
export class StreamError extends HawserError {
  override readonly code: string = 'HAWSER_STREAM_ERROR'
  /** The request that needed the body, null if it was not one. */
  readonly request: RequestFacts | null

  constructor(message: string, facts?: CauseFacts & Pick<ErrorFacts, 'request'>) {
    super(message, facts)
    this.request = ownFacts(facts).request ?? null
  }
}

/** The body has been taken already, and cannot be taken or sent again. */
export class StreamConsumed extends StreamError {
  override readonly code = 'HAWSER_STREAM_CONSUMED'
}

/** The body was closed before it was read. */
export class StreamClosed extends StreamError {
  override readonly code = 'HAWSER_STREAM_CLOSED'
}

/** `text()`, `json()` or `bytes()` of a streamed response before `read()`. */
export class ResponseNotRead extends StreamError {
  override readonly code = 'HAWSER_RESPONSE_NOT_READ'
}

// Names as text, on the prototypes: a minifier renames the classes.
const classes = {
  HawserError,
  RequestError,
  TransportError,
  TimeoutException,
  ConnectTimeout,
  ReadTimeout,
  WriteTimeout,
  PoolTimeout,
  TotalTimeout,
  NetworkError,
  ConnectError,
  ReadError,
  WriteError,
  CloseError,
  ProtocolError,
  LocalProtocolError,
  RemoteProtocolError,
  ProxyError,
  UnsupportedProtocol,
  DecodingError,
  TooManyRedirects,
  ResponseTooLarge,
  HTTPStatusError,
  InvalidURL,
  ClientClosed,
  StreamError,
  StreamConsumed,
  StreamClosed,
  ResponseNotRead,
}
for (const [name, type] of Object.entries(classes)) type.prototype.name = name

/**
 * A URL fit for messages and logs: without userinfo and fragment, its query shown as `?…`.
 * Never throws. What is no URL loses all up to its last `@`, since a password may hold any character.
 */
export function redactUrl(url: string | URL): string {
  const text = String(url)
  const parsed = parsedUrl(text)
  if (parsed?.host) {
    return `${parsed.protocol}//${parsed.host}${parsed.pathname}${parsed.search && '?…'}`
  }
  const isPath = /^\/(?!\/)/.test(text)
  const shown = isPath ? text : text.slice(text.lastIndexOf('@') + 1)
  return shown.replace(/#.*/s, '').replace(/\?.*/s, '?…')
}

/** As that of models/, which nothing may be imported from here. */
function parsedUrl(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

/** The facts, if any, without a prototype: `Error` and destructuring would read a polluted one. */
function ownFacts<Facts extends object>(facts: Facts | undefined): Partial<Facts> {
  return Object.assign(Object.create(null), facts)
}
