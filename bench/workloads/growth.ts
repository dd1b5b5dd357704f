import type { ContestantName } from '../contestants/index.ts'
import type { Workload } from './workload.ts'
import { KiB, MiB, requestTo, workload } from './workload.ts'

/** The same work at several sizes, for a chart with a line for each contestant. */
export interface Series {
  points: readonly { at: number; label: string; workload: Workload }[]
}

const extras: ContestantName[] = ['hawser-fetch', 'node-http', 'fetch', 'axios', 'floor']
const short = { comparisons: requestTo([]), extras, maxRounds: 3 }

export const byConnections: Series = {
  points: [1, 10, 100, 1000].map((connections) => {
    const label = connections.toLocaleString('en')
    const title = `GET 65 B, by connections: ${label}`
    const name = `by-connections-${connections}`
    const given = { name, title, path: '/65b', responseBytes: 65, connections }
    return { at: connections, label, workload: workload({ ...given, ...short }) }
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
    const word = label.replace(' ', '').toLowerCase()
    const given = {
      name: `by-body-size-${word}`,
      title: `GET, 16 connections, by size: ${label}`,
      path: `/${word}`,
      responseBytes: bytes,
      connections: 16,
    }
    return { at: bytes, label, workload: workload({ ...given, ...short }) }
  }),
}
