import { byBodySize, byConnections } from './growth.ts'
import { tailWorkload } from './tail.ts'
import { targetWorkloads } from './targets.ts'
import type { Workload } from './workload.ts'

/** All workloads, in the order in which they are measured. */
export const workloads: readonly Workload[] = [
  ...targetWorkloads,
  tailWorkload,
  ...[byConnections, byBodySize].flatMap(({ points }) => points.map(({ workload }) => workload)),
]
