import http from 'node:http'
import got from 'got'
import type { Open } from './contestant.ts'
import { verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** got with a keep-alive Agent, the body as a Buffer. */
export const open: Open = async (job) => {
  const { connections } = job
  const limits = { maxSockets: connections, maxFreeSockets: connections }
  const agent = new http.Agent({ keepAlive: true, ...limits })
  const client = got.extend({ agent: { http: agent }, responseType: 'buffer', retry: { limit: 0 } })
  const url = `${job.origin}${job.path}`

  const once = async () => {
    const { statusCode, body } = await client.get<Buffer>(url)
    verify(job, statusCode, body.byteLength)
  }

  return { run: promiseLanes(once), close: async () => agent.destroy() }
}
