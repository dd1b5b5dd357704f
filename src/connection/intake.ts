import type { BackendSocket, Clock } from '../backends/backend.ts'
import type { ResponseParser } from '../protocol/response-parser.ts'
import type { BodySink, Exchange } from './exchange.ts'
import type { ConnectionState, DeliveryState, Transitions } from './states.ts'
import { deliveryEvents, nextState } from './states.ts'

const NOWHERE = new Uint8Array(0)

export interface IntakeOwner {
  readonly state: ConnectionState
  readonly exchange: Exchange | null
  /** All that was kept during a pause has been delivered to the exchange, which is not over. */
  onContinued(): void
  /** The peer sends no more, and all bytes before that were delivered. `cause` is null at the end of the stream. */
  onEnded(cause: Error | null): void
}

/**
 * Brings what the socket reads to the parser: says where each read goes, and keeps what comes after
 * the reader has asked for a pause, the end of the stream included.
 */
export class Intake {
  state: DeliveryState = 'flowing'
  /** The latest read left no byte of its target over. */
  targetFull = false
  readonly #socket: BackendSocket
  readonly #parser: ResponseParser
  readonly #clock: Clock
  readonly #owner: IntakeOwner
  /** The latest answer to `target`. */
  #target: Uint8Array = NOWHERE
  /** The same, when it is a buffer of the sink's and not the shared window. */
  #direct: Buffer | null = null
  /** The next read goes to a target of before: the parser wants it somewhere else by now. */
  #moved = false
  #backlog: Buffer[] | null = null
  #end: { readonly cause: Error | null } | null = null

  constructor(socket: BackendSocket, parser: ResponseParser, clock: Clock, owner: IntakeOwner) {
    this.#socket = socket
    this.#parser = parser
    this.#clock = clock
    this.#owner = owner
  }

  get paused(): boolean {
    return this.state === 'paused' || this.state === 'resuming'
  }

  /** The peer sends no more. */
  get ended(): boolean {
    return this.#end !== null
  }

  /** Reads that wait for the reader. */
  get kept(): number {
    return this.#backlog?.length ?? 0
  }

  /** Where the next read goes; `body` is who takes the body, once there is a head. */
  target(body: BodySink | null): Uint8Array {
    const { expecting, remaining } = this.#parser
    const passesParser = expecting !== 'counted' && expecting !== 'until-close'
    this.#direct = passesParser || body === null || this.paused ? null : body.target(remaining)
    this.#target = this.#direct ?? this.#parser.target
    return this.#target
  }

  /** Takes `length` bytes that stand at the start of the latest `target`. */
  read(length: number): void {
    this.targetFull = length === this.#target.length
    if (this.paused || this.#moved) return this.#keep(length)
    if (this.#direct === null) this.#parser.read(length)
    else this.#parser.take(this.#direct, 0, length)
  }

  /** The peer sends no more; the error is why, null at the end of the stream. */
  end(cause: Error | null): void {
    this.#end ??= { cause }
    if (!this.paused) this.#owner.onEnded(cause)
  }

  /** A piece of the body is about to be delivered: a resume before it does not count for it. */
  onDelivery(): void {
    if (this.state === 'resumed') this.#to(deliveryEvents.deliver)
  }

  pause(): void {
    this.#to(deliveryEvents.pause)
    if (this.paused) this.#socket.pause()
  }

  resume(): void {
    this.#to(deliveryEvents.resume)
    if (this.state !== 'resuming') return
    this.#clock.microtask(() => {
      if (this.state !== 'resuming') return
      this.#to(deliveryEvents.continue)
      this.#deliverKept()
    })
  }

  /** Delivers nothing any more. */
  stop(): void {
    this.#backlog = null
  }

  #to(transitions: Transitions<DeliveryState>): void {
    this.state = nextState(transitions, this.state)
  }

  #keep(length: number): void {
    this.#backlog ??= []
    this.#backlog.push(Buffer.from(this.#target.subarray(0, length)))
    if (this.paused) return
    this.#deliverKept()
    this.#moved = false // a new target is asked for right after this read
  }

  #deliverKept(): void {
    const { exchange } = this.#owner
    while (this.#backlog !== null && this.#backlog.length > 0) {
      this.#feed(this.#backlog.shift() as Buffer)
      if (this.paused) return
    }
    if (this.#owner.state === 'closed') return
    this.#moved = this.#target !== this.#parser.target
    if (this.#owner.exchange !== exchange)
      this.#socket.resume() // complete: others may be served
    else if (this.#end === null) this.#owner.onContinued()
    else this.#owner.onEnded(this.#end.cause)
  }

  /** Gives kept bytes to the parser, as many at a time as it has room for. */
  #feed(bytes: Buffer): void {
    const { expecting, target } = this.#parser
    if (expecting === 'counted' || expecting === 'until-close') {
      return this.#parser.take(bytes, 0, bytes.length)
    }
    const length = Math.min(bytes.length, target.length)
    if (length < bytes.length) this.#backlog?.unshift(bytes.subarray(length))
    target.set(bytes.subarray(0, length))
    this.#parser.read(length)
  }
}
