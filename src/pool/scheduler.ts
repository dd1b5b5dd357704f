import { AsyncResource } from 'node:async_hooks'
import type { Backend, BackendSocket } from '../backends/backend.ts'
import type { CloseReason } from '../connection/close-reason.ts'
import { Connection } from '../connection/connection.ts'
import { Dial } from '../connection/dial.ts'
import type { Exchange } from '../connection/exchange.ts'
import { TlsSessions } from '../connection/tls-sessions.ts'
import { PoolTimeout } from '../errors.ts'
import type { ResolvedLimits } from '../models/limits.ts'
import type { Origin } from '../models/origin.ts'
import { parseOrigin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import { assign, decideFreed, idleUntil, isFull } from './assignment.ts'
import type { Carriers } from './base-dispatcher.ts'
import { LinkedList } from './linked-list.ts'
import type { PoolDestination } from './origin-group.ts'
import { OriginGroup } from './origin-group.ts'
import type { PlaceOwner } from './place.ts'
import { Place } from './place.ts'
import { ProxiedOrigins } from './proxied-origins.ts'
import { Queue } from './queue.ts'
import { TracedExchange } from './traced-exchange.ts'
import type { Tracing } from './tracing.ts'
import type { WaiterOwner } from './waiter.ts'
import { WaitDeadlines, Waiter } from './waiter.ts'

/** Carries out what `assignment.ts` decides: the places of a pool, and who waits for one. */
export class Scheduler implements Carriers, PlaceOwner, WaiterOwner {
  readonly #backend: Backend
  readonly #limits: ResolvedLimits
  readonly #route: Route
  readonly #tracing: Tracing
  /** Of requests that wait or are replayed: whoever opens their connection does it in another. */
  readonly #contexts: WeakMap<Exchange, AsyncResource> | null
  readonly #sessions = new TlsSessions()
  readonly #groups = new Map<string, OriginGroup>()
  /** Null without a proxy. */
  readonly #proxied: ProxiedOrigins | null
  /** All idle connections; the one that has idled longest stands first. */
  readonly #idle = new LinkedList<Place>()
  /** Who waits, in order. */
  readonly #waiters = new Queue<Waiter>()
  /** Those among them who wait for a place of any kind. */
  readonly #forPlace = new Queue<Waiter>()
  readonly #deadlines: WaitDeadlines
  #places = 0
  #connecting = 0
  #arrivals = 0

  constructor(backend: Backend, limits: ResolvedLimits, route: Route, tracing: Tracing) {
    this.#backend = backend
    this.#limits = limits
    this.#route = route
    this.#tracing = tracing
    this.#proxied = route.proxy === null ? null : new ProxiedOrigins(route.proxy)
    const hooked = route.lookup !== null || route.onConnect !== null
    this.#contexts = hooked ? new WeakMap() : null
    this.#deadlines = new WaitDeadlines(backend.clock, (waiter) => this.#tooLong(waiter))
  }

  destinationOf(origin: string | URL): PoolDestination {
    const known = typeof origin === 'string' ? this.#groups.get(origin) : undefined
    if (this.#proxied === null) return known ?? this.#groupOf(parseOrigin(origin), null)
    // The group of what is forwarded has no rules, and is nobody's origin.
    if (known !== undefined && known.proxyRules !== null) return known
    const forwarded = this.#proxied.forwarded(origin)
    if (forwarded === null) return this.#groupOf(parseOrigin(origin), this.#proxied.tunnelRules)
    this.#kept(forwarded.group)
    return forwarded
  }

  #groupOf(parsed: Origin, proxyRules: ProxyRules | null): OriginGroup {
    return this.#groups.get(parsed.key) ?? this.#kept(new OriginGroup(parsed, proxyRules))
  }

  /** The group of that key: this one may have been dropped when its last place closed. */
  #kept(group: OriginGroup): OriginGroup {
    const known = this.#groups.get(group.origin.key)
    if (known === undefined) this.#groups.set(group.origin.key, group)
    return known ?? group
  }

  start(exchange: Exchange, { group }: PoolDestination): void {
    // The pool's hooks, too, run in the async context of the request that they run for.
    this.#contexts?.set(exchange, new AsyncResource('HawserDial', { requireManualDestroy: true }))
    this.#place(exchange, group)
  }

  forget({ group }: PoolDestination): void {
    this.#forgetIfEmpty(group)
  }

  /** Finds a connection for an exchange, or a place in the queue. */
  #place(exchange: Exchange, group: OriginGroup): void {
    const decision = assign(
      {
        ofOrigin: group.claimed,
        total: this.#places,
        idleOfOrigin: group.idle.size,
        idle: this.#idle.size,
      },
      this.#limits,
    )
    switch (decision) {
      case 'reuse':
        return this.#reuse(exchange, group)
      case 'replace':
        this.#idle.first?.value.close('place-needed')
        return this.#open(exchange, group)
      case 'open':
        return this.#open(exchange, group)
      default:
        return this.#wait(exchange, group, decision === 'wait-for-origin')
    }
  }

  #reuse(exchange: Exchange, group: OriginGroup): void {
    while (group.idle.last !== null) {
      const place = group.idle.last.value
      const connection = place.connection as Connection
      // Timers may be late: what has expired is not used.
      if (connection.idleUntil <= exchange.startedAt) {
        connection.close('keepalive-expired')
        continue
      }
      group.idle.remove(place.inGroup)
      this.#idle.remove(place.inPool)
      return connection.start(exchange, exchange.startedAt)
    }
    this.#place(exchange, this.#kept(group))
  }

  #open(exchange: Exchange, group: OriginGroup): void {
    const listening = exchange instanceof TracedExchange ? exchange.context : null
    const place = new Place(group.origin, listening, this)
    group.places.add(place)
    this.#groups.set(group.origin.key, group) // it may have been dropped when its last place closed
    this.#places++
    this.#connecting++
    const context = this.#contexts?.get(exchange)
    if (context === undefined) place.open(exchange)
    else context.runInAsyncScope(place.open, place, exchange)
  }

  #wait(exchange: Exchange, group: OriginGroup, parked: boolean): void {
    const queue = parked ? group.parked : this.#forPlace
    const waiter = new Waiter(exchange, group.origin, this.#arrivals++, queue, this)
    exchange.carrier = waiter
    exchange.phase = 'queue'
    this.#waiters.push(waiter)
    group.waiters.push(waiter)
    queue.push(waiter)
    this.#deadlines.add(waiter)
  }

  /** A waiter's way out, to a connection or to its end. Its claim to a place is the caller's to pass on. */
  #leave(waiter: Waiter, group: OriginGroup): Exchange {
    waiter.left = true
    this.#waiters.onLeft()
    group.waiters.onLeft()
    waiter.queue.onLeft()
    this.#deadlines.remove(waiter)
    waiter.exchange.carrier = null
    return waiter.exchange
  }

  onCancelled(waiter: Waiter): void {
    const group = this.#groups.get(waiter.origin.key) as OriginGroup
    this.#leave(waiter, group)
    this.#unpark(group)
    this.#forgetIfEmpty(group)
  }

  #tooLong(waiter: Waiter): void {
    const { exchange } = waiter
    const limits = `${this.#limits.maxConnections ?? 'any'} connections`
    const state = `${describe(this.stats())}, at most ${limits}`
    const text = `No connection came free within ${exchange.timeouts.pool} ms: ${state} (${exchange.describe()})`
    exchange.fail(new PoolTimeout(text, exchange.facts()))
  }

  /** Lets as many of an origin's parked waiters as it may have places for wait for a place of any kind. */
  #unpark(group: OriginGroup): void {
    while (!isFull(group.claimed, this.#limits.maxConnectionsPerOrigin)) {
      const waiter = group.parked.shift()
      if (waiter === null) return
      waiter.queue = this.#forPlace
      this.#forPlace.push(waiter)
    }
  }

  /** Gives free places to those who wait for one. */
  #fill(): void {
    while (!isFull(this.#places, this.#limits.maxConnections)) {
      const waiter = this.#forPlace.first
      if (waiter === null) return
      const group = this.#groups.get(waiter.origin.key) as OriginGroup
      this.#open(this.#leave(waiter, group), group)
    }
  }

  #forgetIfEmpty(group: OriginGroup): void {
    if (group.isEmpty) this.#groups.delete(group.origin.key)
  }

  // --- what places tell

  dial(place: Place, exchange: Exchange): Dial {
    return new Dial(
      place.origin,
      this.#route,
      this.#backend,
      this.#sessions,
      exchange.timeouts.connect,
      place,
    )
  }

  adopt(place: Place, socket: BackendSocket): Connection {
    this.#connecting--
    const listener = place.context ?? this.#tracing
    if (listener.hears('connection:open')) {
      // The address is a system call, and 95 bytes that the socket keeps.
      const info = { origin: place.origin.key, address: socket.remoteAddress }
      listener.tell('connection:open', info)
    }
    return new Connection(place.origin.key, socket, this.#backend.clock, place)
  }

  onFreed(place: Place): void {
    const group = this.#groups.get(place.origin.key) as OriginGroup
    const connection = place.connection as Connection
    const now = this.#backend.clock.now()
    const decision = decideFreed(
      {
        oldestOfOrigin: group.waiters.first?.order ?? null,
        oldestForPlace: this.#forPlace.first?.order ?? null,
        idle: this.#idle.size,
      },
      this.#limits,
    )
    if (decision === 'yield') return connection.close('place-needed')
    if (decision === 'close') return connection.close('too-many-idle')
    const until = idleUntil(this.#limits, connection, now)
    if (until <= now)
      return connection.close(this.#isOld(connection, now) ? 'lifetime-over' : 'keepalive-expired')
    if (decision === 'serve') {
      const exchange = this.#leave(group.waiters.first as Waiter, group)
      this.#unpark(group)
      return connection.start(exchange, now)
    }
    group.idle.push(place.inGroup)
    this.#idle.push(place.inPool)
    connection.rest(until)
  }

  #isOld(connection: Connection, now: number): boolean {
    const { maxLifetime } = this.#limits
    return maxLifetime !== null && now - connection.openedAt >= maxLifetime
  }

  onReleased(place: Place, replay: Exchange | null, reason: CloseReason): void {
    const group = this.#groups.get(place.origin.key) as OriginGroup
    group.places.delete(place)
    group.idle.remove(place.inGroup)
    this.#idle.remove(place.inPool)
    this.#places--
    if (place.connection === null) this.#connecting--
    const listener = place.context ?? this.#tracing
    if (listener.hears('connection:close')) {
      const info = { origin: place.origin.key, reason }
      listener.tell('connection:close', info)
    }
    if (replay !== null) return this.#open(replay, group)
    this.#unpark(group)
    this.#fill()
    this.#forgetIfEmpty(group)
  }

  // --- the whole

  stats(): PoolStats {
    const oldest = this.#waiters.first
    return {
      connections: this.#places,
      connecting: this.#connecting,
      active: this.#places - this.#connecting - this.#idle.size,
      idle: this.#idle.size,
      waiting: this.#waiters.size,
      oldestWait: oldest === null ? 0 : this.#backend.clock.now() - oldest.since,
      origins: this.#groups.size,
    }
  }

  /** Closes what is idle. @returns the exchanges that wait or are under way, for the caller to end */
  close(): Exchange[] {
    this.#deadlines.stop()
    const open: Exchange[] = []
    for (const group of [...this.#groups.values()]) {
      for (const waiter of group.waiters) open.push(waiter.exchange)
      for (const place of group.places) {
        if (place.exchange !== null) open.push(place.exchange)
        else place.close('pool-closed')
      }
    }
    return open
  }
}

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
