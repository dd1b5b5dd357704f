/** Counts of a pool, at one moment. */
export interface PoolStats {
  /** Open or being opened; the sum of the three that follow. */
  readonly connections: number
  readonly connecting: number
  readonly active: number
  readonly idle: number
  /** Requests that wait for a connection. */
  readonly waiting: number
  /** How long the first of them has waited, in ms; 0 if none does. */
  readonly oldestWait: number
  readonly origins: number
}

export function describe(stats: PoolStats): string {
  const { connections, connecting, active, idle, waiting, oldestWait } = stats
  const waits = waiting === 0 ? '' : `, ${waiting} waiting for up to ${Math.round(oldestWait)} ms`
  return `${connections} connections: ${connecting} connecting, ${active} active, ${idle} idle${waits}`
}
