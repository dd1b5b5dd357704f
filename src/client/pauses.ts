import type { Backend } from '../backends/backend.ts'
import { ClientClosed } from '../errors.ts'
import { watchedOf } from '../pool/watched-signal.ts'

type Stop = (reason: unknown) => void

/** The waits between attempts. They keep the process alive, and end with the signal or the client. */
export class Pauses {
  readonly #backend: Backend
  readonly #stops = new Set<Stop>()
  #closed = false

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** Resolves after `ms`; rejects with the signal's reason, or with `ClientClosed`. */
  async pause(ms: number, signal: AbortSignal | null): Promise<void> {
    signal?.throwIfAborted()
    if (this.#closed) throw closed()
    const { promise, resolve, reject } = deferred()
    const watched = signal && watchedOf(signal)
    const watch = { abort: reject }
    const timer = this.#backend.clock.timer(resolve)
    this.#backend.hold()
    this.#stops.add(reject)
    watched?.add(watch)
    timer.arm(ms)
    try {
      await promise
    } finally {
      timer.cancel()
      watched?.remove(watch)
      this.#stops.delete(reject)
      this.#backend.release()
    }
  }

  /** Another wait that ends with the client: at once, if that is closed. */
  add(stop: Stop): void {
    if (this.#closed) stop(closed())
    this.#stops.add(stop)
  }

  remove(stop: Stop): void {
    this.#stops.delete(stop)
  }

  close(): void {
    this.#closed = true
    for (const stop of this.#stops) stop(closed())
  }
}

function closed(): ClientClosed {
  return new ClientClosed('The client was closed')
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred() {
  let resolve!: () => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<void>((...settle) => {
    ;[resolve, reject] = settle
  })
  return { promise, resolve, reject }
}
