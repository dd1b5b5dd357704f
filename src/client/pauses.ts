import type { Backend } from '../backends/backend.ts'
import { ClientClosed } from '../errors.ts'

/** The waits between attempts. They keep the process alive, and end with the signal or the client. */
export class Pauses {
  readonly #backend: Backend
  readonly #stops = new Set<(reason: unknown) => void>()

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** Resolves after `ms`; rejects with the signal's reason, or with `ClientClosed`. */
  async pause(ms: number, signal: AbortSignal | null): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = deferred()
    const onAbort = (): void => reject(signal?.reason)
    const timer = this.#backend.clock.timer(resolve)
    this.#backend.hold()
    this.#stops.add(reject)
    signal?.addEventListener('abort', onAbort)
    timer.arm(ms)
    try {
      await promise
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      this.#stops.delete(reject)
      this.#backend.release()
    }
  }

  close(): void {
    for (const stop of this.#stops) stop(new ClientClosed('The client was closed'))
  }
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
