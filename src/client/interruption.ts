import type { Backend } from '../backends/backend.ts'
import { watchedOf } from '../pool/watched-signal.ts'
import type { Call } from './call.ts'
import type { Response } from './response.ts'

/**
 * The result of `work`, or a rejection as soon as the call's signal is aborted or its total has passed:
 * for work that waits for code of the caller's, such as hooks, which cannot be ended. A response that
 * comes after all is closed.
 */
export async function interruptible(
  work: Promise<Response>,
  call: Call,
  backend: Backend,
  late: () => Error,
): Promise<Response> {
  const watched = call.signal && watchedOf(call.signal)
  let interrupt!: (reason: unknown) => void
  let isOver = false
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject
  })
  const watch = { abort: interrupt }
  const timer = backend.clock.timer(() => interrupt(late()))
  watched?.add(watch)
  // An exchange that ends of the same deadline says more: it comes first.
  if (call.timeout.total !== null) timer.arm(call.timeout.total + 1)
  work.then(
    (response) => (isOver ? response.close() : undefined),
    () => {},
  )
  try {
    return await Promise.race([work, interrupted])
  } finally {
    isOver = true
    timer.cancel()
    watched?.remove(watch)
  }
}
