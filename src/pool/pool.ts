import { inspect } from 'node:util'
import { HawserError } from '../errors.ts'
import { resolveLimits } from '../models/limits.ts'
import { Timeout } from '../models/timeout.ts'
import type { DispatcherParts } from './base-dispatcher.ts'
import { BaseDispatcher } from './base-dispatcher.ts'
import { InFlight } from './in-flight.ts'
import type { PoolOptions } from './pool-options.ts'
import { resolveOptions } from './pool-options.ts'
import type { PoolStats } from './scheduler.ts'
import { describeStats, Scheduler } from './scheduler.ts'
import { Tracing } from './tracing.ts'

interface PoolParts extends DispatcherParts {
  readonly transport: Scheduler
}

/** Creates the parts of a pool. Throws `TypeError` for an invalid option. */
export function poolParts(options: PoolOptions, countsUnread = true): PoolParts {
  const { backend, limits, timeouts, route, trace } = resolveOptions(options)
  const tracing = new Tracing(backend.clock, trace === null ? [] : [trace])
  const transport = new Scheduler(backend, resolveLimits(limits), route, tracing, countsUnread)
  return {
    name: 'pool',
    timeouts: Timeout.from(timeouts, Timeout.default),
    tracing,
    transport,
    inFlight: new InFlight(backend),
  }
}

/** Sends requests to any number of origins over a limited number of connections. */
export class ConnectionPool extends BaseDispatcher {
  readonly #scheduler: Scheduler
  readonly #inFlight: InFlight

  /** Throws `TypeError` for an invalid option. */
  constructor(options?: PoolOptions)
  /**
   * @param countsUnread whether connections with an unread response count for `maxConnections`
   * @internal
   */
  constructor(options: PoolOptions | undefined, countsUnread: boolean)
  constructor(options: PoolOptions = {}, countsUnread = true) {
    const parts = poolParts(options, countsUnread)
    super(parts)
    this.#scheduler = parts.transport
    this.#inFlight = parts.inFlight
  }

  /** Returns the current counts of connections and waiting requests. */
  stats(): PoolStats {
    return this.#scheduler.stats()
  }

  /** Throws `HawserError` if a request is in progress or a connection is not idle. For tests. */
  assertQuiescent(): void {
    const { connecting, active, waiting } = this.stats()
    if (connecting + active + waiting + this.#inFlight.count === 0) return
    const error = new HawserError(`The pool is not quiescent: ${inspect(this)}`)
    error.message += `\n${this.#inFlight.stacks()}` // They are longer than a message may be.
    throw error
  }

  [inspect.custom](): string {
    return `<ConnectionPool [${describeStats(this.stats())}]>`
  }
}
