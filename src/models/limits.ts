import { checkOptions, count, duration, option } from './options.ts'

/** How much a pool may hold, and for how long; null is no bound. Durations are milliseconds. */
export interface PoolLimits {
  /** Connections open at once. Default 100. */
  readonly maxConnections?: number | null | undefined
  /** Idle connections kept for reuse. Default: as `maxConnections`. */
  readonly maxKeepaliveConnections?: number | null | undefined
  /** How long an idle connection is kept; 0 keeps none. Default 5000. */
  readonly keepaliveExpiry?: number | null | undefined
  /** Connections open at once to one origin. Default null. */
  readonly maxConnectionsPerOrigin?: number | null | undefined
  /** Age at which a connection serves no further request. Default null. */
  readonly maxLifetime?: number | null | undefined
}

/** Limits with every default filled in. Immutable; null is no bound. */
export type ResolvedLimits = { readonly [Name in keyof PoolLimits]-?: number | null }

const NAMES = [
  'maxConnections',
  'maxKeepaliveConnections',
  'keepaliveExpiry',
  'maxConnectionsPerOrigin',
  'maxLifetime',
] as const

/** Fills in the defaults; `Infinity` is null. Throws `TypeError` that names a bad value. */
export function resolveLimits(limits: PoolLimits = {}): ResolvedLimits {
  checkOptions('poolLimits', limits, NAMES)
  const maxConnections = count('maxConnections', option(limits, 'maxConnections', 100), 1)
  const idle = option(limits, 'maxKeepaliveConnections', maxConnections)
  const perOrigin = option(limits, 'maxConnectionsPerOrigin', null)
  return Object.freeze({
    maxConnections,
    maxKeepaliveConnections: count('maxKeepaliveConnections', idle, 0),
    keepaliveExpiry: duration('keepaliveExpiry', option(limits, 'keepaliveExpiry', 5000), '>= 0'),
    maxConnectionsPerOrigin: count('maxConnectionsPerOrigin', perOrigin, 1),
    maxLifetime: duration('maxLifetime', option(limits, 'maxLifetime', null), '> 0'),
  })
}
