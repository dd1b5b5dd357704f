import { checkOptions, duration, option } from './options.ts'

/** Milliseconds for each part of a call; null is none, undefined not given. */
export interface TimeoutFields {
  readonly connect?: number | null | undefined
  readonly read?: number | null | undefined
  readonly write?: number | null | undefined
  readonly pool?: number | null | undefined
  readonly total?: number | null | undefined
}

/** What is taken wherever a timeout is given. */
export type TimeoutInit = Timeout | TimeoutFields | number | null | undefined

const NAMES = ['connect', 'read', 'write', 'pool', 'total'] as const

/** How long each part of a call may take: milliseconds, null for ever. Immutable. */
export class Timeout {
  /** Until a connection is established: DNS, TCP, proxy and TLS together. */
  readonly connect: number | null
  /** Without a byte received while one is awaited. */
  readonly read: number | null
  /** Without progress in sending. */
  readonly write: number | null
  /** Waiting for a connection of the pool. */
  readonly pool: number | null
  /** The whole call. */
  readonly total: number | null

  /** 5000 ms each, no total. */
  static readonly default = new Timeout(5000)

  /**
   * `all` is for each field that `fields` leaves out, but never for `total`, which is null unless it
   * is given. `Infinity` is null. Throws `TypeError` for 0, negative, NaN and what is no number.
   */
  constructor(all: number | null = 5000, fields: TimeoutFields = {}) {
    const each = duration('timeout', all, '> 0')
    checkOptions('timeout', fields, NAMES)
    this.connect = duration('timeout.connect', option(fields, 'connect', each), '> 0')
    this.read = duration('timeout.read', option(fields, 'read', each), '> 0')
    this.write = duration('timeout.write', option(fields, 'write', each), '> 0')
    this.pool = duration('timeout.pool', option(fields, 'pool', each), '> 0')
    this.total = duration('timeout.total', option(fields, 'total', null), '> 0')
    Object.freeze(this)
  }

  /**
   * The timeout that `value` means where `base` is the default: undefined is `base` itself, null none
   * at all; a number sets all but `total`; of a plain object what it leaves out comes from `base`.
   * Throws `TypeError` as the constructor does.
   */
  static from(value: TimeoutInit, base: Timeout): Timeout {
    if (value === undefined) return base
    if (value instanceof Timeout) return value
    if (value === null) return NONE
    if (typeof value !== 'object') return new Timeout(value, { total: base.total })
    checkOptions('timeout', value, NAMES)
    return new Timeout(null, {
      connect: option(value, 'connect', base.connect),
      read: option(value, 'read', base.read),
      write: option(value, 'write', base.write),
      pool: option(value, 'pool', base.pool),
      total: option(value, 'total', base.total),
    })
  }
}

const NONE = new Timeout(null)
