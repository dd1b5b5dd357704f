import { Client } from '../../src/index.ts'
import type { Open } from './contestant.ts'
import { verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/** Hawser's `client.get(url)` and `bytes()`, with default options. */
export const open: Open = openWithCookies(0)

/** The same with `cookies` cookies in the cookie jar, all of which are sent with each request. */
export function openWithCookies(cookies: number): Open {
  return async (job) => {
    if (job.method !== 'GET' || job.reading !== 'whole' || job.tls) {
      throw new Error('hawser-client supports only GET without TLS, with the body read as a whole')
    }
    const client = new Client({ poolLimits: { maxConnections: job.connections } })
    for (let i = 0; i < cookies; i++) {
      client.cookies.jar.setCookieSync(`name${i}=value-${i}; Path=/`, job.origin)
    }
    const url = `${job.origin}${job.path}`

    const sendRequest = async () => {
      const response = await client.get(url)
      verifyResponse(job, response.status, response.bytes().byteLength)
    }

    return { run: promiseRunner(sendRequest), close: () => client.close() }
  }
}
