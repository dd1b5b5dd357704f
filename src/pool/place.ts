import type { BackendSocket } from '../backends/backend.ts'
import type { CloseReason } from '../connection/close-reason.ts'
import type { Connection, ConnectionOwner } from '../connection/connection.ts'
import type { Dial, DialOwner } from '../connection/dial.ts'
import type { Carrier, Exchange } from '../connection/exchange.ts'
import type { DialFailure } from '../connection/failures.ts'
import { dialFailed, dialTimedOut } from '../connection/failures.ts'
import type { Phase } from '../errors.ts'
import type { Origin } from '../models/origin.ts'
import { Link } from './linked-list.ts'
import type { TraceContext } from './tracing.ts'

/** What a place tells its pool. */
export interface PlaceOwner {
  dial(place: Place, exchange: Exchange): Dial
  adopt(place: Place, socket: BackendSocket): Connection
  onFreed(place: Place): void
  /** Once for each place. `replay` takes a new place instead, before all who wait. */
  onReleased(place: Place, replay: Exchange | null, reason: CloseReason): void
}

/**
 * A lease on one of the pool's connections, from the decision to open it until it is closed. There
 * is one way to give it back, `#release`, which every end of a dial or connection comes to.
 */
export class Place implements Carrier, DialOwner, ConnectionOwner {
  readonly origin: Origin
  readonly inGroup = new Link<Place>(this)
  readonly inPool = new Link<Place>(this)
  connection: Connection | null = null
  /** Who is told of this connection; null if the request that it was opened for was not traced. */
  readonly context: TraceContext | null
  readonly #owner: PlaceOwner
  #dial: Dial | null = null
  /** What is dialled for. */
  #exchange: Exchange | null = null
  #released = false

  constructor(origin: Origin, context: TraceContext | null, owner: PlaceOwner) {
    this.origin = origin
    this.context = context
    this.#owner = owner
  }

  open(exchange: Exchange): void {
    this.#exchange = exchange
    exchange.carrier = this
    exchange.phase = 'tcp'
    this.#dial = this.#owner.dial(this, exchange)
  }

  close(reason: CloseReason): void {
    this.#dial?.abort()
    if (this.connection !== null) this.connection.close(reason)
    else this.#release(null, reason)
  }

  #release(replay: Exchange | null, reason: CloseReason): void {
    if (this.#released) return
    this.#released = true
    this.#owner.onReleased(this, replay, reason)
  }

  // --- the exchange that is dialled for

  get exchange(): Exchange | null {
    return this.#exchange ?? this.connection?.exchange ?? null
  }

  resume(): void {}

  release(exchange: Exchange): void {
    if (this.#exchange !== exchange) return
    this.#exchange = null
    this.close('aborted')
  }

  // --- dialling

  onPhase(phase: Phase): void {
    this.#exchange?.enter(phase)
  }

  onDialed(socket: BackendSocket, firstBytes: Buffer | null): void {
    this.#dial = null
    const exchange = this.#exchange as Exchange
    this.#exchange = null
    this.connection = this.#owner.adopt(this, socket)
    this.connection.start(exchange, this.connection.openedAt)
    if (firstBytes !== null) deliver(socket, firstBytes)
  }

  onDialFailed(failure: DialFailure): void {
    const exchange = this.#endDial()
    exchange.fail(dialFailed(exchange, this.origin, failure))
  }

  onDialTimeout(proxy: Origin | null): void {
    const exchange = this.#endDial()
    exchange.fail(dialTimedOut(exchange, this.origin, proxy))
  }

  /** The place is free before its exchange hears of the failure. */
  #endDial(): Exchange {
    this.#dial = null
    const exchange = this.#exchange as Exchange
    this.#exchange = null
    this.#release(null, 'dial-failed')
    return exchange
  }

  // --- the connection

  onIdle(): void {
    this.#owner.onFreed(this)
  }

  onClosed(_connection: Connection, reason: CloseReason, replay: Exchange | null): void {
    this.#release(replay, reason)
  }
}

/** Bytes that came with a tunnel's opening, as if they were read now: by whoever the handler is. */
function deliver(socket: BackendSocket, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    const target = socket.handler.readTarget()
    const piece = bytes.subarray(at, at + target.length)
    target.set(piece)
    at += piece.length
    socket.handler.onRead(piece.length)
  }
}
