import { inspect } from 'node:util'
import type { Backend, BackendSocket } from '../backends/backend.ts'
import type { CloseReason } from '../connection/close-reason.ts'
import { Connection } from '../connection/connection.ts'
import type { SessionCache } from '../connection/dial.ts'
import { Dial } from '../connection/dial.ts'
import type { ExchangeOwner, ResponseSink } from '../connection/exchange.ts'
import { Exchange } from '../connection/exchange.ts'
import { outgoingRequest } from '../connection/outgoing-request.ts'
import { ClientClosed, HawserError, LocalProtocolError, PoolTimeout } from '../errors.ts'
import type { ResolvedLimits } from '../models/limits.ts'
import { resolveLimits } from '../models/limits.ts'
import { option } from '../models/options.ts'
import { parseOrigin } from '../models/origin.ts'
import type { DispatchControl, DispatchHandler, DispatchRequest } from '../models/request.ts'
import type { Route } from '../models/route.ts'
import { Timeout } from '../models/timeout.ts'
import { assign, decideFreed, isFull } from './assignment.ts'
import { HandlerSink } from './handler-sink.ts'
import { idleUntil } from './idle-time.ts'
import { LinkedList } from './linked-list.ts'
import { OriginGroup } from './origin-group.ts'
import type { PlaceOwner } from './place.ts'
import { Place } from './place.ts'
import type { PoolOptions } from './pool-options.ts'
import { resolveOptions } from './pool-options.ts'
import type { Response } from './response.ts'
import { ResponseBody } from './response.ts'
import { WaitDeadlines } from './wait-deadlines.ts'
import { Waiter } from './waiter.ts'
import { Watch } from './watch.ts'

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

/** Connections to any number of origins, and the requests that wait for one. */
export class ConnectionPool implements PlaceOwner, ExchangeOwner {
  readonly #backend: Backend
  readonly #limits: ResolvedLimits
  readonly #timeouts: Timeout
  readonly #route: Route
  readonly #trace: ((event: string, info: object) => void) | null
  readonly #sessions: SessionCache = new Map()
  readonly #groups = new Map<string, OriginGroup>()
  /** All idle connections; the one that has idled longest stands first. */
  readonly #idle = new LinkedList<Place>()
  /** Who waits, in order. */
  readonly #waiters = new LinkedList<Waiter>()
  /** Those among them who wait for a place of any kind. */
  readonly #forPlace = new LinkedList<Waiter>()
  readonly #deadlines: WaitDeadlines
  #places = 0
  #connecting = 0
  #arrivals = 0
  #inFlight = 0
  #closed = false

  /** Throws `TypeError` for a bad option. */
  constructor(options: PoolOptions = {}) {
    const { backend, limits, timeouts, route, trace } = resolveOptions(options)
    this.#backend = backend
    this.#limits = resolveLimits(limits)
    this.#timeouts = Timeout.from(timeouts, Timeout.default)
    this.#route = route
    this.#trace = trace
    this.#deadlines = new WaitDeadlines(backend.clock, (waiter) => this.#tooLong(waiter))
  }

  /**
   * Sends a request; everything that happens is told to `handler`, later. Never throws: a request
   * that may not be sent goes to `onError`.
   */
  dispatch(request: DispatchRequest, handler: DispatchHandler): DispatchControl {
    return this.#accept(request, new HandlerSink(handler, wantsCopies(request))) ?? settled
  }

  /** Sends a request; resolves when the head of its response is here. */
  request(request: DispatchRequest): Promise<Response> {
    return new Promise((resolve, reject) => {
      const body = new ResponseBody(resolve, reject)
      body.exchange = this.#accept(request, body)
    })
  }

