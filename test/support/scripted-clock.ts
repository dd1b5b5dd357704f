import type { Clock, Timer } from '../../src/backends/backend.ts'

/** Lets everything run that waits for promises and microtasks, but neither time nor sockets. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Time that moves by command only. */
export class ScriptedClock implements Clock {
  #now = 0
  #armings = 0
  readonly #armed = new Set<ScriptedTimer>()
  #pending: (() => void)[] = []

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

  microtask(callback: () => void): void {
    queueMicrotask(callback)
  }

  /** How many timers are armed. */
  get armedTimers(): number {
    return this.#armed.size
  }

  /** Lets time pass: each timer fires when it is due, and all settles before the next. */
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
   * Blocks the event loop: timers fire late, and `afterPending` waits for `flush`, so that a test
   * can deliver in between what came meanwhile.
   */
  async stall(ms: number): Promise<void> {
    this.#now += ms
    const end = this.#now
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      timer.fire()
      await settle()
    }
  }

  /** Calls back who waits in `afterPending`. */
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
  readonly #place: (ms: number) => { due: number; order: number }

  constructor(
    callback: () => void,
    armed: Set<ScriptedTimer>,
    place: (ms: number) => { due: number; order: number },
  ) {
    this.#callback = callback
    this.#armed = armed
    this.#place = place
  }

  arm(ms: number): void {
    const { due, order } = this.#place(ms)
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
