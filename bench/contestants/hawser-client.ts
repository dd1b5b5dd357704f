import type { Open } from './contestant.ts'
import { verify } from './contestant.ts'
import { loadClient } from './hawser-api.ts'
import { promiseLanes } from './lanes.ts'

/** Hawser's `client.get(url)`, then `bytes()`: the whole client with its defaults. */
export const open: Open = async (job) => {
  const { Client } = await loadClient()
  const client = new Client({
    poolLimits: { maxConnections: job.connections },
    ...(job.tls && { verify: { ca: job.ca } }),
  })
  if (job.method !== 'GET') throw new Error('hawser-client only does GET here')
  if (job.reading !== 'whole') throw new Error('hawser-client only reads whole bodies here')
  const url = `${job.origin}${job.path}`

  const once = async () => {
    const response = await client.get(url)
    verify(job, response.status, response.bytes().byteLength)
  }

  return { run: promiseLanes(once), close: () => client.close() }
}
