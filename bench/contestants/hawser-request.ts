import type { PoolOptions } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import type { Contestant, Job, Open } from './contestant.ts'
import { bodyOf, verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** Hawser's `pool.request`, then `bytes()`; as a stream, `for await` (chunks that one may keep). */
export const open: Open = (job) => openBy(job, {})

export const openTunnel: Open = (job) => openBy(job, { proxy: job.tunnels })

export const openForward: Open = (job) =>
  openBy({ ...job, origin: 'http://bench.test' }, { proxy: job.forwarder })

export const openUds: Open = (job) => openBy(job, { uds: job.uds })

async function openBy(job: Job, route: Pick<PoolOptions, 'proxy' | 'uds'>): Promise<Contestant> {
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
