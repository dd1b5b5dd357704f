/**
 * The errors that Hawser throws. Every layer imports this file.
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
 *     DecodingError  TooManyRedirects  InsecureRedirect  ResponseTooLarge
 *   HTTPStatusError
 *   InvalidURL  ClientClosed
 *   StreamError             StreamConsumed StreamClosed ResponseNotRead
 * ```
 *
 * A message states what happened, for which request, and after how long. URLs are redacted. It has
 * at most about 2000 characters, and no control characters except tab and line feed.
 */
import { INSPECT, messageText, redactUrl } from './redaction.ts'

export { redactUrl }

/** The phase of an exchange in which it failed. */
export type Phase = 'queue' | 'dns' | 'tcp' | 'proxy' | 'tls' | 'write' | 'wait' | 'read'

/**
 * The request that an error reports. It has `url`, or, from the engine, `origin` and `path`. A
 * `path` with a query is not enumerable: logs show it redacted.
 */
export interface RequestFacts {
  readonly method: string
  readonly url?: string | URL | undefined
  readonly origin?: string | URL | undefined
  readonly path?: string | undefined
}

/** The response that an error reports. */
export interface ResponseFacts {
  readonly status: number
}

/** The cause of an error, available as the standard property `cause`. */
export interface CauseFacts {
  readonly cause?: unknown
}

/** The properties of a `RequestError`. Those that are omitted become null, 0 or false. */
export interface ErrorFacts extends CauseFacts {
  readonly request?: RequestFacts | null | undefined
  readonly phase?: Phase | null | undefined
  readonly bytesSent?: number | undefined
  readonly responseStarted?: boolean | undefined
  readonly reusedConnection?: boolean | undefined
  readonly safeToRetry?: boolean | undefined
}

/** A part of a value that does not match a schema, as Standard Schema 1 describes it. */
export interface ValidationIssue {
  readonly message: string
  /** The keys that lead to that part of the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The properties of a `DecodingError`: those of a `RequestError`, and the issues of a schema. */
export interface DecodingErrorFacts extends ErrorFacts {
  readonly issues?: readonly ValidationIssue[] | null | undefined
}

/** The properties of a `ProxyError`: those of a `RequestError`, and the proxy's response. */
export interface ProxyErrorFacts extends ErrorFacts {
  readonly status?: number | null | undefined
  readonly reason?: string | null | undefined
}

// The codes make the classes different types. If their types were equal, TypeScript would consider
// the `else` branch of `error instanceof TimeoutException` unreachable.
type TimeoutCode =
  | 'HAWSER_TIMEOUT_EXCEPTION'
  | `HAWSER_${'CONNECT' | 'READ' | 'WRITE' | 'POOL' | 'TOTAL'}_TIMEOUT`
type NetworkCode = `HAWSER_${'NETWORK' | 'CONNECT' | 'READ' | 'WRITE' | 'CLOSE'}_ERROR`
type ProtocolCode = `HAWSER_${'' | 'LOCAL_' | 'REMOTE_'}PROTOCOL_ERROR`
type TransportCode =
  | TimeoutCode
  | NetworkCode
  | ProtocolCode
  | 'HAWSER_TRANSPORT_ERROR'
  | 'HAWSER_PROXY_ERROR'
  | 'HAWSER_UNSUPPORTED_PROTOCOL'
type RequestCode =
  | TransportCode
  | 'HAWSER_REQUEST_ERROR'
  | 'HAWSER_DECODING_ERROR'
  | 'HAWSER_TOO_MANY_REDIRECTS'
  | 'HAWSER_INSECURE_REDIRECT'
  | 'HAWSER_RESPONSE_TOO_LARGE'
type StreamCode = `HAWSER_STREAM_${'ERROR' | 'CONSUMED' | 'CLOSED'}` | 'HAWSER_RESPONSE_NOT_READ'

/** The codes of all errors. */
export type ErrorCode =
  | RequestCode
  | StreamCode
  | 'HAWSER_ERROR'
  | 'HAWSER_HTTP_STATUS_ERROR'
  | 'HAWSER_INVALID_URL'
  | 'HAWSER_CLIENT_CLOSED'

/** The base class of all errors that Hawser throws, except a `TypeError` for an invalid option. */
export class HawserError extends Error {
  /** A code for the class, such as `HAWSER_READ_TIMEOUT`. It does not change between versions. */
  readonly code: ErrorCode = 'HAWSER_ERROR'

