import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { certificateFor } from '../support/certificates.ts'
import { httpbin } from './httpbin.ts'

/** What `https://api.example.com` and `https://internal.example.com` of the examples stand for. */
export async function startExampleServers() {
  const { key, cert } = certificateFor(['127.0.0.1'])
  const api = createServer(answer)
  api.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.pipe(socket)
  })
  const internal = createSecureServer({ key, cert }, answer)
  for (const server of [api, internal]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  return {
    api: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    internal: `https://127.0.0.1:${(internal.address() as AddressInfo).port}`,
    ca: cert,
    close() {
      for (const server of [api, internal]) {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}

const answer: RequestListener = async (request, response) => {
  const [path] = (request.url ?? '').split('?')
  switch (`${request.method} ${path}`) {
    case 'GET /users/7':
      response.setHeader('content-type', 'application/json')
      return response.end('{"id":7,"name":"Ada"}')
    case 'POST /users':
      response.writeHead(201, { location: '/users/8' })
      return response.end()
    case 'PUT /upload':
      return response.end(`${Buffer.concat(await request.toArray()).length} bytes`)
    case 'GET /large':
      return response.end(Buffer.alloc(1 << 20))
    case 'GET /story':
      response.writeEarlyHints({ link: '</style.css>' })
      response.setHeader('trailer', 'lines')
      response.write('Once upon a time\n')
      response.addTrailers({ lines: '2' })
      return response.end()
    case 'GET /slow':
      return
    default:
      return httpbin(request, response)
  }
}
