import type { Dispatcher } from 'undici'
import { Pool, ProxyAgent } from 'undici'
import type { Contestant, Job, Open } from './contestant.ts'
import { bodyOf, verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/**
 * undici's `pool.request`, then `body.arrayBuffer()`; as a stream, `for await` over the body.
 * Its fastest documented set-up: a Pool on the origin spares an Agent's look-up.
 */
export const open: Open = (job) => {
  const connect = { ...(job.tls && { ca: job.ca }) }
  return openWith(job, new Pool(job.origin, { ...limits(job), connect }))
}

export const openUds: Open = (job) =>
  openWith(job, new Pool(job.origin, { ...limits(job), socketPath: job.uds }))

export const openTunnel: Open = (job) =>
  openWith(job, new ProxyAgent({ ...limits(job), uri: job.tunnels, requestTls: { ca: job.ca } }))

export const openForward: Open = (job) =>
  openWith(
    { ...job, origin: 'http://bench.test' },
    new ProxyAgent({ ...limits(job), uri: job.forwarder, proxyTunnel: false }),
  )

function limits({ connections }: Job) {
  return { connections, pipelining: 1 }
}

async function openWith(job: Job, pool: Dispatcher): Promise<Contestant> {
  const { origin, path, method } = job
  const body = bodyOf(job)

  const send = body
    ? () => pool.request({ origin, path, method, headers: ['accept', '*/*'], body })
    : () => pool.request({ origin, path, method, headers: ['accept', '*/*'] })

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
