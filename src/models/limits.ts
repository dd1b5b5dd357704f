import { checkCount, checkDuration, checkOptions, option } from './options.ts'

/** The limits of a connection pool. Null means no limit. Durations are in milliseconds. */
export interface PoolLimits {
  /** Maximum number of open connections. Default 100. */
  readonly maxConnections?: number | null | undefined
  /** Maximum number of idle connections that are kept. Default: the value of `maxConnections`. */
  readonly maxKeepaliveConnections?: number | null | undefined
  /** How long an idle connection is kept, in ms. 0 keeps none. Default 5000. */
  readonly keepaliveExpiry?: number | null | undefined
  /** Maximum number of open connections to one origin. Default null. */
  readonly maxConnectionsPerOrigin?: number | null | undefined
  /** The age in ms from which a connection accepts no further request. Default null. */
  readonly maxLifetime?: number | null | undefined
}

/** Limits with all defaults applied. Immutable. Null means no limit. */
export type ResolvedLimits = { readonly [Name in keyof PoolLimits]-?: number | null }

const OPTION_NAMES = [
  'maxConnections',
  'maxKeepaliveConnections',
  'keepaliveExpiry',
  'maxConnectionsPerOrigin',
  'maxLifetime',
] as const

/** Applies the defaults; `Infinity` becomes null. Throws `TypeError` for an invalid value. */
export function resolveLimits(limits: PoolLimits = {}): ResolvedLimits {
  checkOptions('poolLimits', limits, OPTION_NAMES)
  const maxConnections = checkCount('maxConnections', option(limits, 'maxConnections', 100), 1)
  const idle = option(limits, 'maxKeepaliveConnections', maxConnections)
  const expiry = option(limits, 'keepaliveExpiry', 5000)
  const perOrigin = option(limits, 'maxConnectionsPerOrigin', null)
  return Object.freeze({
    maxConnections,
    maxKeepaliveConnections: checkCount('maxKeepaliveConnections', idle, 0),
    keepaliveExpiry: checkDuration('keepaliveExpiry', expiry, '>= 0'),
    maxConnectionsPerOrigin: checkCount('maxConnectionsPerOrigin', perOrigin, 1),
    maxLifetime: checkDuration('maxLifetime', option(limits, 'maxLifetime', null), '> 0'),
  })
}
