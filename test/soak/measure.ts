import { getEventListeners } from 'node:events'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { window } from '../../src/protocol/llhttp.ts'

/** Resources of the process while no request is in progress. */
export interface Measure {
  readonly requests: number
  /** `heap`, `buffers` and `rss` are in MB, measured after garbage collection. */
  readonly heap: number
  readonly buffers: number
  readonly rss: number
  /** Number of objects, including unused ones that are not collected yet. */
  readonly sockets: number
  readonly timers: number
  /** Listeners on the signal that all requests share. */
  readonly listeners: number
  /** In pages of 64 KiB. */
  readonly wasm: number
}

// The class of timers. Only counting its objects finds timers that do not keep the process alive.
const Timeout = setTimeout(() => {}, 0).constructor
const MB = 1024 * 1024

/** @param signal the signal that all requests share */
export async function measure(requests: number, signal: AbortSignal): Promise<Measure> {
  if (globalThis.gc === undefined) throw new Error('this needs node --expose-gc')
  for (let i = 0; i < 3; i++) {
    await sleep(20)
    globalThis.gc()
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  const count = (type: Parameters<typeof queryObjects>[0]) =>
    queryObjects(type, { format: 'count' })
  return {
    requests,
    heap: heapUsed / MB,
    buffers: arrayBuffers / MB,
    rss: rss / MB,
    sockets: count(Socket),
    timers: count(Timeout),
    listeners: getEventListeners(signal, 'abort').length,
    wasm: window.buffer.byteLength / 65_536,
  }
}

const COLUMNS = [
  'requests',
  'heap',
  'buffers',
  'rss',
  'sockets',
  'timers',
  'listeners',
  'wasm',
] as const
export const HEADING = COLUMNS.map((name) => name.padStart(10)).join('')

export function row(measure: Measure): string {
  return COLUMNS.map((name) => {
    const digits = name === 'heap' || name === 'buffers' || name === 'rss' ? 1 : 0
    return measure[name].toFixed(digits).padStart(10)
  }).join('')
}

/** How much the median of the second half may exceed that of the first: a fraction, and MB. */
const TOLERANCES = { heap: [0.03, 1], buffers: [0.1, 2], rss: [0.1, 16] } as const

/**
 * Returns what has grown during the run, or is left after closing (the last measure). The first
 * third of the measures is warm-up and is not compared.
 */
export function findLeaks(measures: readonly Measure[]): string[] {
  const warm = measures.slice(Math.floor(measures.length / 3))
  const half = Math.floor(warm.length / 2)
  const leaks: string[] = []
  for (const name of ['heap', 'buffers', 'rss'] as const) {
    const [share, extra] = TOLERANCES[name]
    const before = median(warm.slice(0, half).map((one) => one[name]))
    const after = median(warm.slice(half).map((one) => one[name]))
    if (after > before * (1 + share) + extra) {
      leaks.push(`${name} grew from ${before.toFixed(1)} to ${after.toFixed(1)} MB`)
    }
  }
  for (const name of ['listeners', 'wasm'] as const) {
    const found = new Set(measures.map((one) => one[name]))
    if (found.size > 1) leaks.push(`${name}: ${[...found].join(', ')}`)
  }
  const [first, last] = [measures[0]!, measures.at(-1)!]
  for (const name of ['sockets', 'timers'] as const) {
    if (last[name] > first[name]) leaks.push(`${name}: ${last[name]} after ${first[name]}`)
  }
  return leaks
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
