import type { Clock } from '../backends/backend.ts'
import { watchedOf } from '../pool/watched-signal.ts'
import type { Pauses } from './pauses.ts'

/** What ends a wait. */
export interface Ends {
  readonly signal: AbortSignal | null
  /** Until its total has passed, in ms; null for never. */
  readonly left: number | null
  /** Why it ends then. */
  late(): unknown
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
  const timer = left === null ? null : clock.timer(() => interrupt(late()))
  timer?.arm(Math.max(0, Math.ceil(left as number)) + 1)
  try {
    return await Promise.race([pending, interrupted])
  } finally {
    timer?.cancel()
    watched?.remove(watch)
    pauses?.remove(interrupt)
  }
}
