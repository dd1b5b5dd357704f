import type { Clock, Timer } from '../backends/backend.ts'
import type { Timeout } from '../models/timeout.ts'
import type { ConnectionState, SendingState } from './states.ts'

/**
 * The deadlines of a connection. `continue` is the wait for 100 (Continue), and `drain` the end of
 * the time in which the rest of a discarded body is read.
 */
export type DeadlineKind = 'read' | 'write' | 'continue' | 'idle' | 'drain'

/** How long a request with `Expect: 100-continue` waits with its body, in ms. RFC 9110 10.1.1 */
const CONTINUE_WAIT = 1000

/**
 * How long the rest of a discarded body is read to keep its connection, in ms. The `read` timeout is
 * no limit: a server that sends one byte at a time would keep the connection for hours.
 */
const DRAIN_TIME = 1000

/** What the deadlines depend on. Times are the clock's, in milliseconds. */
export interface DeadlineFacts {
  readonly state: ConnectionState
  readonly sending: SendingState
  /** Those of the exchange, or of the one whose request is still being sent. */
  readonly timeouts: Timeout | null
  /** Whether the caller paused delivery: a slow reader is not a slow server. */
  readonly paused: boolean
  /** Whether a part of a response head has been received. */
  readonly inHead: boolean
  /**
   * When the last bytes were received, or the first ones of a head; or when a pause ended, or
   * sending was abandoned.
   */
  readonly readSince: number
  /** When sending last made progress: the start of the `write` timeout. */
  readonly writeSince: number
  /** When the connection is closed if it is idle. */
  readonly idleDeadline: number
  /** When the response was discarded; `Infinity` if it was not. */
  readonly drainSince: number
}

/**
 * Returns which deadline applies, or null if the connection waits only for the caller. No other
 * code decides this.
 */
export function deadlineKind(facts: DeadlineFacts): DeadlineKind | null {
  switch (facts.state) {
    case 'idle':
      return 'idle'
    case 'complete':
    case 'uploading':
      // Only the upload remains. `write` also limits how long its source may stall.
      return facts.sending === 'sent' || facts.sending === 'abandoned' ? null : 'write'
  }
  // A server that cannot deliver its response may also stop reading the request.
  if (facts.paused) return null
  const kind = kindWhileSending(facts.sending)
  // A head that has begun must arrive in time, whatever the upload does.
  if (facts.inHead && deadlineAt(facts, 'read') <= deadlineAt(facts, kind)) return 'read'
  if (facts.drainSince === Number.POSITIVE_INFINITY) return kind
  return deadlineAt(facts, 'drain') <= deadlineAt(facts, kind) ? 'drain' : kind
}

function kindWhileSending(sending: SendingState): DeadlineKind {
  switch (sending) {
    case 'blocked':
    case 'draining':
    case 'head-blocked':
      return 'write'
    case 'awaiting-continue':
      return 'continue'
    default:
      return 'read'
  }
}

/** Returns the time of a deadline in the clock's time, or `Infinity` if there is none. */
export function deadlineAt(facts: DeadlineFacts, kind: DeadlineKind | null): number {
  switch (kind) {
    case 'read':
      return readStart(facts) + (facts.timeouts?.read ?? Number.POSITIVE_INFINITY)
    case 'write':
      return facts.writeSince + (facts.timeouts?.write ?? Number.POSITIVE_INFINITY)
    case 'continue':
      return facts.writeSince + CONTINUE_WAIT
    case 'idle':
      return facts.idleDeadline
    case 'drain':
      return facts.drainSince + DRAIN_TIME
    default:
      return Number.POSITIVE_INFINITY
  }
}

/**
 * The `read` timeout starts with the last byte in either direction, because the server may wait for
 * the request. A head does not depend on the request any more once it has begun.
 */
function readStart({ inHead, readSince, writeSince }: DeadlineFacts): number {
  return inHead ? readSince : Math.max(readSince, writeSince)
}

/**
 * A timer for a deadline that moves often. It stays armed for the earliest requested time. When it
 * fires, the owner checks what is due, and arms it again. A deadline that only moves into the
 * future, as that of each request does, therefore costs one comparison.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #timer: Timer
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, owner: { onDue(): void }) {
    this.#clock = clock
    this.#timer = clock.timer(() => {
      this.#armedFor = Number.POSITIVE_INFINITY
      owner.onDue()
    })
  }

  /** Calls `onDue` of the owner at `time` (in the clock's time) or earlier. */
  armNoLaterThan(time: number): void {
    if (time >= this.#armedFor) return
    this.#armedFor = time
    this.#timer.arm(Math.max(1, time - this.#clock.now()))
  }

  cancel(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    this.#timer.cancel()
  }
}
