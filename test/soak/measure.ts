import { getEventListeners } from 'node:events'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { window } from '../../src/protocol/llhttp.ts'

/** What the process holds while nothing is under way. */
export interface Measure {
  readonly requests: number
  /** In MB, after garbage was collected; so are the next two. */
  readonly heap: number
  readonly buffers: number
  readonly rss: number
  /** Objects, even those that only await their end. */
  readonly sockets: number
  readonly timers: number
  /** On the signal that all requests share. */
  readonly listeners: number
  /** In pages of 64 KiB. */
  readonly wasm: number
}

// What `setTimeout` returns. Those that keep no process alive are counted nowhere else.
const Timeout = setTimeout(() => {}, 0).constructor
const MB = 1024 * 1024

/** @param signal which all requests share */
export async function measure(requests: number, signal: AbortSignal): Promise<Measure> {
  if (globalThis.gc === undefined) throw new Error('run it with --expose-gc')
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

/** What more may be held in the second half than in the first, once warm: a share of it, and MB. */
const TOLERANCES = { heap: [0.03, 1], buffers: [0.1, 2], rss: [0.1, 16] } as const

/**
 * What has grown all along, or is left over when all is closed (the last measure); empty if nothing. The
 * first third is for getting warm.
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
