import { checkDuration, checkOptions, option } from './options.ts'

/** Timeouts in milliseconds. Null means no timeout, undefined means not given. */
export interface TimeoutFields {
  /** How long establishing a connection may take: DNS, TCP, proxy and TLS together. */
  readonly connect?: number | null | undefined
  /**
   * How long no byte may be received or sent while a response is awaited; also the time for a whole
   * response head.
   */
  readonly read?: number | null | undefined
  /** How long sending may make no progress. */
  readonly write?: number | null | undefined
  /** How long a request may wait for a connection of the pool. */
  readonly pool?: number | null | undefined
  /** How long the whole call may take, including redirects, retries and reading the body. */
  readonly total?: number | null | undefined
}

/** A value that can be given as a timeout. A number sets all timeouts except `total`. */
export type TimeoutInit = Timeout | TimeoutFields | number | null | undefined

const OPTION_NAMES = ['connect', 'read', 'write', 'pool', 'total'] as const

/** The timeouts of a call, in milliseconds. Null means no timeout. Immutable. */
export class Timeout {
  /** The time until a connection is established: DNS, TCP, proxy and TLS together. */
  readonly connect: number | null
  /**
   * How long no byte may be received or sent while a response is awaited; also the time for a whole
   * response head, from its first byte.
   */
  readonly read: number | null
  /**
   * The time without progress in sending. After a complete response it also limits how long the
   * source of the remaining upload may stall.
   */
  readonly write: number | null
  /** The time that a request waits for a connection of the pool. */
  readonly pool: number | null
  /** The time for the whole call, including redirects, retries and reading the body. */
  readonly total: number | null

  /** 5000 ms for each timeout except `total`, which is null. */
  static readonly default = new Timeout(5000)

  /**
   * Throws `TypeError` for 0, negative numbers, NaN, and values that are not numbers.
   *
   * @param all the default in ms of all timeouts except `total`; null or `Infinity` for no timeout
   * @param fields single timeouts in ms. `total` is null if it is not given
   */
  constructor(all?: number | null, fields?: TimeoutFields)
  /**
   * @param base the timeouts that `fields` does not contain, instead of `all`
   * @internal
   */
  constructor(all: number | null, fields: TimeoutFields, base: Timeout)
  constructor(all: number | null = 5000, fields: TimeoutFields = {}, base: Timeout | null = null) {
    const each = checkDuration('timeout', all, '> 0')
    checkOptions('timeout', fields, OPTION_NAMES)
    const defaults = { connect: each, read: each, write: each, pool: each, total: null }
    const { connect, read, write, pool, total } = base ?? defaults
    this.connect = checkDuration('timeout.connect', option(fields, 'connect', connect), '> 0')
    this.read = checkDuration('timeout.read', option(fields, 'read', read), '> 0')
    this.write = checkDuration('timeout.write', option(fields, 'write', write), '> 0')
    this.pool = checkDuration('timeout.pool', option(fields, 'pool', pool), '> 0')
    this.total = checkDuration('timeout.total', option(fields, 'total', total), '> 0')
    Object.freeze(this)
  }

  /**
   * Converts a value to a `Timeout`. Undefined gives `base`, and null gives no timeouts at all. A
   * number sets all timeouts except `total`. Fields that a plain object does not contain come from
   * `base`. Throws `TypeError` as the constructor does.
   */
  static from(value: TimeoutInit, base: Timeout): Timeout {
    if (value === undefined) return base
    if (value instanceof Timeout) return value
    if (value === null) return NONE
    if (typeof value !== 'object') return new Timeout(value, { total: base.total })
    return new Timeout(null, value, base)
  }
}

const NONE = new Timeout(null)
