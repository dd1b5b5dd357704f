import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import type { TestProxy } from '../support/proxies.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'
import { httpbin } from './httpbin.ts'

export interface ExampleServers {
  /** The addresses in the pages, and those of the test servers that replace them. */
  readonly addresses: readonly [written: string, real: string][]
  /** Files that the examples read, as contents by name. */
  readonly files: Readonly<Record<string, string>>
  readonly proxies: readonly TestProxy[]
  close(): void
}

export async function startExampleServers(): Promise<ExampleServers> {
  const ends: (() => void)[] = []
  const test = { after: (end: () => void) => void ends.push(end) }
  const listen = async (server: Server, where: [number, string] | [string]) => {
    server.listen(...(where as [string]))
    await once(server, 'listening')
    ends.push(() => {
      server.close()
      server.closeAllConnections()
    })
    return (server.address() as AddressInfo).port
  }
  const folder = mkdtempSync(join(tmpdir(), 'hawser-examples-'))
  const uds = join(folder, 'socket')
  const authority = certificateAuthority('Local authority')
  const own = certificateFor(['127.0.0.1'])
  const local = certificateFor(['localhost', '127.0.0.1'], { ca: authority })
  const ofProxy = certificateFor(['127.0.0.1'])
  const client = certificateFor(['Ada'], { ca: authority })

  const api = createServer(answer)
  api.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.pipe(socket)
  })
  const internal = { ...own, ca: authority.cert, requestCert: true, rejectUnauthorized: false }
  const here: [number, string] = [0, '127.0.0.1']
  const apiPort = await listen(api, here)
  const internalPort = await listen(createSecureServer(internal, answer), here)
  await listen(createServer(answer), [uds])
  const proxy = await httpProxy(test)
  const another = await httpProxy(test)
  const secure = await httpProxy(test, { tls: ofProxy })
  const socks = await socksProxy(test)
  return {
    addresses: [
      ['https://api.example.com', `http://127.0.0.1:${apiPort}`],
      ['https://internal.example.com', `https://127.0.0.1:${internalPort}`],
      ['http://127.0.0.1:3080', proxy.url],
      ['http://127.0.0.1:3081', another.url],
      ['https://proxy.example.com:3128', secure.url],
      ['socks5h://127.0.0.1:1080', socks.url.replace('socks5', 'socks5h')],
      ['/var/run/docker.sock', uds],
    ],
    files: {
      'ca.pem': own.cert,
      'ca.crt': authority.cert,
      'cert.crt': local.cert,
      'cert.key': local.key,
      'proxy-ca.pem': ofProxy.cert,
      'client.pem': client.key + client.cert,
      'client.crt': client.cert,
      'client.key': client.key,
      'my.netrc': 'machine 127.0.0.1 login ada password secret\n',
    },
    proxies: [proxy, another, secure, socks],
    close() {
      for (const end of ends) end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const answer: RequestListener = async (request, response) => {
  const [path] = (request.url ?? '').split('?')
  switch (`${request.method} ${path}`) {
    case 'GET /users/7':
      response.setHeader('content-type', 'application/json')
      return response.end('{"id":7,"name":"Ada"}')
    case 'GET /version':
      return response.end('{"Version":"28.0.1"}')
    case 'GET /who': {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate()
      return response.end(subject?.CN ?? 'nobody')
    }
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
