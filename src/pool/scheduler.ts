import { AsyncResource } from 'node:async_hooks'
import type { Backend, BackendSocket, Timer } from '../backends/backend.ts'
import { Connection } from '../connection/connection.ts'
import { Dial } from '../connection/dial.ts'
import type { Exchange } from '../connection/exchange.ts'
import { isReplayable } from '../connection/outgoing-request.ts'
import { TlsSessions } from '../connection/tls-sessions.ts'
import { PoolTimeout } from '../errors.ts'
import type { CloseReason } from '../models/close-reasons.ts'
import type { ResolvedLimits } from '../models/limits.ts'
import type { Origin } from '../models/origin.ts'
import { parseOrigin } from '../models/origin.ts'
import type { Route } from '../models/route.ts'
import type { ProxyRules } from '../protocol/request-head.ts'
import {
  decideForFreedConnection,
  decideForRequest,
  decideForReuse,
  idleDeadline,
  isFull,
  needsPoll,
} from './assignment.ts'
import type { Transport } from './base-dispatcher.ts'
import { closedError } from './base-dispatcher.ts'
import { EarlyCloses } from './early-closes.ts'
import type { LeaseOwner } from './lease.ts'
import { Lease } from './lease.ts'
import { LinkedList } from './linked-list.ts'
import { OrderedQueue } from './ordered-queue.ts'
import type { PoolDestination } from './origin-group.ts'
import { OriginGroup } from './origin-group.ts'
import type { PollOwner } from './poll-counter.ts'
import { PollCounter } from './poll-counter.ts'
import { ProxiedOrigins } from './proxied-origins.ts'
import { Queue } from './queue.ts'
import { TracedExchange } from './traced-exchange.ts'
import type { Tracing } from './tracing.ts'
import type { WaitDeadlinesOwner, WaiterOwner } from './waiter.ts'
import { WaitDeadlines, Waiter } from './waiter.ts'

/**
 * While waiters end because of deadlines and signals, no connection is opened for others: until
 * none has ended for this time, in ms. Equal timeouts of calls that are started in a loop expire
 * within the time that the loop took.
 */
const OPEN_DELAY = 2
/** The longest delay in ms. Without a limit, waiters that end all the time would prevent it. */
const LONGEST_OPEN_DELAY = 50

