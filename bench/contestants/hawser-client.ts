import { Client } from '../../src/index.ts'
import type { Open } from './contestant.ts'
import { verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** Hawser's `client.get(url)`, then `bytes()`: the whole client with its defaults. */
export const open: Open = async (job) => {
  if (job.method !== 'GET' || job.reading !== 'whole' || job.tls) {
    throw new Error('hawser-client only takes part in plain GET, read whole')
  }
  const client = new Client({ poolLimits: { maxConnections: job.connections } })
  const url = `${job.origin}${job.path}`

  const once = async () => {
    const response = await client.get(url)
    verify(job, response.status, response.bytes().byteLength)
  }

  return { run: promiseLanes(once), close: () => client.close() }
}
