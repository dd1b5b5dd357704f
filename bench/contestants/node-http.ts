import http from 'node:http'
import https from 'node:https'
import type { Open } from './contestant.ts'
import { bodyOf, responseError } from './contestant.ts'
import type { Done } from './runners.ts'
import { callbackRunner } from './runners.ts'

/**
 * `node:http` with a keep-alive agent. Bodies are collected from `data` events and concatenated.
 */
export const open: Open = async (job) => {
  const { host, port, path, method } = job
  const body = bodyOf(job)
  const headers = {
    accept: '*/*',
    ...(body && { 'content-length': body.byteLength }),
  }
  const limits = {
    keepAlive: true,
    maxSockets: job.connections,
    maxFreeSockets: job.connections,
  }
  const agent = job.tls ? new https.Agent({ ...limits, ca: job.ca }) : new http.Agent(limits)
  const request = job.tls ? https.request : http.request
  const keepsBody = job.reading === 'whole'

  const start = (done: Done) => {
    const outgoing = request({ agent, host, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = []
      let received = 0
      response.on('data', (chunk: Buffer) => {
        received += chunk.byteLength
        if (keepsBody) chunks.push(chunk)
      })
      response.on('end', () => {
        const bytes = keepsBody ? Buffer.concat(chunks).byteLength : received
        done(responseError(job, response.statusCode ?? 0, bytes))
      })
    })
    outgoing.on('error', done)
    outgoing.end(body)
  }

  return { run: callbackRunner(start), close: async () => agent.destroy() }
}
