import type { Dispatcher } from 'undici'
import { Pool, ProxyAgent } from 'undici'
import type { Contestant, Job, Open } from './contestant.ts'
import { bodyOf, verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/**
 * undici's `pool.request` and `body.arrayBuffer()`. Streams are read with `for await` over the
 * body. This is undici's fastest documented setup: a `Pool` needs no lookup by origin, as an
 * `Agent` does.
 */
export const open: Open = (job) => {
  const connect = { ...(job.tls && { ca: job.ca }) }
  return openWithDispatcher(job, new Pool(job.origin, { ...limits(job), connect }))
}

export const openUds: Open = (job) =>
  openWithDispatcher(job, new Pool(job.origin, { ...limits(job), socketPath: job.uds }))

export const openTunnel: Open = (job) =>
  openWithDispatcher(
    job,
    new ProxyAgent({ ...limits(job), uri: job.tunnelProxy, requestTls: { ca: job.ca } }),
  )

export const openForward: Open = (job) =>
  openWithDispatcher(
    { ...job, origin: 'http://bench.test' },
    new ProxyAgent({ ...limits(job), uri: job.forwardProxy, proxyTunnel: false }),
  )

function limits({ connections }: Job) {
  return { connections, pipelining: 1 }
}

async function openWithDispatcher(job: Job, pool: Dispatcher): Promise<Contestant> {
  const { origin, path, method } = job
  const body = bodyOf(job)

  const send = body
    ? () => pool.request({ origin, path, method, headers: ['accept', '*/*'], body })
    : () => pool.request({ origin, path, method, headers: ['accept', '*/*'] })

  const whole = async () => {
    const response = await send()
    verifyResponse(job, response.statusCode, (await response.body.arrayBuffer()).byteLength)
  }

  const stream = async () => {
    const response = await send()
    let received = 0
    for await (const chunk of response.body) received += chunk.byteLength
    verifyResponse(job, response.statusCode, received)
  }

  return {
    run: promiseRunner(job.reading === 'stream' ? stream : whole),
    close: () => pool.close(),
  }
}
