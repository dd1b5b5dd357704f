import http from 'node:http'
import axios from 'axios'
import type { Open } from './contestant.ts'
import { verify } from './contestant.ts'
import { promiseLanes } from './lanes.ts'

/** axios with a keep-alive Agent, the body as an ArrayBuffer. */
export const open: Open = async (job) => {
  const { connections } = job
  const limits = { maxSockets: connections, maxFreeSockets: connections }
  const httpAgent = new http.Agent({ keepAlive: true, ...limits })
  const client = axios.create({ httpAgent, responseType: 'arraybuffer', proxy: false })
  const url = `${job.origin}${job.path}`

  const once = async () => {
    const { status, data } = await client.get<ArrayBuffer>(url)
    verify(job, status, data.byteLength)
  }

  return { run: promiseLanes(once), close: async () => httpAgent.destroy() }
}
