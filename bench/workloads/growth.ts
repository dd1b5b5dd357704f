import type { ContestantName } from '../contestants/index.ts'
import type { Workload } from './workload.ts'
import { compareRequest, KiB, MiB, workload } from './workload.ts'

/** Workloads that differ in one number, for a line chart. */
export interface Series {
  /** `position` is the number, `label` the number as text. */
  points: readonly { position: number; label: string; workload: Workload }[]
}

const extras: ContestantName[] = ['hawser-fetch', 'node-http', 'fetch', 'axios', 'floor']
const sharedFields = { comparisons: compareRequest([]), extras, maxRounds: 3 }

export const byConnections: Series = {
  points: [1, 10, 100, 1000].map((connections) => {
    const label = connections.toLocaleString('en')
    const title = `GET 65 B, by connections: ${label}`
    const name = `by-connections-${connections}`
    const fields = { name, title, path: '/65b', responseBytes: 65, connections }
    return { position: connections, label, workload: workload({ ...fields, ...sharedFields }) }
  }),
}

const sizes = [
  { label: '64 B', bytes: 64 },
  { label: '1 KB', bytes: KiB },
  { label: '10 KB', bytes: 10 * KiB },
  { label: '100 KB', bytes: 100 * KiB },
  { label: '1 MB', bytes: MiB },
  { label: '10 MB', bytes: 10 * MiB },
]

export const byBodySize: Series = {
  points: sizes.map(({ label, bytes }) => {
    const suffix = label.replace(' ', '').toLowerCase()
    const fields = {
      name: `by-body-size-${suffix}`,
      title: `GET, 16 connections, by size: ${label}`,
      path: `/${suffix}`,
      responseBytes: bytes,
      connections: 16,
    }
    return { position: bytes, label, workload: workload({ ...fields, ...sharedFields }) }
  }),
}
