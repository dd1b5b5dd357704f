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
import { describe, Scheduler } from './scheduler.ts'
import { Tracing } from './tracing.ts'

interface PoolParts extends DispatcherParts {
  readonly carriers: Scheduler
}

/** What a pool is made of. Throws `TypeError` for an invalid option. */
export function poolParts(options: PoolOptions): PoolParts {
  const { backend, limits, timeouts, route, trace } = resolveOptions(options)
  const tracing = new Tracing(backend.clock, trace === null ? [] : [trace])
  return {
    name: 'pool',
    timeouts: Timeout.from(timeouts, Timeout.default),
    tracing,
    carriers: new Scheduler(backend, resolveLimits(limits), route, tracing),
    inFlight: new InFlight(backend),
  }
}

/** Connections to any number of origins, and the requests that wait for one. */
export class ConnectionPool extends BaseDispatcher {
  readonly #scheduler: Scheduler
  readonly #inFlight: InFlight

  /** Throws `TypeError` for a bad option. */
  constructor(options: PoolOptions = {}) {
    const parts = poolParts(options)
    super(parts)
    this.#scheduler = parts.carriers
    this.#inFlight = parts.inFlight
  }

  /** Counts of this moment. */
  stats(): PoolStats {
    return this.#scheduler.stats()
  }

  /** Throws when something is not given back: a request in flight, a waiter, a connection that is not idle. */
  assertQuiescent(): void {
    const { connecting, active, waiting } = this.stats()
    if (connecting + active + waiting + this.#inFlight.count === 0) return
    throw new HawserError(`The pool is not quiescent: ${inspect(this)}\n${this.#inFlight.stacks()}`)
  }

  [inspect.custom](): string {
    return `<ConnectionPool [${describe(this.stats())}]>`
  }
}
