import type { Socket } from 'node:net'
import { ByteQueue } from './byte-queue.ts'

const SLICE_SIZE = 65_536

/**
 * Writes data in slices. For runtimes whose `node:net` does not report how much of a write the
 * operating system has accepted (Bun, Deno): a large body would be one step, and the write timeout,
 * which observes progress, would fail it.
 */
export class PacedWrites {
  readonly #socket: Socket
  readonly #onEmpty: () => void
  readonly #waiting = new ByteQueue()
  #inFlight = false

  /** @param onEmpty called when the socket has received all data; its 'drain' may still follow */
  constructor(socket: Socket, onEmpty: () => void) {
    this.#socket = socket
    this.#onEmpty = onEmpty
  }

  /** How many bytes the socket has not received yet. */
  get waitingBytes(): number {
    return this.#waiting.size
  }

  write(bytes: Uint8Array): void {
    this.#waiting.add(bytes)
    if (!this.#inFlight) this.#writeSlice()
  }

  #writeSlice(): void {
    const slice = this.#waiting.first?.subarray(0, SLICE_SIZE)
    if (slice === undefined) return
    this.#waiting.drop(slice.length)
    this.#inFlight = true
    // The socket may still be busy with an earlier small write; Node queues this one after it.
    this.#socket.write(slice, (error) => {
      this.#inFlight = false
      if (error) return
      if (this.#waiting.size > 0) this.#writeSlice()
      else this.#onEmpty()
    })
  }
}
