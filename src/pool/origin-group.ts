import type { Origin } from '../models/origin.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import { hostField } from '../protocol/request-head.ts'
import type { Destination } from './base-dispatcher.ts'
import { LinkedList } from './linked-list.ts'
import type { Place } from './place.ts'
import { Queue } from './queue.ts'
import type { Waiter } from './waiter.ts'

/** What the requests for one origin need to be written and sent. */
export interface PoolDestination extends Destination {
  /** Whose connections carry them. */
  readonly group: OriginGroup
}

/** What a pool holds for one origin; for all that a proxy forwards, one for the proxy. */
export class OriginGroup implements PoolDestination {
  readonly origin: Origin
  readonly proxyRules: ProxyRules | null
  readonly group = this
  readonly hostField: string
  /** All places of this origin, whatever they are at. */
  readonly places = new Set<Place>()
  /** Those whose connection is idle; the one used last stands last. */
  readonly idle = new LinkedList<Place>()
  /** All who wait, in order. */
  readonly waiters = new Queue<Waiter>()
  /** Those among them that have to wait for a place of this origin, which has as many as it may. */
  readonly parked = new Queue<Waiter>()

  constructor(origin: Origin, proxyRules: ProxyRules | null = null) {
    this.origin = origin
    this.proxyRules = proxyRules
    this.hostField = hostField(origin.authority)
  }

  /** Connections, and places that waiters of this origin will get. */
  get claimed(): number {
    return this.places.size + this.waiters.size - this.parked.size
  }

  get isEmpty(): boolean {
    return this.places.size === 0 && this.waiters.size === 0
  }
}
