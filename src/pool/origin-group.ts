import type { Origin } from '../models/origin.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import { versionAndHost } from '../protocol/request-head.ts'
import type { Destination } from './base-dispatcher.ts'
import type { Lease } from './lease.ts'
import { LinkedList } from './linked-list.ts'
import { Queue } from './queue.ts'
import type { Waiter } from './waiter.ts'

/** What a pool needs to create and send the requests for one origin. */
export interface PoolDestination extends Destination {
  /** The group whose connections carry the requests. */
  readonly group: OriginGroup
}

/** The connections and waiters of one origin. All origins that a proxy forwards share one group. */
export class OriginGroup implements PoolDestination {
  readonly origin: Origin
  readonly proxyRules: ProxyRules | null
  readonly group = this
  readonly versionAndHost: string
  /** Whether the connections carry requests for several origins. */
  readonly isShared: boolean
  /** All leases of this origin: opening, active and idle. */
  readonly leases = new Set<Lease>()
  /** The leases with an idle and polled connection. The one that was used last is at the end. */
  readonly polled = new LinkedList<Lease>()
  /** The leases with another idle connection: the newest ones, in the same order. */
  readonly unpolled = new LinkedList<Lease>()
  /** All waiters, in order of arrival. */
  readonly waiters = new Queue<Waiter>()
  /** The waiters that need a connection of this origin, because the origin is at its limit. */
  readonly waitingForOrigin = new Queue<Waiter>()

  constructor(origin: Origin, proxyRules: ProxyRules | null, isShared: boolean) {
    this.origin = origin
    this.proxyRules = proxyRules
    this.isShared = isShared
    this.versionAndHost = versionAndHost(origin.authority)
  }

  /** The number of leases, including those that will be opened for waiters of this origin. */
  get claimed(): number {
    return this.leases.size + this.waiters.size - this.waitingForOrigin.size
  }

  /** The lease with the idle connection that was used last, or null. */
  get newestIdle(): Lease | null {
    return (this.unpolled.last ?? this.polled.last)?.value ?? null
  }

  /**
   * Returns the lease with the polled connection that was used last, if it is trusted at `now`, or
   * else the one that has been idle longest, if that is; otherwise null.
   */
  newestPolled(now: number): Lease | null {
    const { first, last } = this.polled
    if (last !== null && last.value.trustedFrom <= now) return last.value
    return first !== null && first.value.trustedFrom <= now ? first.value : null
  }

  get idleCount(): number {
    return this.polled.size + this.unpolled.size
  }

  get isEmpty(): boolean {
    return this.leases.size === 0 && this.waiters.size === 0
  }
}
