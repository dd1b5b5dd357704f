import type { Contestant, Job, Open } from './contestant.ts'
import { bodyOf, verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/** The runtime's `fetch` and `arrayBuffer()`, with its default connection limit. */
export const open: Open = async (job) => {
  if (job.tls) {
    throw new Error('fetch has no option for a trusted certificate: TLS is not supported')
  }
  return fetchContestant(job, fetch, async () => {})
}

/**
 * Creates a contestant from any `fetch` function. Streams are read with `for await` over the body.
 */
export function fetchContestant(
  job: Job,
  fetch: typeof globalThis.fetch,
  close: () => Promise<void>,
): Contestant {
  const url = `${job.origin}${job.path}`
  const body = bodyOf(job)
  const send = body ? () => fetch(url, { method: job.method, body }) : () => fetch(url)

  const whole = async () => {
    const response = await send()
    verifyResponse(job, response.status, (await response.arrayBuffer()).byteLength)
  }

  const stream = async () => {
    const response = await send()
    let received = 0
    for await (const chunk of response.body ?? []) received += chunk.byteLength
    verifyResponse(job, response.status, received)
  }

  return { run: promiseRunner(job.reading === 'stream' ? stream : whole), close }
}
