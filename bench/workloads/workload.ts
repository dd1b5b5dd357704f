import type { ContestantName } from '../contestants/index.ts'
import type { Metric } from '../statistics.ts'

/**
 * How a workload is measured: by requests per second, by the time of single requests with gaps
 * between them, by the times of requests that come at random, or by memory.
 */
export type Measure = 'rate' | 'latency' | 'tail' | 'idle-memory'

/** A figure to reach. `speed`, `thrift` and `latency` say how many times better the subject is. */
export interface Target {
  metric: Metric
  atLeast?: number
  atMost?: number
}

/** One row of the table: this contestant beside that one. */
export interface Comparison {
  label?: string
  subject: ContestantName
  rival: ContestantName
  targets: Target[]
}

export interface Workload {
  name: string
  title: string
  method: 'GET' | 'POST'
  path: string
  tls: boolean
  requestBytes: number
  responseBytes: number
  connections: number
  /** How many requests are under way (or queued) at the same time. */
  lanes: number
  reading: 'whole' | 'stream'
  measure: Measure
  /** So many requests make a slice; when absent, as many as fit into its time. */
  requests?: number
  /** For tails: how many requests come in a second. */
  perSecond?: number
  /** At most so many rounds: where workloads are many, or rounds long and much the same. */
  maxRounds?: number
  /** About how long a slice takes, in seconds, where its length is not the pace's to choose. */
  sliceSeconds?: number
  comparisons: Comparison[]
  /** The least that `hawser-dispatch` should reach of the floor. */
  floorTarget?: number
  /** Contestants beyond those compared, for information. Not measured by `--quick`. */
  extras: ContestantName[]
}

export const KiB = 1024
export const MiB = 1024 * KiB

type Given = Pick<Workload, 'name' | 'title' | 'path' | 'responseBytes' | 'comparisons'>

/** A workload of which only that is said which is not usual. */
export function workload(given: Given & Partial<Workload>): Workload {
  const connections = given.connections ?? 50
  return {
    method: 'GET',
    tls: false,
    requestBytes: 0,
    connections,
    lanes: connections,
    reading: 'whole',
    measure: 'rate',
    extras: [],
    ...given,
  }
}

/** Hawser's `pool.request` beside undici's. */
export function requestTo(targets: Target[]): Comparison[] {
  return [{ subject: 'hawser-request', rival: 'undici-request', targets }]
}

export function hasTarget({ comparisons, floorTarget }: Workload): boolean {
  return floorTarget !== undefined || comparisons.some(({ targets }) => targets.length > 0)
}

/** Whom a workload measures: those its rows compare, the floor where it has a target, and extras. */
export function contestantsOf(workload: Workload, quick: boolean): ContestantName[] {
  const names = new Set<ContestantName>()
  for (const { subject, rival } of workload.comparisons) names.add(subject).add(rival)
  if (workload.floorTarget !== undefined) names.add('hawser-dispatch').add('floor')
  if (!quick) for (const name of workload.extras) names.add(name)
  return [...names]
}
