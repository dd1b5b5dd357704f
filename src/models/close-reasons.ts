/** The reasons why connections are closed. Traces and `util.inspect` show the name. */
export const closeReasons = {
  'dial-failed': 'the connection could not be established',
  'server-close': 'the response does not allow another request (RFC 9112 9.3)',
  'client-close': 'the request had the field Connection: close',
  'body-until-close': 'the end of the connection marked the end of the response body',
  'surplus-bytes': 'the server sent bytes after the end of a response (CVE-2026-6733)',
  'surplus-unknown':
    'the last read of a response filled its buffer, so bytes after the response may be unread',
  'unsolicited-data': 'the server sent bytes while the connection was idle',
  'peer-ended': 'the peer closed the connection',
  'peer-reset': 'the connection failed, for example with ECONNRESET',
  'upload-unfinished': 'the response ended before the whole request was sent',
  'keepalive-expired': 'the connection was idle for longer than allowed',
  'max-lifetime': 'the connection was older than maxLifetime',
  'settings-changed':
    'the certificate was not verified, and NODE_TLS_REJECT_UNAUTHORIZED is no longer 0',
  'too-many-idle': 'maxKeepaliveConnections other connections were idle',
  evicted: 'a request to another origin needed a connection, and the pool was full',
  timeout: 'a timeout expired, or the rest of a discarded body did not arrive within a second',
  'protocol-error': 'the response was not valid HTTP/1.x',
  'request-failed': 'the request body could not be read, or did not match its Content-Length',
  'handler-threw': 'a method of the handler threw',
  aborted: 'the request was aborted',
  'pool-closed': 'the pool was closed',
  upgraded: 'the connection was handed to the caller as a raw socket',
} as const

/** The name of a close reason. */
export type CloseReason = keyof typeof closeReasons
