/** Why connections end. Traces, tests and `inspect` show the name. */
export const closeReasons = {
  'dial-failed': 'it could not be established',
  'server-says-close': 'the response forbids another on this connection (RFC 9112 9.3)',
  'client-says-close': 'the request said Connection: close',
  'body-until-close': 'the body lasted until the end of the connection',
  'surplus-bytes': 'bytes came behind a complete response (CVE-2026-6733)',
  'surplus-unknown':
    'the read that completed a response was full: what stands behind it is unknown',
  'idle-data': 'bytes came that nobody had asked for',
  'peer-ended': 'the peer closed',
  'peer-reset': 'the network failed',
  'upload-unfinished':
    'the response came before the request had been sent, and did not want the rest',
  'keepalive-expired': 'it was idle for too long',
  'lifetime-over': 'it had lived for maxLifetime',
  'too-many-idle': 'maxKeepaliveConnections others were idle',
  'place-needed': 'a request for another origin had waited longest',
  timeout: 'a deadline passed',
  'protocol-error': 'what came was not HTTP/1.x',
  'request-failed': "the request's content could not be sent as announced",
  'handler-threw': 'the handler threw',
  aborted: 'the request was aborted',
  'pool-closed': 'the pool was closed',
  upgraded: 'it was given away as a raw socket',
} as const

/** The name of a reason. */
export type CloseReason = keyof typeof closeReasons

/** What is known of a connection whose exchange is complete. */
export interface CompletedFacts {
  readonly surplus: number
  /** The read that brought the end had no byte to spare. */
  readonly targetFull: boolean
  readonly untilClose: boolean
  readonly requestSent: boolean
  readonly requestSaysClose: boolean
  /** RFC 9112 9.3 */
  readonly persistent: boolean
  /** The peer has closed its side already. */
  readonly peerEnded: boolean
}

/** Why a connection must not be used again after a complete exchange; null when it may. */
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
