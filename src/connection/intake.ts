import type { BackendSocket, Clock } from '../backends/backend.ts'
import type { ResponseParser } from '../protocol/response-parser.ts'
import type { BodySink, Exchange } from './exchange.ts'

const NOWHERE = new Uint8Array(0)

export interface IntakeOwner {
  readonly exchange: Exchange | null
  /** All that was kept during a pause has been delivered to the exchange, which is not over. */
  onContinued(): void
}

/**
 * Brings what the socket reads to the parser: says where each read goes, and keeps what comes after
 * the reader has asked for a pause.
 */
export class Intake {
  paused = false
  /** Set when the reader asks to go on: inside a delivery that takes the pause back before it begins. */
  resumed = false
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
  #stopped = false

  constructor(socket: BackendSocket, parser: ResponseParser, clock: Clock, owner: IntakeOwner) {
    this.#socket = socket
    this.#parser = parser
    this.#clock = clock
    this.#owner = owner
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

  pause(): void {
    if (this.resumed) return
    this.paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.resumed = true
    if (!this.paused) return
    this.#clock.microtask(() => {
      if (this.paused && this.resumed) this.#continue()
    })
  }

  /** Delivers nothing any more. */
  stop(): void {
    this.#stopped = true
    this.#backlog = null
  }

  #keep(length: number): void {
    this.#backlog ??= []
    this.#backlog.push(Buffer.from(this.#target.subarray(0, length)))
    if (this.paused) return
    this.#continue()
    this.#moved = false // a new target is asked for right after this read
  }

  #continue(): void {
    const { exchange } = this.#owner
    this.paused = false
    while (this.#backlog !== null && this.#backlog.length > 0) {
      this.#feed(this.#backlog.shift() as Buffer)
      if (this.paused) return
    }
    if (this.#stopped) return
    this.#moved = this.#target !== this.#parser.target
    if (this.#owner.exchange === exchange) this.#owner.onContinued()
    else this.#socket.resume() // complete: others may be served
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
