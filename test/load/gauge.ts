import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

const RESOLUTION = 2
const MB = 1024 * 1024

/** Measures event loop delay and memory until `stop`. */
export class Gauge {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  readonly #start = process.memoryUsage.rss()
  readonly #timer: NodeJS.Timeout
  #peak = this.#start

  constructor() {
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#sample(), 10)
  }

  /** The longest event loop delay, in ms. */
  get maxDelay(): number {
    return Math.max(0, this.#histogram.max / 1e6 - RESOLUTION)
  }

  /** The 99th percentile of the event loop delay, in ms. */
  get delay99(): number {
    return Math.max(0, this.#histogram.percentile(99) / 1e6 - RESOLUTION)
  }

  /** The peak of the process memory, less its size at the start, in MB. */
  get memoryGrowth(): number {
    this.#sample()
    return (this.#peak - this.#start) / MB
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }

  #sample(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
  }
}

/** The memory that is in use after garbage collection, in MB. */
export async function heldMemory(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('this needs node --expose-gc')
  for (let i = 0; i < 3; i++) {
    await sleep(20)
    globalThis.gc()
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / MB
}
