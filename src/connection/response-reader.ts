import type { BackendSocket, Clock } from '../backends/backend.ts'
import type { ResponseParser } from '../protocol/response-parser.ts'
import { isWindowInUse, reportOverwritten } from '../protocol/response-parser.ts'
import type { BodySink, Exchange } from './exchange.ts'
import type { ConnectionState, DeliveryState, Transitions } from './states.ts'
import { deliveryEvents, nextState } from './states.ts'

const NO_TARGET = new Uint8Array(0)

export interface ResponseReaderOwner {
  readonly state: ConnectionState
  readonly exchange: Exchange | null
  /** The backlog of a pause was delivered, and the exchange has not ended. */
  onCaughtUp(): void
  /**
   * The peer sends no more, and all its bytes were delivered. `cause` is the error, or null if the
   * peer ended the stream.
   */
  onEnded(cause: Error | null): void
  /** A read cannot be parsed, because it was delivered while another one is being parsed. */
  onRefused(): void
}

/**
 * Passes the bytes of the socket to the parser. It chooses the buffer for each read. During a pause
 * it keeps a backlog of the bytes and the end of the stream that still arrive.
 */
export class ResponseReader {
  state: DeliveryState = 'flowing'
  /** Whether the latest read filled its target. */
  targetFull = false
  readonly #socket: BackendSocket
  readonly #parser: ResponseParser
  readonly #clock: Clock
  readonly #owner: ResponseReaderOwner
  /** What `target()` returned last. */
  #target: Uint8Array = NO_TARGET
  /** The same buffer if the sink provided it; null if it is the parser's window. */
  #direct: Buffer | null = null
  /** Whether the parser has another target now than the one that the next read will fill. */
  #targetStale = false
  #backlog: Buffer[] | null = null
  #end: { readonly cause: Error | null } | null = null

  constructor(
    socket: BackendSocket,
    parser: ResponseParser,
    clock: Clock,
    owner: ResponseReaderOwner,
  ) {
    this.#socket = socket
    this.#parser = parser
    this.#clock = clock
    this.#owner = owner
  }

  get paused(): boolean {
    return this.state === 'paused' || this.state === 'resuming'
  }

  /** Whether the peer has closed its side, or the connection failed. */
  get hasEnded(): boolean {
    return this.#end !== null
  }

  /** The number of reads that arrived during a pause and are not delivered yet. */
  get backlogLength(): number {
    return this.#backlog?.length ?? 0
  }

  /** Returns the buffer for the next read. `body` is the sink of the body; null before the head. */
  target(body: BodySink | null): Uint8Array {
    const { expecting, remaining } = this.#parser
    const passesParser = expecting !== 'counted' && expecting !== 'until-close'
    // The bytes of a backlog come first, so the sink needs the memory of its target for them.
    const isDirect = !passesParser && body !== null && this.backlogLength === 0
    this.#direct = isDirect ? body.target(remaining) : null
    if (this.#direct === null && isWindowInUse()) {
      this.#target = Buffer.allocUnsafe(this.#parser.target.length)
      this.#targetStale = true
      return this.#target
    }
    this.#target = this.#direct ?? this.#parser.target
    return this.#target
  }

  /** Called for each read: one that was stored in the window may have overwritten another. */
  checkWindow(): void {
    if (this.#direct === null && !this.#targetStale && isWindowInUse()) reportOverwritten()
  }

  /** Processes a read of `length` bytes, which are at the start of the latest target. */
  read(length: number): void {
    this.targetFull = length === this.#target.length
    if (this.#parser.isReading) return this.#owner.onRefused()
    if (this.paused || this.#targetStale) return this.#addToBacklog(length)
    if (this.#direct === null) this.#parse(length)
    else this.#parser.take(this.#direct, 0, length)
  }

  #parse(length: number): void {
    if (isWindowInUse()) this.#owner.onRefused()
    else this.#parser.read(length)
  }

  /** Processes the end of the stream, or the error that ended it. */
  end(cause: Error | null): void {
    this.#end ??= { cause }
    if (!this.paused) this.#owner.onEnded(cause)
  }

  /** Called before each part of the body, whose pause is not cancelled by an earlier `resume`. */
  onDelivery(): void {
    if (this.state === 'resumed') this.#transition(deliveryEvents.deliver)
  }

  pause(): void {
    this.#transition(deliveryEvents.pause)
    if (this.paused) this.#socket.pause()
  }

  resume(): void {
    this.#transition(deliveryEvents.resume)
    if (this.state !== 'resuming') return
    this.#clock.microtask(() => {
      if (this.state !== 'resuming') return
      this.#transition(deliveryEvents.continue)
      this.#deliverBacklog()
    })
  }

  /** Drops the backlog: the connection was closed. */
  stop(): void {
    this.#backlog = null
  }

  #transition(transitions: Transitions<DeliveryState>): void {
    this.state = nextState(transitions, this.state)
  }

  #addToBacklog(length: number): void {
    this.#backlog ??= []
    this.#backlog.push(Buffer.from(this.#target.subarray(0, length)))
    if (this.paused) return
    this.#deliverBacklog()
    this.#targetStale = false // the socket asks for a new target right after this read
  }

  #deliverBacklog(): void {
    const { exchange } = this.#owner
    while (this.#backlog !== null && this.#backlog.length > 0) {
      this.#feed(this.#backlog.shift() as Buffer)
      if (this.paused) return
    }
    if (this.#owner.state === 'closed') return
    const isOwnTarget = this.#direct !== null && this.#owner.exchange === exchange
    this.#targetStale = !isOwnTarget && this.#target !== this.#parser.target
    if (this.#owner.exchange !== exchange)
      this.#socket.resume() // the exchange has ended; the connection may serve another
    else if (this.#end === null) this.#owner.onCaughtUp()
    else this.#owner.onEnded(this.#end.cause)
  }

  /** Passes bytes of the backlog to the parser, as many as fit into its target. */
  #feed(bytes: Buffer): void {
    const { expecting, target } = this.#parser
    if (expecting === 'counted' || expecting === 'until-close') {
      return this.#parser.take(bytes, 0, bytes.length)
    }
    if (isWindowInUse()) return this.#owner.onRefused()
    const length = Math.min(bytes.length, target.length)
    if (length < bytes.length) this.#backlog?.unshift(bytes.subarray(length))
    target.set(bytes.subarray(0, length))
    this.#parser.read(length)
  }
}
