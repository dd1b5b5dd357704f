import type { Job } from './contestants/contestant.ts'
import type { Sample } from './statistics.ts'
import type { Measure } from './workloads/workload.ts'

/** The name of the server and its addresses. */
export interface ServerAddress {
  name: string
  version: string
  http: string
  https: string
  /** Path of a Unix socket on which the server listens as well. */
  uds: string
  /** URL of a proxy that opens tunnels. The server itself is used as the forward proxy. */
  tunnelProxy: string
  /** The certificate to trust, as PEM. */
  ca: string
}

export type ServerKind = 'nginx' | 'embedded'

export interface SliceCommand {
  measure: Measure
  requests: number
  concurrency: number
  /** Requests per second, for the measure `tail`. */
  perSecond?: number
}

/** A message to a worker. The worker sends one reply to each, before the next command is sent. */
export type WorkerCommand =
  | { kind: 'open'; contestant: string; job: Job }
  | { kind: 'warmUp'; seconds: number; slice: SliceCommand }
  | { kind: 'slice'; slice: SliceCommand; record?: Recording }

/** A profile to record while a slice runs. */
export interface Recording {
  /** `retained` means allocations that were not collected. */
  what: 'cpu' | 'allocations' | 'retained'
  file: string
  /** Microseconds between samples, or bytes between sampled allocations. */
  interval: number
}

export type WorkerReply =
  | { kind: 'opened' }
  | { kind: 'warm'; requestsPerSecond: number }
  | { kind: 'sample'; sample: Sample }
  | { kind: 'failed'; message: string }

export type ServerReply =
  | { kind: 'listening'; address: ServerAddress }
  | { kind: 'failed'; message: string }
