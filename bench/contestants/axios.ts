import http from 'node:http'
import axios from 'axios'
import type { Open } from './contestant.ts'
import { verifyResponse } from './contestant.ts'
import { promiseRunner } from './runners.ts'

/** axios with a keep-alive agent. The body is read as an ArrayBuffer. */
export const open: Open = async (job) => {
  const { connections } = job
  const limits = { maxSockets: connections, maxFreeSockets: connections }
  const httpAgent = new http.Agent({ keepAlive: true, ...limits })
  const client = axios.create({ httpAgent, responseType: 'arraybuffer', proxy: false })
  const url = `${job.origin}${job.path}`

  const sendRequest = async () => {
    const { status, data } = await client.get<ArrayBuffer>(url)
    verifyResponse(job, status, data.byteLength)
  }

  return { run: promiseRunner(sendRequest), close: async () => httpAgent.destroy() }
}
