import type { SocketHandler } from './backend.ts'

interface Owner {
  readonly handler: SocketHandler
}

/**
 * What a socket hears, brought to its handler in order: read bytes piece by piece into its targets,
 * nothing while it is paused, then the end, and `onClose` once. For runtimes that read into memory
 * of their own: Bun and Deno.
 */
export class Delivery {
  /** The handler wants no more. */
  destroyed = false
  /** `onClose` was called. */
  over = false
  readonly #owner: Owner
  #paused = false
  /** Bytes that came while paused. */
  #held: Uint8Array[] = []
  #ended = false
  #endTold = false
  #failure: Error | null = null
  #delivering = false

  constructor(owner: Owner) {
    this.#owner = owner
  }

  get paused(): boolean {
    return this.#paused
  }

  /** @param chunk may be overwritten afterwards only if nothing of it is `holding`. */
  bytes(chunk: Uint8Array): void {
    if (this.destroyed) return
    this.#held.push(chunk)
    this.#deliver()
  }

  get holding(): boolean {
    return this.#held.length > 0
  }

  /** Nothing comes from the peer any more. */
  get finished(): boolean {
    return this.destroyed || this.#endTold
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#deliver()
  }

  /** By an error: what is held is delivered first, then the socket is gone. */
  close(reason: Error): void {
    if (this.destroyed || this.#failure !== null) return
    this.#failure = reason
    this.#deliver()
  }

  pause(): void {
    this.#paused = true
  }

  /** What is held is delivered later; then `next` is called, to read more. */
  resume(next: () => void): void {
    if (!this.#paused) return
    this.#paused = false
    queueMicrotask(() => {
      this.#deliver()
      next()
    })
  }

  /** @returns whether it was not destroyed before; if so, `onClose` follows. */
  destroy(): boolean {
    if (this.destroyed) return false
    this.destroyed = true
    this.#held = []
    queueMicrotask(() => this.#close(null))
    return true
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (this.#held.length > 0) {
        if (this.#paused || this.destroyed) return
        this.#fill()
      }
    } finally {
      this.#delivering = false
    }
    if (this.destroyed) return
    if (this.#failure !== null) this.#close(this.#failure)
    else if (this.#ended && !this.#endTold && !this.#paused) {
      this.#endTold = true
      this.#owner.handler.onEnd()
    }
  }

  /** One target. */
  #fill(): void {
    const { handler } = this.#owner
    const chunk = this.#held[0]!
    const target = handler.readTarget()
    if (chunk.length <= target.length) {
      target.set(chunk)
      this.#held.shift()
      handler.onRead(chunk.length)
      return
    }
    target.set(chunk.subarray(0, target.length))
    this.#held[0] = chunk.subarray(target.length)
    handler.onRead(target.length)
  }

  #close(reason: Error | null): void {
    if (this.over) return
    this.destroyed = true
    this.over = true
    this.#owner.handler.onClose(reason)
  }
}
