// Real servers and proxies on loopback, and the place on the way to them where a rig stands.
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { ClientOptions } from '../../src/index.ts'
import { HTTPProxy } from '../../src/index.ts'
import { toLoopback } from '../engine/servers.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import type { TestProxy } from '../support/proxies.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'

/** Who closes what was started. */
export type Closer = Pick<TestContext, 'after'>

export interface RealRoute {
  readonly name: string
  /** What is said to the server and by it cannot be changed on the way unnoticed. */
  readonly isSafe: boolean
  readonly start: (t: Closer) => Promise<StartedRoute>
}

export interface StartedRoute {
  /** What the rig leads to. */
  readonly port: number
  /** How to get to the server by a rig on this port. */
  readonly by: (rig: number) => { readonly origin: string; readonly options: ClientOptions }
}

export const LARGE = 'what the server says, '.repeat(200)

const ca = certificateAuthority()
const ofProxy = certificateAuthority('Authority of proxies')
const tls = certificateFor(['a.test'], { ca })
const proxyTls = certificateFor(['127.0.0.1'], { ca: ofProxy })
const options: ClientOptions = { verify: { ca: ca.cert }, lookup: toLoopback }

/** `/length`, `/chunks` with a trailer, and for all else how many bytes came. */
const listener: RequestListener = (request, response) => {
  if (request.url === '/length') {
    response.writeHead(200, { 'content-length': LARGE.length }).end(LARGE)
    return
  }
  if (request.url === '/chunks') {
    response.writeHead(200, { trailer: 'a' })
    for (let at = 0; at < LARGE.length; at += 1500) response.write(LARGE.slice(at, at + 1500))
    response.addTrailers({ a: 'b' })
    response.end()
    return
  }
  let length = 0
  request.on('data', (bytes: Buffer) => {
    length += bytes.length
  })
  request.on('end', () => response.end(`${length} bytes`))
}

async function startServer(t: Closer, isSecure: boolean): Promise<number> {
  const server = isSecure ? createHttpsServer(tls, listener) : createHttpServer(listener)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function direct(name: string, scheme: 'http' | 'https'): RealRoute {
  const isSafe = scheme === 'https'
  return {
    name,
    isSafe,
    async start(t) {
      const port = await startServer(t, isSafe)
      return { port, by: (rig) => ({ origin: `${scheme}://a.test:${rig}`, options }) }
    },
  }
}

function proxied(
  name: string,
  scheme: 'http' | 'https',
  proxyScheme: string,
  startProxy: (t: Closer) => Promise<TestProxy>,
): RealRoute {
  return {
    name,
    isSafe: scheme === 'https' || proxyScheme === 'https',
    async start(t) {
      const origin = `${scheme}://a.test:${await startServer(t, scheme === 'https')}`
      const { port } = await startProxy(t)
      const by = (rig: number) => {
        const url = `${proxyScheme}://127.0.0.1:${rig}`
        const proxies = new HTTPProxy(url, { verify: { ca: ofProxy.cert } })
        return { origin, options: { ...options, proxies } }
      }
      return { port, by }
    },
  }
}

export const realRoutes: readonly RealRoute[] = [
  direct('plain', 'http'),
  direct('TLS', 'https'),
  proxied('forwarded by an http proxy', 'http', 'http', (t) => httpProxy(t)),
  proxied('TLS in a tunnel of an http proxy', 'https', 'http', (t) => httpProxy(t)),
  proxied('TLS in a tunnel of an https proxy', 'https', 'https', (t) =>
    httpProxy(t, { tls: proxyTls }),
  ),
  proxied('socks5', 'http', 'socks5', (t) => socksProxy(t)),
  proxied('TLS by socks5', 'https', 'socks5', (t) => socksProxy(t)),
]
