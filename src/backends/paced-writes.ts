import type { Socket } from 'node:net'

const SLICE_SIZE = 65_536

/**
 * Writes data in slices. For runtimes whose `node:net` does not report how much of a write the
 * operating system has accepted (Bun, Deno): a large body would be one step, and the write timeout,
 * which observes progress, would fail it.
 */
export class PacedWrites {
  readonly #socket: Socket
  readonly #onEmpty: () => void
  #chunks: Uint8Array[] = []
  #bytes = 0
  #inFlight = false

  /** @param onEmpty called when the socket has received all data; its 'drain' may still follow */
  constructor(socket: Socket, onEmpty: () => void) {
    this.#socket = socket
    this.#onEmpty = onEmpty
  }

  /** How many bytes the socket has not received yet. */
  get waitingBytes(): number {
    return this.#bytes
  }

  write(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#bytes += bytes.length
    if (!this.#inFlight) this.#writeSlice()
  }

  #writeSlice(): void {
    const first = this.#chunks[0]!
    const slice = first.subarray(0, SLICE_SIZE)
    if (slice.length === first.length) this.#chunks.shift()
    else this.#chunks[0] = first.subarray(SLICE_SIZE)
    this.#bytes -= slice.length
    this.#inFlight = true
    // The socket may still be busy with an earlier small write; Node queues this one after it.
    this.#socket.write(slice, (error) => {
      this.#inFlight = false
      if (error) return
      if (this.#bytes > 0) this.#writeSlice()
      else this.#onEmpty()
    })
  }
}