  #accept(request: DispatchRequest, sink: ResponseSink): Exchange | null {
    const { clock } = this.#backend
    let exchange: Exchange
    let signal: AbortSignal | null = null
    let group: OriginGroup | null = null
    try {
      if (this.#closed) throw new ClientClosed('The pool is closed')
      if (request.signal !== undefined) signal = signalOf(request)
      group = this.#groupOf(request.origin)
      exchange = new Exchange(
        outgoingRequest(request, group.origin),
        sink,
        request.timeouts === undefined
          ? this.#timeouts
          : Timeout.from(option(request, 'timeouts', undefined), this.#timeouts),
        clock,
        clock.now(),
        this,
      )
    } catch (error) {
      if (group !== null) this.#forgetIfEmpty(group)
      clock.microtask(() => sink.onError(withRequest(error, request)))
      return null
    }
    if (this.#inFlight++ === 0) this.#backend.hold()
    if (signal?.aborted) {
      exchange.abort(signal.reason)
      this.#forgetIfEmpty(group)
    } else {
      if (signal !== null || exchange.timeouts.total !== null)
        exchange.watch = new Watch(exchange, signal, clock)
      this.#place(exchange, group, false)
    }
    return exchange
  }

  #groupOf(origin: string | URL): OriginGroup {
    const known = typeof origin === 'string' ? this.#groups.get(origin) : undefined
    if (known !== undefined) return known
    const parsed = parseOrigin(origin)
    let group = this.#groups.get(parsed.key)
    if (group === undefined) {
      group = new OriginGroup(parsed)
      this.#groups.set(parsed.key, group)
    }
    return group
  }

  /** Finds a connection for an exchange, or a place in the queue. */
  #place(exchange: Exchange, group: OriginGroup, fresh: boolean): void {
    const decision = assign(
      {
        ofOrigin: group.claimed,
        total: this.#places,
        idleOfOrigin: group.idle.size,
        idle: this.#idle.size,
        fresh,
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
    this.#place(exchange, this.#groupOf(group.origin.key), false)
  }

  #open(exchange: Exchange, group: OriginGroup): void {
    const place = new Place(group.origin, this)
    group.places.add(place)
    this.#groups.set(group.origin.key, group) // it may have been dropped when its last place closed
    this.#places++
    this.#connecting++
    place.open(exchange)
  }

  #wait(exchange: Exchange, group: OriginGroup, parked: boolean): void {
    const now = this.#backend.clock.now()
    const waiter = new Waiter(exchange, group.origin, this.#arrivals++, now, (left) =>
      this.#cancel(left),
    )
    exchange.carrier = waiter
    exchange.phase = 'queue'
    this.#waiters.push(waiter.inPool)
    group.waiters.push(waiter.inGroup)
    if (parked) group.parked.push(waiter.inQueue)
    else this.#forPlace.push(waiter.inQueue)
    this.#deadlines.add(waiter)
  }

