/**
 * Decides which connection serves which request, as functions without side effects. The scheduler
 * carries out the decisions.
 *
 * Two rules keep every decision cheap, because only the ends of queues matter. A connection is idle
 * only while no request waits in vain for any connection. Requests are served in the order in which they
 * were dispatched, across origins.
 */
import type { Connection } from '../connection/connection.ts'
import type { ResolvedLimits } from '../models/limits.ts'

/** The limits on the number of connections; null means no limit. */
export interface ConnectionLimits {
  readonly maxConnections: number | null
  readonly maxConnectionsPerOrigin: number | null
  readonly maxKeepaliveConnections: number | null
}

/** The counts of a pool that decide what happens to a new request. */
export interface PoolCounts {
  /** Connections of the request's origin: open, being opened, or to be opened for its waiters. */
  readonly ofOrigin: number
  /** Connections of all origins: open, being opened, or to be opened for waiters. */
  readonly total: number
  readonly idleOfOrigin: number
  readonly idle: number
}

export type RequestDecision =
  /** Use the idle connection of the origin that was used last. */
  | 'reuse'
  /** Open a connection. */
  | 'open'
  /** Close the connection that has been idle longest, and open one instead. */
  | 'replace'
  /** Wait for a connection of this origin, which is at its limit. */
  | 'wait-for-origin'
  /** Wait until any connection is closed or becomes free: the pool is at its limit. */
  | 'wait-for-any-connection'

export function decideForRequest(counts: PoolCounts, limits: ConnectionLimits): RequestDecision {
  if (counts.idleOfOrigin > 0) return 'reuse'
  if (isFull(counts.ofOrigin, limits.maxConnectionsPerOrigin)) return 'wait-for-origin'
  if (!isFull(counts.total, limits.maxConnections)) return 'open'
  return counts.idle > 0 ? 'replace' : 'wait-for-any-connection'
}

/** The state of a pool when a connection becomes free. Waiters are numbered in order of arrival. */
export interface FreedConnectionFacts {
  /** The number of the first waiter of the connection's origin; null if there is none. */
  readonly oldestOfOrigin: number | null
  /**
   * The number of the first waiter that waits for any connection; null if there is none, or if one
   * will be opened for each of them.
   */
  readonly oldestForAnyConnection: number | null
  readonly idle: number
}

export type FreedConnectionDecision =
  /** Serve the first waiter of the connection's origin. */
  | 'serve'
  /** Close the connection, and open one for another origin's request, which came first. */
  | 'yield'
  /** Keep the connection idle. */
  | 'idle'
  /** Close the connection: enough others are idle. */
  | 'close'

export function decideForFreedConnection(
  facts: FreedConnectionFacts,
  limits: ConnectionLimits,
): FreedConnectionDecision {
  const { oldestOfOrigin, oldestForAnyConnection: oldest } = facts
  if (oldest !== null && (oldestOfOrigin === null || oldest < oldestOfOrigin)) return 'yield'
  if (oldestOfOrigin !== null) return 'serve'
  return isFull(facts.idle, limits.maxKeepaliveConnections) ? 'close' : 'idle'
}

export function isFull(count: number, limit: number | null): boolean {
  return limit !== null && count >= limit
}

/**
 * An idle connection is closed this many ms before the timeout that its server announced: a request
 * needs time to reach the server.
 */
const HINT_MARGIN = 1000

/**
 * Returns until when a connection that is free at `now` may be reused, in the clock's time. It must
 * not be reused if the result is `now` or earlier.
 */
export function idleDeadline(limits: ResolvedLimits, connection: Connection, now: number): number {
  const { keepaliveExpiry, maxLifetime } = limits
  let deadline = keepaliveExpiry === null ? Number.POSITIVE_INFINITY : now + keepaliveExpiry
  if (maxLifetime !== null) deadline = Math.min(deadline, connection.openedAt + maxLifetime)
  const hint = connection.keepAliveHint()
  if (hint !== null) deadline = Math.min(deadline, now + hint - Math.min(HINT_MARGIN, hint / 2))
  return deadline
}
