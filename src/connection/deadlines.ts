import type { Clock, Timer } from '../backends/backend.ts'
import type { Timeout } from '../models/timeout.ts'
import type { ConnectionState, SendingState } from './states.ts'

/** What a connection may be late with. */
export type DeadlineKind = 'read' | 'write' | 'continue' | 'idle'

/** How long a request with `Expect: 100-continue` holds its content back, in ms. RFC 9110 10.1.1 */
const CONTINUE_WAIT = 1000

/** Times are the clock's, in milliseconds. */
export interface DeadlineFacts {
  readonly state: ConnectionState
  readonly sending: SendingState
  readonly exchange: { readonly timeouts: Timeout } | null
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
  if (facts.state === 'idle') return 'idle'
  switch (facts.sending) {
    case 'sending':
      return null
    case 'blocked':
    case 'draining':
    case 'head-blocked':
      return 'write'
    case 'awaiting-continue':
      return 'continue'
    default:
      return facts.paused ? null : 'read'
  }
}

/** When that is; `Infinity` for never. */
export function deadlineAt(facts: DeadlineFacts, kind: DeadlineKind | null): number {
  switch (kind) {
    case 'read':
      return facts.readSince + (facts.exchange?.timeouts.read ?? Number.POSITIVE_INFINITY)
    case 'write':
      return facts.writeSince + (facts.exchange?.timeouts.write ?? Number.POSITIVE_INFINITY)
    case 'continue':
      return facts.writeSince + CONTINUE_WAIT
    case 'idle':
      return facts.idleUntil
    default:
      return Number.POSITIVE_INFINITY
  }
}

/**
 * One timer for a deadline that moves all the time. It stays armed for the earliest time that was
 * ever asked for; when it fires, its owner looks what is due and asks again. So a deadline that
 * only moves away, as each request's does, costs a comparison.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #timer: Timer
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, owner: { onTime(): void }) {
    this.#clock = clock
    this.#timer = clock.timer(() => {
      this.#armedFor = Number.POSITIVE_INFINITY
      owner.onTime()
    })
  }

  /** Has the owner called at `time` at the latest, perhaps earlier. */
  notLaterThan(time: number): void {
    if (time >= this.#armedFor) return
    this.#armedFor = time
    this.#timer.arm(Math.max(1, time - this.#clock.now()))
  }

  cancel(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    this.#timer.cancel()
  }
}
