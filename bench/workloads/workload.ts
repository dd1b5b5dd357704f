import type { ContestantName } from '../contestants/index.ts'
import type { Metric } from '../statistics.ts'

/**
 * How a workload is measured. `rate`: requests per second. `latency`: the time of single requests
 * with pauses between them. `tail`: percentiles of the time of requests at random instants.
 * `idle-memory`: the memory of idle connections.
 */
export type Measure = 'rate' | 'latency' | 'tail' | 'idle-memory'

/** A target for a metric: a lower or an upper limit of the ratio to the rival. */
export interface Target {
  metric: Metric
  atLeast?: number
  atMost?: number
}

/** One row of the table: compares the contestant `subject` with `rival`. */
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
  /** Number of requests in flight or queued. */
  concurrency: number
  reading: 'whole' | 'stream'
  measure: Measure
  /** Number of requests of a slice. Default: as many as fit into its duration. */
  requests?: number
  /** Requests per second, for the measure `tail`. */
  perSecond?: number
  /** Maximum number of rounds, for long or numerous workloads. */
  maxRounds?: number
  /** Approximate duration of a slice in seconds. Default: that of the pace. */
  sliceSeconds?: number
  comparisons: Comparison[]
  /** Target for `hawser-dispatch`: a fraction of the floor's requests per second and efficiency. */
  floorTarget?: number
  /** Additional contestants, for information. `--quick` does not measure them. */
  extras: ContestantName[]
}

export const KiB = 1024
export const MiB = 1024 * KiB

type RequiredFields = Pick<Workload, 'name' | 'title' | 'path' | 'responseBytes' | 'comparisons'>

/** Creates a workload: fills in the defaults. */
export function workload(fields: RequiredFields & Partial<Workload>): Workload {
  const connections = fields.connections ?? 50
  return {
    method: 'GET',
    tls: false,
    requestBytes: 0,
    connections,
    concurrency: connections,
    reading: 'whole',
    measure: 'rate',
    extras: [],
    ...fields,
  }
}

/** Returns the comparison of Hawser's `pool.request` with undici's `request`. */
export function compareRequest(targets: Target[]): Comparison[] {
  return [{ subject: 'hawser-request', rival: 'undici-request', targets }]
}

export function hasTarget({ comparisons, floorTarget }: Workload): boolean {
  return floorTarget !== undefined || comparisons.some(({ targets }) => targets.length > 0)
}

/**
 * Returns the contestants of a workload: those it compares, the floor if it is a target, and
 * extras.
 */
export function contestantsOf(workload: Workload, quick: boolean): ContestantName[] {
  const names = new Set<ContestantName>()
  for (const { subject, rival } of workload.comparisons) names.add(subject).add(rival)
  if (workload.floorTarget !== undefined) names.add('hawser-dispatch').add('floor')
  if (!quick) for (const name of workload.extras) names.add(name)
  return [...names]
}