  /** A waiter's way out, to a connection or to its end. Its claim to a place is the caller's to pass on. */
  #leave(waiter: Waiter, group: OriginGroup): Exchange {
    this.#waiters.remove(waiter.inPool)
    group.waiters.remove(waiter.inGroup)
    waiter.inQueue.list?.remove(waiter.inQueue)
    this.#deadlines.remove(waiter)
    waiter.exchange.carrier = null
    return waiter.exchange
  }

  #cancel(waiter: Waiter): void {
    const group = this.#groups.get(waiter.origin.key) as OriginGroup
    this.#leave(waiter, group)
    this.#unpark(group)
    this.#forgetIfEmpty(group)
  }

  #tooLong(waiter: Waiter): void {
    const { exchange } = waiter
    const limits = `${this.#limits.maxConnections ?? 'any'} connections`
    const state = `${inspect(this)}, at most ${limits}`
    const text = `No connection came free within ${exchange.timeouts.pool} ms: ${state} (${exchange.describe()})`
    exchange.fail(new PoolTimeout(text, exchange.facts()))
  }

  /** Lets as many of an origin's parked waiters as it may have places for wait for a place of any kind. */
  #unpark(group: OriginGroup): void {
    while (
      group.parked.first !== null &&
      !isFull(group.claimed, this.#limits.maxConnectionsPerOrigin)
    ) {
      const { value: waiter } = group.parked.first
      group.parked.remove(waiter.inQueue)
      this.#forPlace.push(waiter.inQueue)
    }
  }

  /** Gives free places to those who wait for one. */
  #fill(): void {
    while (this.#forPlace.first !== null && !isFull(this.#places, this.#limits.maxConnections)) {
      const { value: waiter } = this.#forPlace.first
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
    this.#trace?.('connection:open', { origin: place.origin.key, address: socket.remoteAddress })
    return new Connection(place.origin.key, socket, this.#backend.clock, place)
  }

  onFreed(place: Place): void {
    const group = this.#groups.get(place.origin.key) as OriginGroup
    const connection = place.connection as Connection
    const now = this.#backend.clock.now()
    const decision = decideFreed(
      {
        oldestOfOrigin: group.waiters.first?.value.order ?? null,
        oldestForPlace: this.#forPlace.first?.value.order ?? null,
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
      const exchange = this.#leave((group.waiters.first as { value: Waiter }).value, group)
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

  onReleased(place: Place, replay: Exchange | null, reason: CloseReason | 'dial-failed'): void {
    const group = this.#groups.get(place.origin.key) as OriginGroup
    group.places.delete(place)
    group.idle.remove(place.inGroup)
    this.#idle.remove(place.inPool)
    this.#places--
    if (place.connection === null) this.#connecting--
    this.#trace?.('connection:close', { origin: place.origin.key, reason })
    if (replay !== null) return this.#open(replay, group)
    this.#unpark(group)
    this.#fill()
    this.#forgetIfEmpty(group)
  }

  remember(place: Place, session: Uint8Array): void {
    this.#sessions.set(place.origin.key, session)
  }

  onSettled(exchange: Exchange): void {
    if (--this.#inFlight === 0) this.#backend.release()
    void exchange
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
      oldestWait: oldest === null ? 0 : this.#backend.clock.now() - oldest.value.since,
      origins: this.#groups.size,
    }
  }

  /** Throws when something is not given back: a request in flight, a waiter, a connection that is not idle. */
  assertQuiescent(): void {
    const { connecting, active, waiting } = this.stats()
    if (connecting + active + waiting + this.#inFlight === 0) return
    throw new HawserError(`The pool is not quiescent: ${inspect(this)}`)
  }

  /** Closes every connection; what is in flight or waits fails with `ClientClosed`. */
  close(): Promise<void> {
    this.#closed = true
    this.#deadlines.clear()
    const failed: Exchange[] = []
    for (const group of [...this.#groups.values()]) {
      for (const waiter of group.waiters) failed.push(waiter.exchange)
      for (const place of group.places) {
        if (place.exchange !== null) failed.push(place.exchange)
        else place.close('pool-closed')
      }
    }
    for (const exchange of failed) {
      exchange.abort(new ClientClosed(`The pool was closed (${exchange.describe()})`))
    }
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [inspect.custom](): string {
    const { connections, connecting, active, idle, waiting, oldestWait } = this.stats()
    const waits = waiting === 0 ? '' : `, ${waiting} waiting for up to ${Math.round(oldestWait)} ms`
    return `<ConnectionPool [${connections} connections: ${connecting} connecting, ${active} active, ${idle} idle${waits}]>`
  }
}

/** The control of what never began. */
const settled: DispatchControl = { resume() {}, abort() {} }

function signalOf(request: DispatchRequest): AbortSignal | null {
  const signal = option(request, 'signal', null)
  if (signal === null || typeof signal.addEventListener === 'function') return signal
  throw new TypeError('signal must be an AbortSignal')
}

function wantsCopies(request: DispatchRequest): boolean {
  return request?.copy === true && Object.hasOwn(request, 'copy')
}

/** An error of the request's own making, with the request on it. */
function withRequest(error: unknown, request: DispatchRequest): unknown {
  if (!(error instanceof LocalProtocolError) || error.request !== null) return error
  const { method = 'GET', origin, path } = request
  return new LocalProtocolError(error.message, {
    request: { method, origin, path },
    phase: 'queue',
    safeToRetry: false,
  })
}
