import type { Timeout } from '../models/timeout.ts'

/** What a connection may be late with. */
export type DeadlineKind = 'read' | 'write' | 'continue' | 'idle'

/** How long a request with `Expect: 100-continue` holds its content back, in ms. RFC 9110 10.1.1 */
const CONTINUE_WAIT = 1000

/** Times are the clock's, in milliseconds. */
export interface DeadlineFacts {
  /** Of the exchange; null when idle. */
  readonly timeouts: Timeout | null
  /** Written bytes wait for the operating system to take them. */
  readonly blocked: boolean
  /** The content has not been handed over whole. */
  readonly sending: boolean
  /** The content waits for 100 (Continue). */
  readonly awaitingContinue: boolean
  /** The reader asked for a pause: it is slow, not the peer. */
  readonly paused: boolean
  /** When a byte was last received, or the request had been sent, or reading went on. */
  readonly readSince: number
  /** When sending last made progress. */
  readonly writeSince: number
  /** When an idle connection is closed. */
  readonly idleUntil: number
}

/** Which deadline is next: the one place that says so. Null when the connection waits for nobody but the caller. */
export function deadlineKind(facts: DeadlineFacts): DeadlineKind | null {
  if (facts.timeouts === null) return 'idle'
  if (facts.blocked) return 'write'
  if (facts.awaitingContinue) return 'continue'
  if (facts.sending || facts.paused) return null
  return 'read'
}

/** When that is; `Infinity` for never. */
export function deadlineAt(facts: DeadlineFacts, kind: DeadlineKind | null): number {
  switch (kind) {
    case 'read':
      return facts.readSince + (facts.timeouts?.read ?? Number.POSITIVE_INFINITY)
    case 'write':
      return facts.writeSince + (facts.timeouts?.write ?? Number.POSITIVE_INFINITY)
    case 'continue':
      return facts.writeSince + CONTINUE_WAIT
    case 'idle':
      return facts.idleUntil
    default:
      return Number.POSITIVE_INFINITY
  }
}
