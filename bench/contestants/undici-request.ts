import { Pool } from 'undici'
import type { Open } from './contestant.ts'
import { bodyOf, verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/**
 * undici's `pool.request`, then `body.arrayBuffer()`; as a stream, `for await` over the body.
 * Its fastest documented set-up: a Pool on the origin spares an Agent's look-up.
 */
export const open: Open = async (job) => {
  const { path, method } = job
  const body = bodyOf(job)
  const pool = new Pool(job.origin, {
    connections: job.connections,
    pipelining: 1,
    ...(job.tls && { connect: { ca: job.ca } }),
  })

  const send = body
    ? () => pool.request({ path, method, headers: ['accept', '*/*'], body })
    : () => pool.request({ path, method, headers: ['accept', '*/*'] })

  const whole = async () => {
    const response = await send()
    verify(job, response.statusCode, (await response.body.arrayBuffer()).byteLength)
  }

  const stream = async () => {
    const response = await send()
    let received = 0
    for await (const chunk of response.body) received += chunk.byteLength
    verify(job, response.statusCode, received)
  }

  return {
    run: promiseLanes(job.reading === 'stream' ? stream : whole),
    close: () => pool.close(),
  }
}
