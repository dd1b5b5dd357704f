import http from 'node:http'
import got from 'got'
import type { Open } from './contestant.ts'
import { verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/** got with a keep-alive agent and without retries. The body is read as a Buffer. */
export const open: Open = async (job) => {
  const { connections } = job
  const limits = { maxSockets: connections, maxFreeSockets: connections }
  const agent = new http.Agent({ keepAlive: true, ...limits })
  const client = got.extend({ agent: { http: agent }, responseType: 'buffer', retry: { limit: 0 } })
  const url = `${job.origin}${job.path}`

  const sendRequest = async () => {
    const { statusCode, body } = await client.get<Buffer>(url)
    verifyResponse(job, statusCode, body.byteLength)
  }

  return { run: promiseRunner(sendRequest), close: async () => agent.destroy() }
}
