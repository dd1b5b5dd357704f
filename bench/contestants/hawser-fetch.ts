import { createFetch } from '../../src/fetch/index.ts'
import type { Open } from './contestant.ts'
import { fetchContestant } from './fetch.ts'

/** `fetch` of `hawser/fetch` and `arrayBuffer()`. */
export const open: Open = async (job) => {
  const fetch = createFetch({
    poolLimits: { maxConnections: job.connections },
    ...(job.tls && { verify: { ca: job.ca } }),
  })
  return fetchContestant(job, fetch, () => fetch.close())
}
