import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { httpServer } from '../engine/servers.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import type { Servers } from './polluted-calls.ts'

const authority = certificateAuthority()

/** The servers of the calls under a polluted `Object.prototype`. */
export async function startServers(t: TestContext): Promise<Servers> {
  const plain = await httpServer(t, respond)
  plain.server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.on('error', () => {}).pipe(socket)
  })
  const secure: Server = createServer(certificateFor(['localhost'], { ca: authority }), respond)
  secure.on('tlsClientError', () => {}).listen(0)
  t.after(() => void secure.close().closeAllConnections())
  const proxy = await httpServer(t, respond)
  proxy.server.on('connect', ({ url }, socket) => {
    if (url?.endsWith(':1')) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const target = connect(Number(url?.split(':')[1]), 'localhost')
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    target.on('error', () => socket.destroy()).pipe(socket)
    socket.on('error', () => target.destroy()).pipe(target)
  })
  return {
    plain: plain.origin,
    secure: `https://localhost:${(secure.address() as AddressInfo).port}`,
    proxy: proxy.origin,
    ca: authority.cert,
  }
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const content = await text(request)
  switch (request.url) {
    case '/close':
      return void response.setHeader('connection', 'close').end('closed')
    case '/redirect':
      return void response.writeHead(302, { location: '/' }).end()
    case '/challenge':
      if (request.headers.authorization) break
      response.setHeader('www-authenticate', 'Digest realm="r", nonce="n", qop="auth"')
      return void response.writeHead(401).end()
    case '/hints':
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      break
    case '/unavailable':
      return void response.writeHead(503).end()
    case '/gzip':
      return void response.setHeader('content-encoding', 'gzip').end(gzipSync('some text'))
    case '/br':
      return void response.setHeader('content-encoding', 'br').end(brotliCompressSync('some text'))
    case '/large':
      return void response.end(Buffer.alloc(300_000, 'x'))
  }
  response.setHeader('set-cookie', 'seen=yes').end(`${request.method} ${content}`)
}
