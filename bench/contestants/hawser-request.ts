import { ConnectionPool } from '../../src/engine.ts'
import type { Open } from './contestant.ts'
import { bodyOf, verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** Hawser's `pool.request`, then `bytes()`; as a stream, `for await` (chunks that one may keep). */
export const open: Open = async (job) => {
  const { origin, path, method } = job
  const body = bodyOf(job)
  const pool = new ConnectionPool({
    limits: { maxConnections: job.connections },
    ...(job.tls && { tls: { ca: job.ca } }),
  })

  const send = body
    ? () => pool.request({ origin, path, method, headers: ['accept', '*/*'], body })
    : () => pool.request({ origin, path, method, headers: ['accept', '*/*'] })

  const whole = async () => {
    const response = await send()
    verify(job, response.status, (await response.bytes()).byteLength)
  }

  const stream = async () => {
    const response = await send()
    let received = 0
    for await (const chunk of response) received += chunk.byteLength
    verify(job, response.status, received)
  }

  return {
    run: promiseLanes(job.reading === 'stream' ? stream : whole),
    close: () => pool.close(),
  }
}
