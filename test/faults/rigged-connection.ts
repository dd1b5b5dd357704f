import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Plan } from './rig.ts'

/** What a stalled direction still takes in, in bytes: the end behind it is seen, and senders block. */
const STALL_ROOM = 1 << 20

export interface RiggedOwner {
  /** A fault comes to pass. */
  onFault(): void
  /** Once. */
  onClosed(): void
}

/** One connection through a rig: two sockets, and a direction each way. */
export class RiggedConnection {
  readonly up: Direction
  readonly down: Direction
  readonly #sockets: readonly Socket[]
  readonly #owner: RiggedOwner
  readonly #gone = new AbortController()
  #open = 2

  constructor(client: Socket, server: Socket, plan: Plan, owner: RiggedOwner) {
    this.#sockets = [client, server]
    this.#owner = owner
    for (const socket of this.#sockets) {
      socket.on('error', () => this.reset()) // as it would be without a rig in between
      socket.on('close', () => this.#onClose())
    }
    this.up = new Direction(client, server, plan.up ?? [], this)
    this.down = new Direction(server, client, plan.down ?? [], this)
  }

  /** Aborted when it is over. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** RST to both sides. */
  reset(): void {
    this.#gone.abort()
    for (const socket of this.#sockets) {
      if (socket.writableEnded)
        socket.destroy() // no RST can follow its FIN
      else socket.resetAndDestroy()
    }
  }

  /** As a process closes: FIN to both sides, or RST where something of theirs was not read. */
  close(): void {
    this.#gone.abort()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** @internal */
  onFault(): void {
    this.#owner.onFault()
  }

  /** One of the directions is over. Who is left alone in one that a fault has ended need not wait. @internal */
  onOver(): void {
    const { up, down } = this
    const isLeft = up.isHarmed && up.ended
    if (!isLeft && !(up.isOver && down.isOver && (up.isHarmed || down.isHarmed))) return
    this.#gone.abort()
    for (const socket of this.#sockets) socket.destroySoon()
  }

  #onClose(): void {
    this.#open--
    if (this.#open > 0) return
    this.#gone.abort()
    this.#owner.onClosed()
  }
}

/** The bytes from one socket to the other, with what is to happen to them. */
export class Direction {
  /** So many bytes have passed. */
  passed = 0
  /** The sender has finished. */
  ended = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #connection: RiggedConnection
  /** The next one stands first. */
  readonly #faults: Fault[]
  #pace: { readonly bytes: number; readonly ms: number } | null = null
  #mask = 0
  /** By a fault: what comes is for nobody. */
  #isCut = false
  #isStalled = false
  #swallowed = 0

  constructor(from: Socket, to: Socket, faults: readonly Fault[], connection: RiggedConnection) {
    this.#from = from
    this.#to = to
    this.#connection = connection
    this.#faults = [...faults].sort((a, b) => a.at - b.at)
    from.on('data', (bytes: Buffer) => this.#onData(bytes))
    from.on('end', () => this.#end())
    if (this.#faults[0]?.at === 0) this.#hold(() => this.#suffer())
  }

  /** Nothing passes any more, by a fault. */
  get isHarmed(): boolean {
    return this.#isStalled || this.#isCut
  }

  get isOver(): boolean {
    return this.ended || this.isHarmed
  }

  #onData(bytes: Buffer): void {
    if (this.#isStalled) return this.#swallow(bytes.length)
    if (this.#isCut) return
    const next = this.#faults[0]
    const isQuiet = this.#pace === null && this.#mask === 0
    if (!isQuiet || (next !== undefined && next.at <= this.passed + bytes.length)) {
      return this.#hold(() => this.#harm(bytes))
    }
    this.passed += bytes.length
    if (this.#to.write(bytes)) return
    this.#from.pause()
    this.#to.once('drain', () => this.#from.resume())
  }

  #end(): void {
    if (!this.isHarmed) this.#to.end()
    this.ended = true
    this.#connection.onOver()
  }

  /** Nothing more is read until `work` is done. */
  #hold(work: () => Promise<void>): void {
    this.#from.pause()
    Promise.resolve()
      .then(work)
      .then(
        () => this.#from.resume(),
        () => {}, // the connection has gone meanwhile
      )
  }

  async #harm(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !this.isHarmed; ) {
      const room = (this.#faults[0]?.at ?? Number.POSITIVE_INFINITY) - this.passed
      const piece = rest.subarray(0, Math.min(room, this.#pace?.bytes ?? room))
      rest = rest.subarray(piece.length)
      piece[0] = (piece[0] as number) ^ this.#mask
      this.#mask = 0
      await this.#written(piece)
      this.passed += piece.length
      if (this.#pace !== null && rest.length > 0) await this.#pause(this.#pace.ms)
      await this.#suffer()
    }
  }

  /** All faults that stand at this byte. */
  async #suffer(): Promise<void> {
    while (this.#faults[0]?.at === this.passed) {
      const fault = this.#faults.shift() as Fault
      this.#connection.onFault()
      switch (fault.do) {
        case 'split':
          await this.#pause(0)
          break
        case 'delay':
          await this.#pause(fault.ms)
          break
        case 'throttle':
          this.#pace = fault
          await this.#pause(fault.ms)
          break
        case 'corrupt':
          this.#mask ^= fault.mask
          break
        case 'stall':
          this.#isStalled = true
          return this.#connection.onOver()
        case 'end':
          this.#isCut = true
          this.#to.end()
          return this.#connection.onOver()
        case 'close':
          return this.#connection.close()
        default:
          // libuv takes an RST that comes together with data for a FIN: let the data be read before.
          await this.#pause(0)
          return this.#connection.reset()
      }
    }
  }

  #swallow(length: number): void {
    this.#swallowed += length
    if (this.#swallowed >= STALL_ROOM) this.#from.pause()
  }

  #written(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#to.write(bytes, () => resolve())
    })
  }

  /** Two turns of the event loop, if no time: a receiver in this process has read by then. */
  async #pause(ms: number): Promise<void> {
    const { gone } = this.#connection
    if (ms > 0) return sleep(ms, undefined, { signal: gone, ref: false })
    for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
    gone.throwIfAborted()
  }
}
