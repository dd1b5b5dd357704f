/**
 * Decides which connection serves which request, as functions without side effects. The scheduler
 * carries out the decisions.
 *
 * Two rules keep every decision cheap, because only the ends of queues matter. No connection is
 * idle while a request that could use it waits: a connection that waits for a poll is kept for one
 * request. Requests are served in the order in which they were dispatched, across origins.
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
  /** Use an idle connection of the origin. `decideForReuse` decides which one, and when. */
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

/**
 * What decides whether a connection must be polled after its last response before it carries a
 * request. Until then, the end of the connection or bytes behind the response may have arrived
 * without being noticed.
 */
export interface PollFacts {
  /** Whether the request is sent again if the connection turns out to be closed. */
  readonly isReplayable: boolean
  /** Whether the last request on the connection was HEAD: some servers send a body all the same. */
  readonly followsHead: boolean
  /** Whether requests for several origins use the connection, which goes to a forwarding proxy. */
  readonly isShared: boolean
  /** Whether the wait costs nothing: it is short, and other requests are in flight or wait. */
  readonly isWaitFree: boolean
}

/**
 * Whether a request needs a polled connection. A single replayable request does not: the wait would
 * halve the rate of requests that are sent one at a time. SECURITY.md states the remaining risk.
 */
export function needsPoll(facts: PollFacts): boolean {
  return !facts.isReplayable || facts.followsHead || facts.isShared || facts.isWaitFree
}

/** What decides which idle connection of its origin a request uses. */
export interface ReuseFacts {
  readonly needsPoll: boolean
  /** Whether the connection that was used last is polled. */
  readonly isPolled: boolean
  /** Whether any connection is polled. */
  readonly hasPolled: boolean
}

export type ReuseDecision =
  /** Use the connection that was used last. */
  | 'newest'
  /** Use an older connection, which is polled. */
  | 'polled'
  /** Keep a connection for the request, which starts after the next poll. */
  | 'after-poll'

export function decideForReuse({ needsPoll, isPolled, hasPolled }: ReuseFacts): ReuseDecision {
  if (isPolled || !needsPoll) return 'newest'
  return hasPolled ? 'polled' : 'after-poll'
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
  /** Serve the first waiter of the connection's origin, if necessary after the next poll. */
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
