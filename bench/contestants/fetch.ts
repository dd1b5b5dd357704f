import type { Contestant, Job, Open } from './contestant.ts'
import { bodyOf, verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** The runtime's own `fetch`, then `arrayBuffer()`, with its own connections: as many as it likes. */
export const open: Open = async (job) => {
  if (job.tls) throw new Error('fetch has no option for the certificate to trust')
  return contestantOf(job, fetch, async () => {})
}

/** A contestant of any `fetch`; as a stream, `for await` over the body. */
export function contestantOf(
  job: Job,
  fetch: typeof globalThis.fetch,
  close: () => Promise<void>,
): Contestant {
  const url = `${job.origin}${job.path}`
  const body = bodyOf(job)
  const send = body ? () => fetch(url, { method: job.method, body }) : () => fetch(url)

  const whole = async () => {
    const response = await send()
    verify(job, response.status, (await response.arrayBuffer()).byteLength)
  }

  const stream = async () => {
    const response = await send()
    let received = 0
    for await (const chunk of response.body ?? []) received += chunk.byteLength
    verify(job, response.status, received)
  }

  return { run: promiseLanes(job.reading === 'stream' ? stream : whole), close }
}
