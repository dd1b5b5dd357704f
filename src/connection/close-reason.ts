import type { CloseReason } from '../models/close-reasons.ts'

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
  readonly requestCloses: boolean
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
  if (!facts.persistent) return 'server-close'
  if (facts.requestCloses) return 'client-close'
  if (facts.peerEnded) return 'peer-ended'
  if (facts.targetFull) return 'surplus-unknown'
  return null
}
