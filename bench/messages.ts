import type { Job } from './contestants/contestant.ts'
import type { Sample } from './statistics.ts'
import type { Measure } from './workloads/workload.ts'

/** Where the server listens, and what it is. */
export interface ServerAddress {
  name: string
  version: string
  http: string
  https: string
  /** A unix socket that leads to the same. */
  uds: string
  /** The URL of a proxy that opens tunnels. The server itself takes what a proxy forwards. */
  tunnels: string
  /** The certificate to trust, PEM. */
  ca: string
}

export type ServerKind = 'nginx' | 'embedded'

export interface SliceOrder {
  measure: Measure
  requests: number
  lanes: number
  /** For tails: how many requests come in a second. */
  perSecond?: number
}

/** What a worker is told. It answers each message with one of its own before it gets the next. */
export type ToWorker =
  | { kind: 'open'; contestant: string; job: Job }
  | { kind: 'warmUp'; seconds: number; slice: SliceOrder }
  | { kind: 'slice'; slice: SliceOrder; record?: Recording }

/** What to record while a slice runs, and where to. */
export interface Recording {
  /** Retained: of the allocations, those that were not collected. */
  what: 'cpu' | 'allocations' | 'retained'
  file: string
  /** Microseconds between samples, or bytes between sampled allocations. */
  interval: number
}

export type FromWorker =
  | { kind: 'opened' }
  | { kind: 'warm'; requestsPerSecond: number }
  | { kind: 'sample'; sample: Sample }
  | { kind: 'failed'; message: string }

export type FromServer =
  | { kind: 'listening'; address: ServerAddress }
  | { kind: 'failed'; message: string }
