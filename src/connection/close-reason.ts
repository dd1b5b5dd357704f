/** The reasons why connections are closed. Traces and `util.inspect` show the name. */
export const closeReasons = {
  'dial-failed': 'the connection could not be established',
  'server-says-close': 'the response does not allow another request (RFC 9112 9.3)',
  'client-says-close': 'the request had the field Connection: close',
  'body-until-close': 'the end of the connection marked the end of the response body',
  'surplus-bytes': 'the server sent bytes after the end of a response (CVE-2026-6733)',
  'surplus-unknown':
    'the last read of a response filled its buffer, so bytes after the response may be unread',
  'idle-data': 'the server sent bytes while the connection was idle',
  'peer-ended': 'the peer closed the connection',
  'peer-reset': 'the connection failed, for example with ECONNRESET',
  'upload-unfinished': 'the response ended before the whole request was sent',
  'keepalive-expired': 'the connection was idle for longer than allowed',
  'lifetime-over': 'the connection was older than maxLifetime',
  'settings-changed':
    'the certificate was not verified, and NODE_TLS_REJECT_UNAUTHORIZED is no longer 0',
  'too-many-idle': 'maxKeepaliveConnections other connections were idle',
  'place-needed': 'a request to another origin needed a connection, and the pool was full',
  timeout: 'a timeout expired',
  'protocol-error': 'the response was not valid HTTP/1.x',
  'request-failed': 'the request body could not be read, or did not match its Content-Length',
  'handler-threw': 'a method of the handler threw',
  aborted: 'the request was aborted',
  'pool-closed': 'the pool was closed',
  upgraded: 'the connection was handed to the caller as a raw socket',
} as const

/** The name of a close reason. */
export type CloseReason = keyof typeof closeReasons

/** The state of a connection whose exchange is complete. */
export interface CompletedFacts {
  /** Bytes received after the end of the response. */
  readonly surplus: number
  /** Whether the last read filled its buffer, so that more bytes may follow unseen. */
  readonly targetFull: boolean
  /** Whether the body ended with the connection. */
  readonly untilClose: boolean
  /** Whether the whole request was sent. */
  readonly requestSent: boolean
  /** Whether the request had `Connection: close`. */
  readonly requestSaysClose: boolean
  /** Whether the response allows another request. RFC 9112 9.3 */
  readonly persistent: boolean
  /** Whether the peer has closed its side. */
  readonly peerEnded: boolean
}

/** Returns why a connection must not be reused after a complete exchange, or null if it may be. */
export function reasonAgainstReuse(facts: CompletedFacts): CloseReason | null {
  if (facts.surplus > 0) return 'surplus-bytes'
  if (facts.untilClose) return 'body-until-close'
  if (!facts.requestSent) return 'upload-unfinished'
  if (!facts.persistent) return 'server-says-close'
  if (facts.requestSaysClose) return 'client-says-close'
  if (facts.peerEnded) return 'peer-ended'
  if (facts.targetFull) return 'surplus-unknown'
  return null
}
