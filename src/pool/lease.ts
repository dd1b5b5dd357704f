import type { BackendSocket } from '../backends/backend.ts'
import type { Connection, ConnectionOwner } from '../connection/connection.ts'
import type { Dial, DialOwner } from '../connection/dial.ts'
import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { DialFailure } from '../connection/transport-errors.ts'
import { connectTimeout, dialError } from '../connection/transport-errors.ts'
import type { Phase } from '../errors.ts'
import type { CloseReason } from '../models/close-reasons.ts'
import type { Origin } from '../models/origin.ts'
import { isVerificationDisabled } from '../models/tls-settings.ts'
import { Link } from './linked-list.ts'
import type { TraceContext } from './tracing.ts'

/** What a lease needs from its pool. */
export interface LeaseOwner {
  startDial(lease: Lease, exchange: Exchange): Dial
  createConnection(lease: Lease, socket: BackendSocket): Connection
  /** The lease has a connection. Runs listeners, which may end the exchange or close the pool. */
  onConnected(lease: Lease, socket: BackendSocket): void
  /** The connection has no exchange any more, and may be used for another. */
  onFreed(lease: Lease): void
  /** The exchange for which the connection was kept was settled. The connection is free again. */
  onNotNeeded(lease: Lease): void
  /** The reader of the response paused. */
  onPaused(lease: Lease): void
  onResumed(lease: Lease): void
  /** The reader of the response has left. The rest of the body is read to keep the connection. */
  onDraining(lease: Lease): void
  /**
   * Called once for each lease. `replay` must get a new lease before all waiters: it is sent again,
   * or the connection was kept for it.
   */
  onReleased(lease: Lease, replay: Exchange | null, reason: CloseReason): void
}

/**
 * The permission to have one connection. It counts for the limits of the pool, from the decision to
 * open the connection until it is closed. Every end of a dial or a connection calls `#release`, so
 * that no lease is lost.
 */
export class Lease implements Carrier, DialOwner, ConnectionOwner {
  readonly origin: Origin
  readonly groupLink = new Link<Lease>(this)
  readonly poolLink = new Link<Lease>(this)
  connection: Connection | null = null
  /** The number of the last poll that had begun when the connection became free. */
  freedIn = 0
  /** When the connection became free, in the clock's time. */
  freedAt = Number.NEGATIVE_INFINITY
  /** From when on the connection may carry a request that is not replayable. */
  trustedFrom = 0
  /** From when on the exchange of `keepFor` may start. */
  startFrom = 0
  /** Async context for connection events; null if the request that opened it was not traced. */
  readonly traceContext: TraceContext | null
  readonly #owner: LeaseOwner
  #dial: Dial | null = null
  /** The exchange that waits for the dial, or for a poll before it uses the connection. */
  #exchange: Exchange | null = null
  #released = false
  /** Whether NODE_TLS_REJECT_UNAUTHORIZED disabled the verification when it was opened. */
  #isUnverified = false

  constructor(origin: Origin, traceContext: TraceContext | null, owner: LeaseOwner) {
    this.origin = origin
    this.traceContext = traceContext
    this.#owner = owner
  }

  /** Opens the connection for an exchange. */
  open(exchange: Exchange): void {
    this.#exchange = exchange
    exchange.carrier = this
    // For a timeout before the dial reports its first phase. It does so in a microtask, so that
    // `enterPhase` would only add a phase of 0 ms to the trace.
    exchange.phase = 'tcp'
    this.#dial = this.#owner.startDial(this, exchange)
  }

  /** Keeps the idle connection for an exchange, until `startKept`. */
  keepFor(exchange: Exchange, startFrom: number): void {
    this.#exchange = exchange
    this.startFrom = startFrom
    exchange.carrier = this
  }

  /** Starts the exchange of `keepFor`. */
  startKept(now: number): void {
    const exchange = this.#exchange as Exchange
    const connection = this.connection as Connection
    // The timer of an expired connection may be late.
    if (connection.idleDeadline <= now) return connection.close('keepalive-expired')
    if (this.isOutdated) return connection.close('settings-changed')
    this.#exchange = null
    connection.start(exchange, now)
  }

  /** Ends `keepFor` without a start. Returns the exchange, or null for none. */
  #withdrawKept(): Exchange | null {
    const exchange = this.#exchange
    this.#exchange = null
    if (exchange !== null) exchange.carrier = null
    return exchange
  }

  /** Whether the connection is kept for an exchange. */
  get isKept(): boolean {
    return this.connection !== null && this.#exchange !== null
  }

  /** Whether the connection carries no exchange. It may be kept for one. */
  get isIdle(): boolean {
    return this.connection !== null && this.connection.exchange === null
  }

  close(reason: CloseReason): void {
    this.#dial?.abort()
    if (this.connection !== null) this.connection.close(reason)
    else this.#release(null, reason)
  }

  /** Closes the connection, which reads a discarded body, for a waiter that cannot use it. */
  stopDraining(): void {
    this.connection?.stopDraining('evicted')
  }

  /** Whether the connection would be opened with other TLS settings today. */
  get isOutdated(): boolean {
    return this.#isUnverified && !isVerificationDisabled()
  }

  #release(replay: Exchange | null, reason: CloseReason): void {
    if (this.#released) return
    this.#released = true
    this.#owner.onReleased(this, replay, reason)
  }

  // --- Carrier: while the connection is being opened

  /** The exchange that waits for the dial or for a poll, or that the connection carries. */
  get exchange(): Exchange | null {
    return this.#exchange ?? this.connection?.exchange ?? null
  }

  resume(): void {}
  drain(): void {}

  release(exchange: Exchange): void {
    if (this.#exchange !== exchange) return
    this.#exchange = null
    if (this.connection === null) this.close('aborted')
    else this.#owner.onNotNeeded(this)
  }

  // --- DialOwner

  onPhase(phase: Phase): void {
    this.#exchange?.enterPhase(phase)
  }

  onDialed(socket: BackendSocket): void {
    this.#isUnverified = this.#dial?.isVerificationDisabled === true
    this.#dial = null
    const connection = this.#owner.createConnection(this, socket)
    this.connection = connection
    this.#owner.onConnected(this, socket)
    const exchange = this.#exchange
    if (exchange === null) return // a listener ended it, and thereby closed the connection
    this.#exchange = null
    connection.start(exchange, connection.openedAt)
  }

  onDialFailed(failure: DialFailure): void {
    const exchange = this.#releaseFailedDial()
    exchange.fail(dialError(exchange, this.origin, failure))
  }

  onDialTimeout(proxy: Origin | null): void {
    const exchange = this.#releaseFailedDial()
    exchange.fail(connectTimeout(exchange, this.origin, proxy))
  }

  /** Releases the lease, so that a waiter can have one before the failure is reported. */
  #releaseFailedDial(): Exchange {
    this.#dial = null
    const exchange = this.#exchange as Exchange
    this.#exchange = null
    this.#release(null, 'dial-failed')
    return exchange
  }

  // --- ConnectionOwner

  onIdle(): void {
    this.#owner.onFreed(this)
  }

  onPaused(): void {
    this.#owner.onPaused(this)
  }

  onResumed(): void {
    this.#owner.onResumed(this)
  }

  onDraining(): void {
    this.#owner.onDraining(this)
  }

  onClosed(_connection: Connection, reason: CloseReason, replay: Exchange | null): void {
    this.#release(replay ?? this.#withdrawKept(), reason)
  }
}
