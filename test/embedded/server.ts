// The server that the checks of scenario.ts call. It runs in a process of its own, which sends its
// URL and ends with its parent.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'

/** What `/echo` answers. */
export interface Echo {
  readonly type: string | null
  /** The value of Content-Length; null without one. */
  readonly length: string | null
  /** The body as latin1. */
  readonly body: string
}

const pages: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/json': (_, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end('{"hello":"world"}')
  },
  '/echo': async (request, response) => {
    const bytes = await buffer(request).catch(() => null) // null after an aborted upload
    if (bytes === null) return
    const body = bytes.toString('latin1')
    const { 'content-type': type = null, 'content-length': length = null } = request.headers
    const echo: Echo = { type, length, body }
    response.end(JSON.stringify(echo))
  },
  '/gzip': (_, response) => {
    response.setHeader('Content-Encoding', 'gzip')
    response.end(gzipSync('compressed text'))
  },
  '/set-cookie': (_, response) => {
    response.setHeader('Set-Cookie', 'name=value; Path=/')
    response.end()
  },
  '/cookie': (request, response) => void response.end(request.headers.cookie ?? ''),
  /** Never ends its body. */
  '/stream': (_, response) => void response.write('first'),
  /** Never answers. */
  '/silent': () => {},
}

process.on('disconnect', () => process.exit())
const server = createServer((request, response) => {
  const page = pages[request.url ?? '']
  if (page === undefined) response.writeHead(404).end()
  else page(request, response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
