/**
 * Who gets which connection: pure decisions, which the scheduler carries out.
 *
 * Two rules make every decision a look at the ends of queues. A connection idles only while nobody
 * waits for a place. And requests are served in the order in which they came, across origins.
 */
import type { Connection } from '../connection/connection.ts'
import type { ResolvedLimits } from '../models/limits.ts'

/** The limits that bear on places; null is none. */
export interface PlaceLimits {
  readonly maxConnections: number | null
  readonly maxConnectionsPerOrigin: number | null
  readonly maxKeepaliveConnections: number | null
}

/** The pool as a request for one origin finds it. */
export interface RequestFacts {
  /** Connections of its origin, those being dialled and places that its waiters have been promised included. */
  readonly ofOrigin: number
  readonly total: number
  readonly idleOfOrigin: number
  readonly idle: number
}

export type RequestDecision =
  /** Take the idle connection that was used last. */
  | 'reuse'
  /** Open a connection. */
  | 'open'
  /** Close the connection that has idled longest, and open one in its place. */
  | 'replace'
  /** Wait for a connection of this origin, which has as many as it may. */
  | 'wait-for-origin'
  /** Wait for any place. */
  | 'wait-for-place'

export function assign(facts: RequestFacts, limits: PlaceLimits): RequestDecision {
  if (facts.idleOfOrigin > 0) return 'reuse'
  if (isFull(facts.ofOrigin, limits.maxConnectionsPerOrigin)) return 'wait-for-origin'
  if (!isFull(facts.total, limits.maxConnections)) return 'open'
  return facts.idle > 0 ? 'replace' : 'wait-for-place'
}

/** What a connection finds when its exchange is over. Orders are the numbers that waiters drew; null for no waiter. */
export interface FreedFacts {
  readonly oldestOfOrigin: number | null
  readonly oldestForPlace: number | null
  readonly idle: number
}

export type FreedDecision =
  /** Serve the oldest waiter of its own origin. */
  | 'serve'
  /** Another origin's request has waited longer: close, and give it the place. */
  | 'yield'
  | 'idle'
  /** As many idle as may be. */
  | 'close'

export function decideFreed(facts: FreedFacts, limits: PlaceLimits): FreedDecision {
  const { oldestOfOrigin, oldestForPlace } = facts
  if (oldestForPlace !== null && (oldestOfOrigin === null || oldestForPlace < oldestOfOrigin)) {
    return 'yield'
  }
  if (oldestOfOrigin !== null) return 'serve'
  return isFull(facts.idle, limits.maxKeepaliveConnections) ? 'close' : 'idle'
}

export function isFull(count: number, limit: number | null): boolean {
  return limit !== null && count >= limit
}

/** So much before the server's own timeout a kept connection is given up, in ms: a request takes time to get there. */
const HINT_MARGIN = 1000

/** Until when a connection that is free at `now` may be used; `now` or earlier for not at all. */
export function idleUntil(limits: ResolvedLimits, connection: Connection, now: number): number {
  const { keepaliveExpiry, maxLifetime } = limits
  let until = keepaliveExpiry === null ? Number.POSITIVE_INFINITY : now + keepaliveExpiry
  if (maxLifetime !== null) until = Math.min(until, connection.openedAt + maxLifetime)
  const hint = connection.keepAliveHint()
  if (hint !== null) until = Math.min(until, now + hint - Math.min(HINT_MARGIN, hint / 2))
  return until
}
