import type { Clock } from '../backends/backend.ts'
import type { DecodingGuard } from '../content/decoding/work-limits.ts'
import { ClientClosed, StreamClosed } from '../errors.ts'
import { throwIfAborted } from '../models/signal.ts'

/** After how many milliseconds of work the event loop gets a turn. */
const MAX_WORK = 10

/** What can end a call. */
interface EndFacts {
  readonly signal: AbortSignal | null
  /** When the call must be complete, in ms of the clock; null for no limit. */
  readonly deadline: number | null
  /** The client or `fetch` function that the call belongs to. */
  readonly owner: { readonly isClosed: boolean }
}

/** The conditions that end a call. */
export interface CallEnd extends EndFacts {
  /** Creates the error for a call that has passed its deadline. */
  timeoutError(): unknown
  readonly clock: Clock
}

/**
 * Ends a call whose exchange has ended, but whose reader has not received the whole body. It has no
 * timer and no listener: callers invoke it before each slice of work.
 */
export class CallGuard implements DecodingGuard {
  readonly #end: CallEnd
  #isStopped = false
  /** When the event loop had its last turn. */
  #turnedAt: number

  constructor(end: CallEnd) {
    this.#end = end
    this.#turnedAt = end.clock.now()
  }

  /**
   * Throws if the call must end: the reason of its signal, `TotalTimeout`, `ClientClosed` if the
   * client was closed, or `StreamClosed` after `stop`.
   */
  check(): void {
    const { signal, deadline, clock, owner } = this.#end
    if (this.#isStopped) throw new StreamClosed('The response was closed before its body was read')
    throwIfAborted(signal)
    if (owner.isClosed) throw clientClosed()
    if (deadline !== null && clock.now() >= deadline) throw this.#end.timeoutError()
  }

  /** Ends the reading: the response was closed. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Throws as `check` does. Without a turn of the event loop no timer and no signal would fire
   * during a long computation; on Deno, zlib gives it none.
   */
  beforeSlice(): Promise<void> | null {
    this.check()
    const { clock } = this.#end
    if (clock.now() - this.#turnedAt < MAX_WORK) return null
    return new Promise((resolve) => {
      clock.afterPending(() => {
        this.#turnedAt = clock.now()
        resolve()
      })
    })
  }
}

/**
 * Whether a call may have ended, so that a guard must check it. False only if the call goes on: then no
 * guard has to be created. A call with a deadline always needs one.
 */
export function mayHaveEnded({ signal, deadline, owner }: EndFacts): boolean {
  return signal?.aborted === true || deadline !== null || owner.isClosed
}

/** Creates the error for a call that was in progress when its client was closed. */
export function clientClosed(): ClientClosed {
  return new ClientClosed('The client was closed')
}