/** Manages the leases and waiters of a pool, and carries out the decisions of `assignment.ts`. */
export class Scheduler
  implements Transport, LeaseOwner, WaiterOwner, WaitDeadlinesOwner, PollOwner
{
  readonly #backend: Backend
  readonly #limits: ResolvedLimits
  readonly #route: Route
  readonly #tracing: Tracing
  /**
   * The caller's async context, restored when another request's end opens this one's connection.
   * Null without `lookup` and `onConnect`, which are the only code that runs in it.
   */
  readonly #callerContexts: WeakMap<Exchange, AsyncResource> | null
  readonly #sessions = new TlsSessions()
  readonly #groups = new Map<string, OriginGroup>()
  /** Null without a proxy. */
  readonly #proxied: ProxiedOrigins | null
  /** The leases with an idle connection. The one that has been idle longest is first. */
  readonly #idle = new LinkedList<Lease>()
  readonly #polls: PollCounter
  /** The leases whose connection is kept for an exchange until the next poll. */
  #kept: Lease[] = []
  readonly #keptTimer: Timer
  readonly #earlyCloses = new EarlyCloses()
  /** All waiters, in order of arrival. */
  readonly #waiters = new Queue<Waiter>()
  /**
   * The waiters whose origin is not at its limit, so that any connection would serve them. They may
   * have waited for their origin before, so they are not added in order of arrival.
   */
  readonly #forAnyConnection = new OrderedQueue<Waiter>()
  readonly #deadlines: WaitDeadlines
  /** The leases whose response waits for its reader. The one that has waited longest is first. */
  readonly #unread = new Set<Lease>()
  /** The leases that read the rest of a discarded body. */
  readonly #draining = new Set<Lease>()
  /** Whether connections with an unread response count for `maxConnections`. */
  readonly #countsUnread: boolean
  #leaseCount = 0
  #connecting = 0
  #nextOrder = 0
  /** Whether `#openForWaiters` will be called later, at `#opensBy` at the latest. */
  #opensLater = false
  #opensBy = 0
  readonly #openTimer: Timer
  /** How many waiters have ended since it was last checked, or since `#opensLater` was set. */
  #endedWaiters = 0
  #closed = false

  constructor(
    backend: Backend,
    limits: ResolvedLimits,
    route: Route,
    tracing: Tracing,
    countsUnread: boolean,
  ) {
    this.#countsUnread = countsUnread
    this.#backend = backend
    this.#limits = limits
    this.#route = route
    this.#tracing = tracing
    this.#proxied = route.proxy === null ? null : new ProxiedOrigins(route.proxy)
    const hasHooks = route.lookup !== null || route.onConnect !== null
    this.#callerContexts = hasHooks ? new WeakMap() : null
    this.#polls = new PollCounter(backend.clock, this)
    this.#keptTimer = backend.clock.timer(() => this.#polls.start())
    this.#deadlines = new WaitDeadlines(backend.clock, this)
    this.#openTimer = backend.clock.timer(() => this.#openUnlessWaitersEnd())
  }

  destinationOf(origin: string | URL): PoolDestination {
    const known = typeof origin === 'string' ? this.#groups.get(origin) : undefined
    if (this.#proxied === null) return known ?? this.#groupOf(parseOrigin(origin), null)
    // The group of forwarded origins, which has no rules, is not a destination by itself.
    if (known !== undefined && known.proxyRules !== null) return known
    const forwarded = this.#proxied.destinationOf(origin)
    if (forwarded === null) return this.#groupOf(parseOrigin(origin), this.#proxied.tunnelRules)
    this.#register(forwarded.group)
    return forwarded
  }

  #groupOf(parsed: Origin, proxyRules: ProxyRules | null): OriginGroup {
    return (
      this.#groups.get(parsed.key) ?? this.#register(new OriginGroup(parsed, proxyRules, false))
    )
  }

  /** Adds the group again if it was deleted with its last lease. Returns the group of its key. */
  #register(group: OriginGroup): OriginGroup {
    const known = this.#groups.get(group.origin.key)
    if (known === undefined) this.#groups.set(group.origin.key, group)
    return known ?? group
  }

  start(exchange: Exchange, { group }: PoolDestination): void {
    // `lookup` and `onConnect` run in the async context of the request for which they are called.
    this.#callerContexts?.set(
      exchange,
      new AsyncResource('HawserDial', { requireManualDestroy: true }),
    )
    // An empty group may have been deleted by a listener of `request:start`.
    this.#assign(exchange, group.isEmpty ? this.#register(group) : group)
  }

  discard({ group }: PoolDestination): void {
    this.#deleteIfEmpty(group)
  }

  /** Gives the exchange an idle connection, opens one for it, or lets it wait. */
  #assign(exchange: Exchange, group: OriginGroup): void {
    if (!this.#mayStart(exchange)) return this.#deleteIfEmpty(group)
    const decision = decideForRequest(
      {
        ofOrigin: group.claimed,
        total: this.#counted + this.#forAnyConnection.size,
        idleOfOrigin: group.idleCount,
        idle: this.#idle.size,
      },
      this.#limits,
    )
    switch (decision) {
      case 'reuse':
        return this.#reuse(exchange, group)
      case 'replace':
        return this.#replace(this.#idle.first?.value, exchange, group)
      case 'open':
        return this.#open(exchange, group)
      default:
        return this.#wait(exchange, group, decision === 'wait-for-origin')
    }
  }

  /** Listeners and sources may have ended an exchange that no connection or queue has. */
  #mayStart(exchange: Exchange): boolean {
    if (this.#closed) exchange.abort(closedError('pool', exchange))
    return !exchange.settled
  }

  #reuse(exchange: Exchange, group: OriginGroup): void {
    this.#findPolled(group)
    const now = exchange.startedAt
    const isRepeatable = isReplayable(exchange.request)
    const trustedBefore = isRepeatable ? Number.POSITIVE_INFINITY : now
    const isWaitFree = this.#isWaitFree
    while (this.#mayStart(exchange)) {
      const newest = group.newestIdle
      if (newest === null) break
      const older = group.newestPolled(trustedBefore)
      const decision = decideForReuse({
        needsPoll: this.#needsPoll(isRepeatable, newest, group, isWaitFree),
        isPolled: older === newest,
        hasPolled: older !== null,
      })
      const lease = (decision === 'polled' ? older : null) ?? newest
      const connection = lease.connection as Connection
      // The timer of an expired connection may be late.
      if (connection.idleDeadline <= now) {
        connection.close('keepalive-expired')
        continue
      }
      if (lease.isOutdated) {
        connection.close('settings-changed')
        continue
      }
      lease.groupLink.list?.remove(lease.groupLink)
      this.#idle.remove(lease.poolLink)
      if (decision === 'after-poll') return this.#keep(lease, exchange, isRepeatable)
      return connection.start(exchange, now)
    }
    this.#assign(exchange, this.#register(group))
  }

  /**
   * Opens a connection in place of an idle one. A listener of `connection:close` may dispatch a
   * request, which must find the pool full.
   */
  #replace(idle: Lease | undefined, exchange: Exchange, group: OriginGroup): void {
    this.#open(exchange, group)
    idle?.close('evicted')
  }

  #needsPoll(
    isReplayable: boolean,
    { connection }: Lease,
    { isShared }: OriginGroup,
    isWaitFree: boolean,
  ): boolean {
    const followsHead = connection?.lastMethod === 'HEAD'
    return needsPoll({ isReplayable, followsHead, isShared, isWaitFree })
  }

  /** Whether a poll delays no request: others are in flight or wait in the meantime. */
  get #isWaitFree(): boolean {
    const others = this.#leaseCount - this.#idle.size + this.#waiters.size
    return this.#backend.clock.isPollFast && others > 0
  }

  /** Finds out which idle connections were polled. They are the first ones of the unpolled. */
  #findPolled({ polled, unpolled }: OriginGroup): void {
    while (unpolled.first !== null && this.#polls.hasPassed(unpolled.first.value.freedIn)) {
      const link = unpolled.first
      unpolled.remove(link)
      polled.push(link)
    }
  }

  /** Keeps the connection of a lease for an exchange, which starts after the next poll. */
  #keep(lease: Lease, exchange: Exchange, isRepeatable: boolean): void {
    lease.keepFor(exchange, isRepeatable ? 0 : lease.trustedFrom)
    this.#kept.push(lease)
    this.#polls.start()
  }

  #open(exchange: Exchange, group: OriginGroup): void {
    const traceContext = exchange instanceof TracedExchange ? exchange.context : null
    const lease = new Lease(group.origin, traceContext, this)
    group.leases.add(lease)
    this.#groups.set(group.origin.key, group) // it may have been deleted with its last lease
    this.#leaseCount++
    this.#connecting++
    const context = this.#callerContexts?.get(exchange)
    if (context === undefined) lease.open(exchange)
    else context.runInAsyncScope(lease.open, lease, exchange)
  }

  #wait(exchange: Exchange, group: OriginGroup, forOrigin: boolean): void {
    const queue = forOrigin ? group.waitingForOrigin : this.#forAnyConnection
    const waiter = new Waiter(exchange, group.origin, this.#nextOrder++, queue, this)
    exchange.carrier = waiter
    this.#waiters.push(waiter)
    group.waiters.push(waiter)
    queue.push(waiter)
    this.#deadlines.add(waiter)
    this.#replaceDraining()
  }

  /**
   * Gives the place of a connection that reads a discarded body to the first waiter, if the waiter
   * could not use that connection. Otherwise a server that sends the rest slowly would block others.
   */
  #replaceDraining(): void {
    if (this.#draining.size === 0) return
    const waiter = this.#forAnyConnection.first
    if (waiter === null) return
    for (const lease of this.#draining) {
      if (lease.origin.key !== waiter.origin.key) return lease.stopDraining()
    }
  }

  /**
   * Removes a waiter from all queues. The caller must then give its share of the limits to another
   * waiter, unless a connection is opened for the exchange.
   */
  #removeWaiter(waiter: Waiter, group: OriginGroup): Exchange {
    waiter.isRemoved = true
    this.#waiters.onRemoved()
    group.waiters.onRemoved()
    waiter.queue.onRemoved()
    this.#deadlines.remove(waiter)
    waiter.exchange.carrier = null
    return waiter.exchange
  }

  onCancelled(waiter: Waiter): void {
    const group = this.#groups.get(waiter.origin.key) as OriginGroup
    this.#removeWaiter(waiter, group)
    this.#admitWaiters(group)
    this.#openForWaitersLater()
    this.#endedWaiters++
    this.#deleteIfEmpty(group)
  }

  onChecked(): void {
    this.#openForWaitersLater()
  }

  onExpired(waiter: Waiter): void {
    const { exchange } = waiter
    const state = `${describeStats(this.stats())}, maxConnections ${this.#limits.maxConnections}`
    const text = `No connection became available within ${exchange.timeouts.pool} ms: ${state}${this.#describeUnread()} (${exchange.describe()})`
    exchange.fail(new PoolTimeout(text, exchange.errorFacts()))
  }

  #describeUnread(): string {
    const [oldest] = this.#unread
    const exchange = oldest?.exchange
    if (!exchange) return ''
    const { size } = this.#unread
    const held =
      size === 1
        ? '1 connection is held by an unread response'
        : `${size} connections are held by unread responses`
    return `; ${held} (oldest: ${exchange.redactedUrl()}); read or close each response`
  }

  /** The number of connections that count for `maxConnections`. */
  get #counted(): number {
    return this.#countsUnread ? this.#leaseCount : this.#leaseCount - this.#unread.size
  }

  /** Lets waiters of an origin wait for any connection, as far as its limit permits. */
  #admitWaiters(group: OriginGroup): void {
    while (!isFull(group.claimed, this.#limits.maxConnectionsPerOrigin)) {
      const waiter = group.waitingForOrigin.shift()
      if (waiter === null) return
      waiter.queue = this.#forAnyConnection
      this.#forAnyConnection.push(waiter)
    }
  }

  /** Opens connections for waiters, as far as the limit of the pool permits. */
  #openForWaiters(): void {
    if (this.#closed || this.#opensLater) return
    while (!isFull(this.#counted, this.#limits.maxConnections)) {
      const waiter = this.#forAnyConnection.first
      if (waiter === null) return
      // When it has ended, connections are opened for the waiters behind it.
      if (this.#deadlines.isDue(waiter, this.#backend.clock.now())) return
      const group = this.#groups.get(waiter.origin.key) as OriginGroup
      this.#open(this.#removeWaiter(waiter, group), group)
    }
  }

  /**
   * Opens connections for waiters later: after the pending events, when no waiter has ended for 2
   * ms (at most after 50 ms). If a timeout or a signal has just ended a request, the same deadline
   * may be about to end many waiters: 2,000 calls with one deadline began 2,000 connections, as
   * each expiry handed its lease to the next.
   */
  #openForWaitersLater(): void {
    if (this.#closed || this.#opensLater || this.#forAnyConnection.first === null) return
    if (isFull(this.#counted, this.#limits.maxConnections)) return
    const { clock } = this.#backend
    this.#opensLater = true
    this.#endedWaiters = 0
    this.#opensBy = clock.now() + LONGEST_OPEN_DELAY
    clock.afterPending(() => this.#openUnlessWaitersEnd())
  }

  #openUnlessWaitersEnd(): void {
    const moreMayEnd = this.#endedWaiters > 0
    this.#endedWaiters = 0
    if (moreMayEnd && this.#backend.clock.now() < this.#opensBy) {
      this.#openTimer.arm(OPEN_DELAY)
      return
    }
    this.#opensLater = false
    this.#openForWaiters()
  }

  #deleteIfEmpty(group: OriginGroup): void {
    const { key } = group.origin
    if (group.isEmpty && this.#groups.get(key) === group) this.#groups.delete(key)
  }

  // --- LeaseOwner: called by leases

  startDial(lease: Lease, exchange: Exchange): Dial {
    return new Dial(
      lease.origin,
      this.#route,
      this.#backend,
      this.#sessions,
      exchange.timeouts.connect,
      lease,
    )
  }

  createConnection(lease: Lease, socket: BackendSocket): Connection {
    this.#connecting--
    return new Connection(lease.origin.key, socket, this.#backend.clock, lease)
  }

  onConnected(lease: Lease, socket: BackendSocket): void {
    const listener = lease.traceContext ?? this.#tracing
    if (!listener.hasListenersFor('connection:open')) return
    // Only for listeners: reading the address is a system call, and the socket keeps 95 bytes.
    const info = { origin: lease.origin.key, address: socket.remoteAddress }
    listener.publish('connection:open', info)
  }

  onFreed(lease: Lease): void {
    const connection = lease.connection as Connection
    this.#draining.delete(lease)
    if (lease.isOutdated) return connection.close('settings-changed')
    const now = this.#backend.clock.now()
    lease.freedIn = this.#polls.current
    lease.freedAt = now
    lease.trustedFrom = this.#earlyCloses.trustedFrom(lease.origin.key, now)
    this.#offer(lease, idleDeadline(this.#limits, connection, now), now)
  }

  onNotNeeded(lease: Lease): void {
    this.#offer(lease, (lease.connection as Connection).idleDeadline, this.#backend.clock.now())
  }

  /** Gives a free connection to a waiter, keeps it idle, or closes it. */
  #offer(lease: Lease, deadline: number, now: number): void {
    const group = this.#groups.get(lease.origin.key) as OriginGroup
    const connection = lease.connection as Connection
    const decision = decideForFreedConnection(
      {
        oldestOfOrigin: group.waiters.first?.order ?? null,
        oldestForAnyConnection: this.#oldestWithoutConnection?.order ?? null,
        idle: this.#idle.size,
      },
      this.#limits,
    )
    if (decision === 'yield') return connection.close('evicted')
    if (decision === 'close') return connection.close('too-many-idle')
    if (deadline <= now)
      return connection.close(
        this.#isPastLifetime(connection, now) ? 'max-lifetime' : 'keepalive-expired',
      )
    if (decision === 'serve') {
      connection.idleDeadline = deadline
      const isWaitFree = this.#isWaitFree
      const exchange = this.#removeWaiter(group.waiters.first as Waiter, group)
      this.#admitWaiters(group)
      const isRepeatable = isReplayable(exchange.request)
      return this.#needsPoll(isRepeatable, lease, group, isWaitFree)
        ? this.#keep(lease, exchange, isRepeatable)
        : connection.start(exchange, now)
    }
    group.unpolled.push(lease.groupLink)
    this.#idle.push(lease.poolLink)
    connection.idleUntil(deadline)
    this.#polls.startIfIdle()
  }

  onPaused(lease: Lease): void {
    this.#unread.add(lease)
    if (!this.#countsUnread) this.#openForWaiters()
  }

  onResumed(lease: Lease): void {
    this.#unread.delete(lease)
  }

  onDraining(lease: Lease): void {
    this.#draining.add(lease)
    this.#replaceDraining()
  }

  /** The first waiter for any connection; null if a connection will be opened for each of them. */
  get #oldestWithoutConnection(): Waiter | null {
    const needed = this.#counted + this.#forAnyConnection.size
    const { maxConnections } = this.#limits
    return maxConnections === null || needed <= maxConnections ? null : this.#forAnyConnection.first
  }

  #isPastLifetime(connection: Connection, now: number): boolean {
    const { maxLifetime } = this.#limits
    return maxLifetime !== null && now - connection.openedAt >= maxLifetime
  }

  onReleased(lease: Lease, replay: Exchange | null, reason: CloseReason): void {
    const group = this.#groups.get(lease.origin.key) as OriginGroup
    group.leases.delete(lease)
    this.#unread.delete(lease)
    this.#draining.delete(lease)
    lease.groupLink.list?.remove(lease.groupLink)
    this.#idle.remove(lease.poolLink)
    this.#leaseCount--
    if (lease.connection === null) this.#connecting--
    else if (lease.connection.isEndedByPeer) this.#noteEnd(lease)
    if (replay !== null && this.#mayStart(replay)) {
      this.#open(replay, group)
    } else {
      this.#admitWaiters(group)
      if (mayEndWaiters(reason)) this.#openForWaitersLater()
      else this.#openForWaiters()
      this.#deleteIfEmpty(group)
    }
    // Last, because a listener may end requests, close the pool, and dispatch a request, which must
    // not overtake those that wait.
    const listener = lease.traceContext ?? this.#tracing
    if (listener.hasListenersFor('connection:close')) {
      const info = { origin: lease.origin.key, reason }
      listener.publish('connection:close', info)
    }
  }

  /** The peer ended a connection that had no exchange, or whose request got no response. */
  #noteEnd({ origin, freedAt }: Lease): void {
    this.#earlyCloses.note(origin.key, freedAt, this.#backend.clock.now())
  }

  // --- PollOwner

  get hasUnpolledIdle(): boolean {
    const newest = this.#idle.last
    return newest !== null && !this.#polls.hasPassed(newest.value.freedIn)
  }

  onPolled(): void {
    const kept = this.#kept
    this.#kept = []
    const now = this.#backend.clock.now()
    let isPollNeeded = false
    let nextStart = Number.POSITIVE_INFINITY
    for (const lease of kept) {
      if (!lease.isKept) continue
      // One that became free after this poll had begun needs another one.
      const isPolled = this.#polls.hasPassed(lease.freedIn)
      if (isPolled && lease.startFrom <= now) {
        lease.startKept(now)
        continue
      }
      this.#kept.push(lease)
      if (!isPolled) isPollNeeded = true
      else if (lease.startFrom < nextStart) nextStart = lease.startFrom
    }
    if (isPollNeeded) this.#polls.start()
    else if (nextStart < Number.POSITIVE_INFINITY) this.#keptTimer.arm(nextStart - now)
    else if (this.hasUnpolledIdle) this.#polls.startIfIdle()
  }

  // --- the pool

  stats(): PoolStats {
    const oldest = this.#waiters.first
    return {
      connections: this.#leaseCount,
      connecting: this.#connecting,
      active: this.#leaseCount - this.#connecting - this.#idle.size,
      unread: this.#unread.size,
      idle: this.#idle.size,
      waiting: this.#waiters.size,
      oldestWait: oldest === null ? 0 : this.#backend.clock.now() - oldest.waitingSince,
      origins: this.#groups.size,
    }
  }

  /** Closes idle connections. Returns all exchanges in progress, which the caller must settle. */
  close(): Exchange[] {
    this.#closed = true
    this.#deadlines.stop()
    this.#openTimer.cancel()
    this.#keptTimer.cancel()
    const exchanges: Exchange[] = []
    for (const group of [...this.#groups.values()]) {
      for (const waiter of group.waiters) exchanges.push(waiter.exchange)
      for (const lease of group.leases) {
        const { exchange } = lease
        if (exchange !== null) exchanges.push(exchange)
        if (lease.isIdle) lease.close('pool-closed')
      }
    }
    return exchanges
  }
}

/** Whether a lease ended for a reason that may end waiters at the same time. */
function mayEndWaiters(reason: CloseReason): boolean {
  return reason === 'aborted' || reason === 'timeout' || reason === 'dial-failed'
}

/** The counts of a pool. */
export interface PoolStats {
  /** All connections: the sum of `connecting`, `active` and `idle`. */
  readonly connections: number
  /** Connections that are being opened. */
  readonly connecting: number
  /** Connections that carry a request, or are kept for one until the event loop has polled them. */
  readonly active: number
  /** Active connections with a response that waits for its reader, who has paused or left it. */
  readonly unread: number
  /** Connections that are open and unused. */
  readonly idle: number
  /** Requests that wait for a connection. */
  readonly waiting: number
  /** How long the first waiting request has waited, in ms; 0 if none waits. */
  readonly oldestWait: number
  /** Origins with connections or waiting requests. Origins that a proxy forwards count as one. */
  readonly origins: number
}

/** Returns the counts in one line, for error messages and `util.inspect`. */
export function describeStats(stats: PoolStats): string {
  const { connections, connecting, active, unread, idle, waiting, oldestWait } = stats
  const held = unread === 0 ? '' : ` (${unread} unread)`
  const waits = waiting === 0 ? '' : `, ${waiting} waiting for up to ${Math.round(oldestWait)} ms`
  const total = `${connections} ${connections === 1 ? 'connection' : 'connections'}`
  return `${total}: ${connecting} connecting, ${active} active${held}, ${idle} idle${waits}`
}
