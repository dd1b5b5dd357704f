import { byBodySize, byConnections } from './growth.ts'
import { tail } from './tail.ts'
import { targets } from './targets.ts'
import type { Workload } from './workload.ts'

/** All that is measured, in this order. */
export const workloads: readonly Workload[] = [
  ...targets,
  tail,
  ...[byConnections, byBodySize].flatMap(({ points }) => points.map(({ workload }) => workload)),
]
