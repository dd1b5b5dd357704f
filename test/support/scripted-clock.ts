import type { Clock, Timer } from '../../src/backends/backend.ts'

/** Runs all pending promises and microtasks. Timers and sockets of the script do not advance. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A clock that advances only when the test calls `advance` or `stall`. */
export class ScriptedClock implements Clock {
  #now = 0
  #armings = 0
  readonly #armed = new Set<ScriptedTimer>()
  #pending: (() => void)[] = []
  #polling: { readonly callback: () => void; readonly onBegin: () => void }[] = []
  #begunPolls = 0
  /**
   * Whether a poll ends in a microtask, and after each event that a test delivers on a socket.
   * False: the test calls `poll`.
   */
  autoPoll = true
  isPollFast = true

  now(): number {
    return this.#now
  }

  timer(callback: () => void): Timer {
    return new ScriptedTimer(callback, this.#armed, (ms) => ({
      due: this.#now + ms,
      order: this.#armings++,
    }))
  }

  afterPending(callback: () => void): void {
    this.#pending.push(callback)
  }

  afterPoll(callback: () => void, onBegin: () => void): void {
    this.#polling.push({ callback, onBegin })
    if (this.autoPoll) queueMicrotask(() => this.endPoll())
  }

  microtask(callback: () => void): void {
    queueMicrotask(callback)
  }

  /** Number of callbacks of `afterPoll` that wait for `poll`. */
  get awaitedPolls(): number {
    return this.#polling.length
  }

  /** Begins a poll for all callers of `afterPoll` whose poll has not begun. */
  beginPoll(): void {
    for (const { onBegin } of this.#polling.slice(this.#begunPolls)) onBegin()
    this.#begunPolls = this.#polling.length
  }

  /** Begins a poll and ends it: runs the callbacks of `afterPoll`, but not those that they add. */
  endPoll(): void {
    this.beginPoll()
    const ended = this.#polling
    this.#polling = []
    this.#begunPolls = 0
    for (const { callback } of ended) callback()
  }

  /** Number of armed timers. */
  get armedTimers(): number {
    return this.#armed.size
  }

  /** Advances the time. Each timer fires when it is due; everything settles before the next one. */
  async advance(ms: number): Promise<void> {
    await this.flush()
    const end = this.#now + ms
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#now = Math.max(this.#now, timer.due)
      timer.fire()
      await this.flush()
    }
    this.#now = end
  }

  /**
   * Simulates a blocked event loop. Timers fire late, and callbacks of `afterPending` wait for
   * `flush`, so that the test can first deliver what arrived in this time.
   */
  async stall(ms: number): Promise<void> {
    this.#now += ms
    const end = this.#now
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      timer.fire()
      await settle()
    }
  }

  /** Runs the callbacks of `afterPending`. */
  async flush(): Promise<void> {
    await settle()
    while (this.#pending.length > 0) {
      const callbacks = this.#pending
      this.#pending = []
      for (const callback of callbacks) callback()
      await settle()
    }
  }

  #next(end: number): ScriptedTimer | undefined {
    let next: ScriptedTimer | undefined
    for (const timer of this.#armed) {
      if (timer.due <= end && (next === undefined || timer.isBefore(next))) next = timer
    }
    return next
  }
}

class ScriptedTimer implements Timer {
  due = Number.POSITIVE_INFINITY
  #order = 0
  readonly #callback: () => void
  readonly #armed: Set<ScriptedTimer>
  readonly #schedule: (ms: number) => { due: number; order: number }

  constructor(
    callback: () => void,
    armed: Set<ScriptedTimer>,
    schedule: (ms: number) => { due: number; order: number },
  ) {
    this.#callback = callback
    this.#armed = armed
    this.#schedule = schedule
  }

  arm(ms: number): void {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`arm(${ms})`)
    const { due, order } = this.#schedule(ms)
    this.due = due
    this.#order = order
    this.#armed.add(this)
  }

  cancel(): void {
    this.#armed.delete(this)
  }

  isBefore(other: ScriptedTimer): boolean {
    return this.due < other.due || (this.due === other.due && this.#order < other.#order)
  }

  fire(): void {
    this.cancel()
    this.#callback()
  }
}