  constructor(message: string, facts?: CauseFacts) {
    super(messageText(message), withoutPrototype(facts))
  }
}

/** A request could not be sent, or its response could not be received. */
export class RequestError extends HawserError {
  override readonly code: RequestCode = 'HAWSER_REQUEST_ERROR'
  /** The request that failed, null if there is none. */
  readonly request: RequestFacts | null
  /** The phase in which it failed, null if it is not known. */
  readonly phase: Phase | null
  /** How many bytes of the request were written to the socket, head included. */
  readonly bytesSent: number
  /** Whether at least one byte of the response was received. */
  readonly responseStarted: boolean
  /** Whether the connection had already served another request. */
  readonly reusedConnection: boolean
  /**
   * Whether the request can be sent again: the server cannot have processed it, or the method is
   * idempotent. RFC 9110 9.2.2
   */
  readonly safeToRetry: boolean

  constructor(message: string, facts?: ErrorFacts) {
    super(message, facts)
    const known = withoutPrototype(facts)
    this.request = describeRequest(known.request)
    this.phase = known.phase ?? null
    this.bytesSent = known.bytesSent ?? 0
    this.responseStarted = known.responseStarted ?? false
    this.reusedConnection = known.reusedConnection ?? false
    this.safeToRetry = known.safeToRetry ?? false
  }
}

/** The exchange failed because of the network, the protocol, a proxy or a timeout. */
export class TransportError extends RequestError {
  override readonly code: TransportCode = 'HAWSER_TRANSPORT_ERROR'
}

/** A timeout expired. */
export class TimeoutException extends TransportError {
  override readonly code: TimeoutCode = 'HAWSER_TIMEOUT_EXCEPTION'
}

/** No connection was established within `timeout.connect`: DNS, TCP, proxy and TLS together. */
export class ConnectTimeout extends TimeoutException {
  override readonly code = 'HAWSER_CONNECT_TIMEOUT'
}

/**
 * No byte was received or sent for `timeout.read`, or the response head took longer than that.
 */
export class ReadTimeout extends TimeoutException {
  override readonly code = 'HAWSER_READ_TIMEOUT'
}

/** Sending made no progress within `timeout.write`. */
export class WriteTimeout extends TimeoutException {
  override readonly code = 'HAWSER_WRITE_TIMEOUT'
}

/** The pool had no free connection within `timeout.pool`. */
export class PoolTimeout extends TimeoutException {
  override readonly code = 'HAWSER_POOL_TIMEOUT'
}

/** The call was not complete within `timeout.total`. */
export class TotalTimeout extends TimeoutException {
  override readonly code = 'HAWSER_TOTAL_TIMEOUT'
}

/** The network failed. `cause` is the error of the operating system. */
export class NetworkError extends TransportError {
  override readonly code: NetworkCode = 'HAWSER_NETWORK_ERROR'
}

/** The connection could not be established, or the certificate of the server was refused. */
export class ConnectError extends NetworkError {
  override readonly code = 'HAWSER_CONNECT_ERROR'
}

/** The connection failed while the response was awaited or received. */
export class ReadError extends NetworkError {
  override readonly code = 'HAWSER_READ_ERROR'
}

/** The connection failed while the request was sent. */
export class WriteError extends NetworkError {
  override readonly code = 'HAWSER_WRITE_ERROR'
}

/**
 * Closing a connection failed. Hawser never throws it: a failed close is not reported. It exists so
 * that code ported from HTTPX can name it.
 */
export class CloseError extends NetworkError {
  override readonly code = 'HAWSER_CLOSE_ERROR'
}

/** The client or the server violated the HTTP protocol. */
export class ProtocolError extends TransportError {
  override readonly code: ProtocolCode = 'HAWSER_PROTOCOL_ERROR'
}

/**
 * The caller's request is not valid HTTP. Nothing was sent, unless the error is in the body: its
 * length or the type of a chunk.
 */
export class LocalProtocolError extends ProtocolError {
  override readonly code = 'HAWSER_LOCAL_PROTOCOL_ERROR'
}

/** The response of the server is not valid HTTP. */
export class RemoteProtocolError extends ProtocolError {
  override readonly code = 'HAWSER_REMOTE_PROTOCOL_ERROR'
}

/** The proxy could not be reached (`cause`), or refused the tunnel (`status`, `reason`). */
export class ProxyError extends TransportError {
  override readonly code = 'HAWSER_PROXY_ERROR'
  /** The status code of the proxy's response, null if there was none. */
  readonly status: number | null
  /** The reason phrase of the proxy's response, null if there was none. */
  readonly reason: string | null

