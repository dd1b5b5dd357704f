import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const RESOLUTION = 2
const MB = 1024 * 1024

/** Looks at the event loop and at memory while something is under way. */
export class Gauge {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  readonly #start = process.memoryUsage.rss()
  readonly #timer: NodeJS.Timeout
  #peak = this.#start

  constructor() {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#look(), 10)
  }

  /** The longest time that the event loop has not turned, in ms. */
  get delay(): number {
    return Math.max(0, this.#histogram.max / 1e6 - RESOLUTION)
  }

  /** What 99 of 100 turns stayed below, in ms. */
  get usualDelay(): number {
    return Math.max(0, this.#histogram.percentile(99) / 1e6 - RESOLUTION)
  }

  /** How much more than at the start the process has had, in MB. */
  get growth(): number {
    this.#look()
    return (this.#peak - this.#start) / MB
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
  }
}

/** What is held when all that could be was collected, in MB. */
export async function heldMemory(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc')
  for (let i = 0; i < 3; i++) {
    await sleep(20)
    globalThis.gc()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / MB
}
