import type { Backend, Clock } from '../backends/backend.ts'
import { ClientClosed } from '../errors.ts'
import { watchedOf } from '../pool/watch.ts'

/** What ends a wait early. */
interface Ends {
  readonly signal: AbortSignal | null
  /** Until its total has passed, in ms; null for never. */
  readonly left: number | null
  /** Why it ends then. */
  late?(): unknown
  readonly clock: Clock
  /** Of a client whose closing ends it, too. */
  readonly pauses?: Pauses
}

/**
 * The result of `pending`, or a rejection as soon as one of its ends has come: for code of the caller's,
 * such as hooks, which cannot be stopped.
 */
export async function interruptible<Result>(
  pending: PromiseLike<Result>,
  { signal, left, late, clock, pauses }: Ends,
): Promise<Result> {
  let interrupt!: (reason: unknown) => void
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject
  })
  if (signal?.aborted) interrupt(signal.reason)
  const watched = signal && watchedOf(signal)
  const watch = { abort: interrupt }
  watched?.add(watch)
  pauses?.add(interrupt)
  // An exchange that ends of the same deadline says more: it comes first.
  const timer = left === null ? null : clock.timer(() => interrupt(late?.()))
  timer?.arm(Math.max(0, Math.ceil(left as number)) + 1)
  try {
    return await Promise.race([pending, interrupted])
  } finally {
    timer?.cancel()
    watched?.remove(watch)
    pauses?.remove(interrupt)
  }
}

type Stop = (reason: unknown) => void

/** The waits of a client. They end when it is closed. */
export class Pauses {
  readonly #backend: Backend
  readonly #stops = new Set<Stop>()
  #closed = false

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /**
   * Waits between two attempts, which keeps the process alive. Resolves after `ms`; rejects with the
   * signal's reason, or with `ClientClosed`.
   */
  async pause(ms: number, signal: AbortSignal | null): Promise<void> {
    const { clock } = this.#backend
    let wake!: () => void
    const pending = new Promise<void>((resolve) => {
      wake = resolve
    })
    const timer = clock.timer(wake)
    timer.arm(ms)
    this.#backend.hold()
    try {
      await interruptible(pending, { signal, left: null, clock, pauses: this })
    } finally {
      timer.cancel()
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