  constructor(message: string, facts?: ProxyErrorFacts) {
    super(message, facts)
    const known = withoutPrototype(facts)
    this.status = known.status ?? null
    this.reason = known.reason ?? null
  }
}

/** The scheme of the URL is not supported. */
export class UnsupportedProtocol extends TransportError {
  override readonly code = 'HAWSER_UNSUPPORTED_PROTOCOL'
}

/**
 * The content of the response could not be decoded (RFC 9110 8.4), is not the stream of events or
 * records that the caller reads, or does not match the schema (`issues`).
 */
export class DecodingError extends RequestError {
  override readonly code = 'HAWSER_DECODING_ERROR'
  /** What does not match the schema, as the schema reports it; null for another reason. */
  readonly issues: readonly ValidationIssue[] | null

  constructor(message: string, facts?: DecodingErrorFacts) {
    super(message, facts)
    this.issues = withoutPrototype(facts).issues ?? null
  }
}

/** The server redirected more than `maxRedirects` times. */
export class TooManyRedirects extends RequestError {
  override readonly code = 'HAWSER_TOO_MANY_REDIRECTS'
}

/** A redirect leads from https to http, and `followRedirects` is `'no-downgrade'`. */
export class InsecureRedirect extends RequestError {
  override readonly code = 'HAWSER_INSECURE_REDIRECT'
}

/** The body of the response is larger than the caller permits. */
export class ResponseTooLarge extends RequestError {
  override readonly code = 'HAWSER_RESPONSE_TOO_LARGE'
}

/** `raiseForStatus()` was called on a 4xx or 5xx response. */
export class HTTPStatusError extends HawserError {
  override readonly code = 'HAWSER_HTTP_STATUS_ERROR'
  /** The request that the response answers. In `hawser`, it has the type of the client. */
  readonly request: RequestFacts
  /** The response. In `hawser`, it has the type of the client. */
  readonly response: ResponseFacts

  constructor(
    message: string,
    facts: CauseFacts & { readonly request: RequestFacts; readonly response: ResponseFacts },
  ) {
    super(message, facts)
    this.request = facts.request
    this.response = facts.response
  }
}

/** The URL cannot be parsed, or contains forbidden characters. */
export class InvalidURL extends HawserError {
  override readonly code = 'HAWSER_INVALID_URL'
}

/** The client or pool was closed before or while the request was sent. */
export class ClientClosed extends HawserError {
  override readonly code = 'HAWSER_CLIENT_CLOSED'
}

/** The state of a body does not permit the operation. */
export class StreamError extends HawserError {
  override readonly code: StreamCode = 'HAWSER_STREAM_ERROR'
  /** The request of the call, null if it is not known. */
  readonly request: RequestFacts | null

  constructor(message: string, facts?: CauseFacts & Pick<ErrorFacts, 'request'>) {
    super(message, facts)
    this.request = describeRequest(withoutPrototype(facts).request)
  }
}

/** The body has already been consumed, and cannot be read or sent again. */
export class StreamConsumed extends StreamError {
  override readonly code = 'HAWSER_STREAM_CONSUMED'
}

/** The body was closed before it was read completely. */
export class StreamClosed extends StreamError {
  override readonly code = 'HAWSER_STREAM_CLOSED'
}

/** `text()`, `json()` or `bytes()` was called on a streamed response before `read()`. */
export class ResponseNotRead extends StreamError {
  override readonly code = 'HAWSER_RESPONSE_NOT_READ'
}

// The names are set as strings, because minifiers rename classes.
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
  InsecureRedirect,
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
 * Hides a `path` that can contain secrets, such as a query: it is not enumerable, and `inspect` and
 * JSON show it redacted.
 */
function describeRequest(request: RequestFacts | null | undefined): RequestFacts | null {
  if (!request || typeof request.path !== 'string' || !Object.hasOwn(request, 'path')) {
    return request ?? null
  }
  const { path, ...shown } = request
  const shownPath = redactUrl(path)
  if (shownPath === path) return request
  const redacted = () => ({ ...shown, path: shownPath })
  return Object.defineProperties(shown, {
    path: withoutPrototype({ value: path }),
    toJSON: withoutPrototype({ value: redacted }),
    [INSPECT]: withoutPrototype({ value: redacted }),
  })
}

/**
 * Copies the facts to an object without a prototype. `Error` and destructuring would otherwise read
 * properties of a polluted `Object.prototype`.
 */
function withoutPrototype<Facts extends object>(facts: Facts | undefined): Partial<Facts> {
  return Object.assign(Object.create(null), facts)
}
