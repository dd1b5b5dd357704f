import { createFetch } from '../../src/fetch/index.ts'
import type { Open } from './contestant.ts'
import { contestantOf } from './fetch.ts'

/** `fetch` of `hawser/fetch`, then `arrayBuffer()`: a drop-in for the runtime's own. */
export const open: Open = async (job) => {
  const fetch = createFetch({
    poolLimits: { maxConnections: job.connections },
    ...(job.tls && { verify: { ca: job.ca } }),
  })
  return contestantOf(job, fetch, () => fetch.close())
}
