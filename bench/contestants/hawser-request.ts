import type { PoolOptions } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import type { Contestant, Job, Open } from './contestant.ts'
import { bodyOf, verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/**
 * Hawser's `pool.request` and `bytes()`. Streams are read with `for await`, which copies the
 * chunks.
 */
export const open: Open = (job) => openWithRoute(job, {})

export const openTunnel: Open = (job) => openWithRoute(job, { proxy: job.tunnelProxy })

export const openForward: Open = (job) =>
  openWithRoute({ ...job, origin: 'http://bench.test' }, { proxy: job.forwardProxy })

export const openUds: Open = (job) => openWithRoute(job, { uds: job.uds })

async function openWithRoute(
  job: Job,
  route: Pick<PoolOptions, 'proxy' | 'uds'>,
): Promise<Contestant> {
  const { origin, path, method } = job
  const body = bodyOf(job)
  const pool = new ConnectionPool({
    ...route,
    limits: { maxConnections: job.connections },
    ...(job.tls && { tls: { ca: job.ca } }),
  })

  const send = body
    ? () => pool.request({ origin, path, method, headers: ['accept', '*/*'], body })
    : () => pool.request({ origin, path, method, headers: ['accept', '*/*'] })

  const whole = async () => {
    const response = await send()
    verifyResponse(job, response.status, (await response.bytes()).byteLength)
  }

  const stream = async () => {
    const response = await send()
    let received = 0
    for await (const chunk of response) received += chunk.byteLength
    verifyResponse(job, response.status, received)
  }

  return {
    run: promiseRunner(job.reading === 'stream' ? stream : whole),
    close: () => pool.close(),
  }
}
