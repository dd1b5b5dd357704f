import { Client } from '../../src/index.ts'
import type { Open } from './contestant.ts'
import { verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** Hawser's `client.get(url)`, then `bytes()`: the whole client with its defaults. */
export const open: Open = openWith(0)

/** The same with so many cookies in its jar, all of which go with each request. */
export function openWith(cookies: number): Open {
  return async (job) => {
    if (job.method !== 'GET' || job.reading !== 'whole' || job.tls) {
      throw new Error('hawser-client only takes part in plain GET, read whole')
    }
    const client = new Client({ poolLimits: { maxConnections: job.connections } })
    for (let i = 0; i < cookies; i++) {
      client.cookies.jar.setCookieSync(`name${i}=value-${i}; Path=/`, job.origin)
    }
    const url = `${job.origin}${job.path}`

    const once = async () => {
      const response = await client.get(url)
      verify(job, response.status, response.bytes().byteLength)
    }

    return { run: promiseLanes(once), close: () => client.close() }
  }
}
