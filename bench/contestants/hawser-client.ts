import { Client } from '../../src/index.ts'
import type { Open } from './contestant.ts'
import { verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/**
 * Hawser's `client.get(url)` and `bytes()`, with default options. Streams are read with
 * `client.stream` and `iterBytes()`.
 */
export const open: Open = openWithCookies(0)

/** The same with `cookies` cookies in the cookie jar, all of which are sent with each request. */
export function openWithCookies(cookies: number): Open {
  return async (job) => {
    if (job.method !== 'GET' || job.tls) {
      throw new Error('hawser-client supports only GET without TLS')
    }
    const client = new Client({ poolLimits: { maxConnections: job.connections } })
    for (let i = 0; i < cookies; i++) {
      client.cookies.jar.setCookieSync(`name${i}=value-${i}; Path=/`, job.origin)
    }
    const url = `${job.origin}${job.path}`

    const whole = async () => {
      const response = await client.get(url)
      verifyResponse(job, response.status, response.bytes().byteLength)
    }

    const stream = async () => {
      const response = await client.stream('GET', url)
      let received = 0
      for await (const chunk of response.iterBytes()) received += chunk.byteLength
      verifyResponse(job, response.status, received)
    }

    return {
      run: promiseRunner(job.reading === 'stream' ? stream : whole),
      close: () => client.close(),
    }
  }
}
