// Starts real servers and proxies on loopback, which a fault proxy can stand in front of.
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

/** Runs the functions that close what was started. */
export type Cleanup = Pick<TestContext, 'after'>

export interface RealRoute {
  readonly name: string
  /** Whether changed bytes are always detected, because TLS protects them. */
  readonly detectsCorruption: boolean
  readonly start: (t: Cleanup) => Promise<StartedRoute>
}

export interface StartedRoute {
  /** The port that the fault proxy forwards to. */
  readonly port: number
  /** The origin and client options for this route, through a fault proxy on this port. */
  readonly through: (proxyPort: number) => RealClient
}

export interface RealClient {
  readonly origin: string
  readonly options: ClientOptions
}

export const LARGE = 'content of the server '.repeat(200)

const ca = certificateAuthority()
const ofProxy = certificateAuthority('Authority of proxies')
const tls = certificateFor(['a.test'], { ca })
const proxyTls = certificateFor(['127.0.0.1'], { ca: ofProxy })
const options: ClientOptions = { verify: { ca: ca.cert }, lookup: toLoopback }

/**
 * Serves `/length` and `/chunks` (with a trailer). `/closing` closes the connection right after the
 * response without announcing it. Any other path counts the bytes of the request.
 */
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
  if (request.url === '/closing') {
    response.end(LARGE, () => request.socket.destroy())
    return
  }
  let length = 0
  request.on('data', (bytes: Buffer) => {
    length += bytes.length
  })
  request.on('end', () => response.end(`${length} bytes`))
}

async function startServer(t: Cleanup, isSecure: boolean): Promise<number> {
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
  const isSecure = scheme === 'https'
  return {
    name,
    detectsCorruption: isSecure,
    async start(t) {
      const port = await startServer(t, isSecure)
      return {
        port,
        through: (proxyPort) => ({ origin: `${scheme}://a.test:${proxyPort}`, options }),
      }
    },
  }
}

function proxied(
  name: string,
  scheme: 'http' | 'https',
  proxyScheme: string,
  startProxy: (t: Cleanup) => Promise<TestProxy>,
): RealRoute {
  return {
    name,
    detectsCorruption: scheme === 'https' || proxyScheme === 'https',
    async start(t) {
      const origin = `${scheme}://a.test:${await startServer(t, scheme === 'https')}`
      const { port } = await startProxy(t)
      const through = (proxyPort: number) => {
        const url = `${proxyScheme}://127.0.0.1:${proxyPort}`
        const proxies = new HTTPProxy(url, { verify: { ca: ofProxy.cert } })
        return { origin, options: { ...options, proxies } }
      }
      return { port, through }
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
