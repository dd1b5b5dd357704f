import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault, Plan } from './fault-proxy.ts'

/** Bytes that a stalled direction still reads: enough to see a following end, but senders block. */
const STALL_BUFFER_SIZE = 1 << 20

export interface ConnectionObserver {
  /** Called when a fault happens. */
  onFault(): void
  /** Called once, when both sockets are closed. */
  onClosed(): void
}

/** One connection through a fault proxy: two sockets and two directions. */
export class FaultyConnection {
  readonly up: Direction
  readonly down: Direction
  readonly #sockets: readonly Socket[]
  readonly #owner: ConnectionObserver
  readonly #gone = new AbortController()
  #open = 2

  constructor(client: Socket, server: Socket, plan: Plan, owner: ConnectionObserver) {
    this.#sockets = [client, server]
    this.#owner = owner
    for (const socket of this.#sockets) {
      socket.on('error', () => this.reset()) // An error on one side would reach the other, too.
      socket.on('close', () => this.#onClose())
    }
    this.up = new Direction(client, server, plan.up ?? [], this)
    this.down = new Direction(server, client, plan.down ?? [], this)
  }

  /** Aborted when the connection has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Sends an RST to both sides. */
  reset(): void {
    this.#gone.abort()
    for (const socket of this.#sockets) {
      if (socket.writableEnded)
        socket.destroy() // No RST can follow a FIN.
      else socket.resetAndDestroy()
    }
  }

  /** Closes both sockets: the kernel sends a FIN, or an RST if it has unread data. */
  close(): void {
    this.#gone.abort()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** @internal */
  onFault(): void {
    this.#owner.onFault()
  }

  /**
   * Called when a direction has ended. A sender that has finished need not wait for a direction
   * that a fault has blocked.
   *
   * @internal
   */
  onOver(): void {
    const { up, down } = this
    const isLeft = up.isBlocked && up.ended
    if (!isLeft && !(up.isOver && down.isOver && (up.isBlocked || down.isBlocked))) return
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

/** Passes bytes from one socket to the other, with faults. */
export class Direction {
  /** How many bytes have passed. */
  passed = 0
  /** Whether the sender has finished. */
  ended = false
  readonly #from: Socket
  readonly #to: Socket
  readonly #connection: FaultyConnection
  /** Sorted: the next fault is the first. */
  readonly #faults: Fault[]
  #pace: { readonly bytes: number; readonly ms: number } | null = null
  #mask = 0
  /** Whether a fault has ended the direction, so that further bytes are discarded. */
  #isCut = false
  #isStalled = false
  #discarded = 0

  constructor(from: Socket, to: Socket, faults: readonly Fault[], connection: FaultyConnection) {
    this.#from = from
    this.#to = to
    this.#connection = connection
    this.#faults = [...faults].sort((a, b) => a.at - b.at)
    from.on('data', (bytes: Buffer) => this.#onData(bytes))
    from.on('end', () => this.#end())
    if (this.#faults[0]?.at === 0) this.#hold(() => this.#applyFaults())
  }

  /** Whether a fault stops all further bytes. */
  get isBlocked(): boolean {
    return this.#isStalled || this.#isCut
  }

  get isOver(): boolean {
    return this.ended || this.isBlocked
  }

  #onData(bytes: Buffer): void {
    if (this.#isStalled) return this.#discard(bytes.length)
    if (this.#isCut) return
    const next = this.#faults[0]
    const isUnchanged = this.#pace === null && this.#mask === 0
    if (!isUnchanged || (next !== undefined && next.at <= this.passed + bytes.length)) {
      return this.#hold(() => this.#passWithFaults(bytes))
    }
    this.passed += bytes.length
    if (this.#to.write(bytes)) return
    this.#from.pause()
    this.#to.once('drain', () => this.#from.resume())
  }

  #end(): void {
    if (!this.isBlocked) this.#to.end()
    this.ended = true
    this.#connection.onOver()
  }

  /** Pauses reading until `work` is done. */
  #hold(work: () => Promise<void>): void {
    this.#from.pause()
    Promise.resolve()
      .then(work)
      .then(
        () => this.#from.resume(),
        () => {}, // The connection has ended.
      )
  }

  async #passWithFaults(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0 && !this.isBlocked; ) {
      const room = (this.#faults[0]?.at ?? Number.POSITIVE_INFINITY) - this.passed
      const piece = rest.subarray(0, Math.min(room, this.#pace?.bytes ?? room))
      rest = rest.subarray(piece.length)
      piece[0] = (piece[0] as number) ^ this.#mask
      this.#mask = 0
      await this.#written(piece)
      this.passed += piece.length
      if (this.#pace !== null && rest.length > 0) await this.#pause(this.#pace.ms)
      await this.#applyFaults()
    }
  }

  /** Applies all faults at the current byte. */
  async #applyFaults(): Promise<void> {
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
          // libuv reports an RST that arrives together with data as a FIN. Wait until the data is
          // read.
          await this.#pause(0)
          return this.#connection.reset()
      }
    }
  }

  #discard(length: number): void {
    this.#discarded += length
    if (this.#discarded >= STALL_BUFFER_SIZE) this.#from.pause()
  }

  #written(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#to.write(bytes, () => resolve())
    })
  }

  /**
   * Waits for `ms`. With 0, two turns of the event loop: a receiver in this process reads in them.
   */
  async #pause(ms: number): Promise<void> {
    const { gone } = this.#connection
    if (ms > 0) return sleep(ms, undefined, { signal: gone, ref: false })
    for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate)
    gone.throwIfAborted()
  }
}
