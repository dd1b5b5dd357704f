import type { Backend } from '../backends/backend.ts'
import { abortReason } from '../models/signal.ts'
import { sharedAbortListener } from '../pool/exchange-aborter.ts'
import { Link } from '../pool/linked-list.ts'
import { clientClosed } from './call-guard.ts'

/** The conditions that end a wait early. */
interface InterruptConditions {
  readonly signal: AbortSignal | null
  /** The time until the `total` timeout of the call, in ms; null for no limit. */
  readonly timeLeft: number | null
  /** Creates the error with which the wait ends when that time has passed; null without a limit. */
  readonly timeoutError: (() => unknown) | null
  /** Whether `pending` ends by a timer. */
  readonly isTimed: boolean
  /** The waits of the client. Closing the client ends this wait too. */
  readonly waits: ClientWaits
}

/**
 * Waits for `pending`, and returns its result. Rejects as soon as one of the conditions is met. It
 * is for functions of the caller, such as hooks, which cannot be cancelled: their later result is
 * ignored.
 *
 * Keeps the process alive while a signal, a time limit or a timer can end the wait. Otherwise
 * Node.js would exit with code 13 instead, if `pending` waits for nothing that keeps the process
 * alive.
 */
export async function awaitInterruptibly<Result>(
  pending: PromiseLike<Result>,
  { signal, timeLeft, timeoutError, isTimed, waits }: InterruptConditions,
): Promise<Result> {
  const { backend } = waits
  let interrupt!: (reason: unknown) => void
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject
  })
  if (signal?.aborted) interrupt(abortReason(signal))
  const sharedListener = signal && sharedAbortListener(signal)
  const link = new Link({ abort: interrupt })
  sharedListener?.add(link)
  waits.add(interrupt)
  // One millisecond later than an exchange with the same deadline: its error has more details.
  const timer = timeLeft === null ? null : backend.clock.timer(() => interrupt(timeoutError?.()))
  timer?.arm(Math.max(0, Math.ceil(timeLeft as number)) + 1)
  const canEnd = signal !== null || timeLeft !== null || isTimed
  if (canEnd) backend.hold()
  try {
    return await Promise.race([pending, interrupted])
  } finally {
    timer?.cancel()
    if (canEnd) backend.release()
    sharedListener?.remove(link)
    waits.remove(interrupt)
  }
}

/** Ends a wait with this reason. */
type Interrupt = (reason: unknown) => void

/** The waits of a client. They end when the client is closed. */
export class ClientWaits {
  readonly backend: Backend
  readonly #interrupts = new Set<Interrupt>()
  #closed = false

  constructor(backend: Backend) {
    this.backend = backend
  }

  /**
   * Waits before a retry, and keeps the process alive meanwhile. Resolves after `ms` milliseconds.
   * Rejects with the signal's reason, or with `ClientClosed`.
   */
  async delay(ms: number, signal: AbortSignal | null): Promise<void> {
    const { clock } = this.backend
    let resume!: () => void
    const pending = new Promise<void>((resolve) => {
      resume = resolve
    })
    const timer = clock.timer(resume)
    timer.arm(ms)
    try {
      await awaitInterruptibly(pending, {
        signal,
        timeLeft: null,
        timeoutError: null,
        isTimed: true,
        waits: this,
      })
    } finally {
      timer.cancel()
    }
  }

  /** Whether the client is closed. */
  get isClosed(): boolean {
    return this.#closed
  }

  /** Adds a wait that ends when the client is closed; immediately, if it is closed already. */
  add(interrupt: Interrupt): void {
    if (this.#closed) interrupt(clientClosed())
    this.#interrupts.add(interrupt)
  }

  remove(interrupt: Interrupt): void {
    this.#interrupts.delete(interrupt)
  }

  /** Ends all waits with `ClientClosed`. */
  close(): void {
    this.#closed = true
    for (const interrupt of this.#interrupts) interrupt(clientClosed())
  }
}
