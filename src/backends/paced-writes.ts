import type { Socket } from 'node:net'

const SLICE = 65_536

/**
 * Writes slice after slice, for runtimes whose `node:net` does not say how much of a write the
 * operating system has taken (Bun, Deno): a large body's progress, which the write timeout watches,
 * would be one step.
 */
export class PacedWrites {
  readonly #socket: Socket
  readonly #onEmpty: () => void
  #waiting: Uint8Array[] = []
  #bytes = 0
  #inFlight = false

  /** @param onEmpty All has been handed to the socket; its own 'drain' is still to come. */
  constructor(socket: Socket, onEmpty: () => void) {
    this.#socket = socket
    this.#onEmpty = onEmpty
  }

  /** Bytes that the socket has not been given yet. */
  get waitingBytes(): number {
    return this.#bytes
  }

  write(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    if (!this.#inFlight) this.#next()
  }

  #next(): void {
    const first = this.#waiting[0]!
    const slice = first.subarray(0, SLICE)
    if (slice.length === first.length) this.#waiting.shift()
    else this.#waiting[0] = first.subarray(SLICE)
    this.#bytes -= slice.length
    this.#inFlight = true
    // Behind what the socket has already: it may be busy with a small write from before.
    this.#socket.write(slice, (error) => {
      this.#inFlight = false
      if (error) return
      if (this.#bytes > 0) this.#next()
      else this.#onEmpty()
    })
  }
}
