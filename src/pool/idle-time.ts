import type { Connection } from '../connection/connection.ts'
import type { ResolvedLimits } from '../models/limits.ts'

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
