import type { BackendSocket } from './backend.ts'
import { microtask } from './runtime-timers.ts'

/**
 * Queues the events of a socket, and delivers them to its handler in order: copies bytes into read
 * targets, delivers nothing while paused, then the end, and `onClose` once. For Bun and Deno, whose
 * sockets cannot read into the caller's memory.
 */
export class EventQueue {
  /** `destroy` was called, or the socket has failed: only `onClose` follows. */
  destroyed = false
  /** `onClose` was called. */
  closed = false
  readonly #owner: Pick<BackendSocket, 'handler'>
  paused = false
  /** Bytes to deliver. They wait here while the socket is paused. */
  #chunks: Uint8Array[] = []
  #ended = false
  #endDelivered = false
  #error: Error | null = null
  #delivering = false

  constructor(owner: Pick<BackendSocket, 'handler'>) {
    this.#owner = owner
  }

  /** @param chunk the queue owns it while `hasBytes` is true */
  addBytes(chunk: Uint8Array): void {
    if (this.destroyed) return
    this.#chunks.push(chunk)
    this.#deliver()
  }

  get hasBytes(): boolean {
    return this.#chunks.length > 0
  }

  /** Whether no more data of the peer follows. */
  get readEnded(): boolean {
    return this.destroyed || this.#endDelivered
  }

  addEnd(): void {
    if (this.#ended) return
    this.#ended = true
    this.#deliver()
  }

  /** Closes the socket with an error, after the queued bytes have been delivered. */
  addError(error: Error): void {
    if (this.destroyed || this.#error !== null) return
    this.#error = error
    this.#deliver()
  }

  pause(): void {
    this.paused = true
  }

  /** Delivers the queued events in a microtask, then calls `readMore`. */
  resume(readMore: () => void): void {
    if (!this.paused) return
    this.paused = false
    microtask(() => {
      this.#deliver()
      readMore()
    })
  }

  /** Discards the queue; `onClose` follows. @returns false if it was destroyed before */
  destroy(): boolean {
    if (this.destroyed) return false
    this.destroyed = true
    this.#chunks = []
    microtask(() => this.#close(null))
    return true
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (this.#chunks.length > 0) {
        if (this.paused || this.destroyed) return
        this.#deliverRead()
      }
    } finally {
      this.#delivering = false
    }
    if (this.destroyed) return
    if (this.#error !== null) this.#close(this.#error)
    else if (this.#ended && !this.#endDelivered && !this.paused) {
      this.#endDelivered = true
      this.#owner.handler.onEnd()
    }
  }

  /** Delivers as many bytes as fit into one read target. */
  #deliverRead(): void {
    const { handler } = this.#owner
    const chunk = this.#chunks[0]!
    const target = handler.readTarget()
    if (chunk.length <= target.length) {
      target.set(chunk)
      this.#chunks.shift()
      handler.onRead(chunk.length)
      return
    }
    target.set(chunk.subarray(0, target.length))
    this.#chunks[0] = chunk.subarray(target.length)
    handler.onRead(target.length)
  }

  #close(error: Error | null): void {
    if (this.closed) return
    this.destroyed = true
    this.closed = true
    this.#owner.handler.onClose(error)
  }
}
