import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { ClientOptions, ProxyMode } from '../../src/index.ts'
import { HTTPProxy } from '../../src/index.ts'
import { rawServer, toLoopback } from '../engine/servers.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { startOriginServer } from '../support/origin-server.ts'
import type { TestProxy } from '../support/proxies.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'
import type { RouteSuite } from './route-requests.ts'
import { routeSuite } from './route-requests.ts'

type Scheme = 'http' | 'https'

const ca = certificateAuthority()
const proxyCa = certificateAuthority('Proxy CA')
const tls = certificateFor(['a.test'], { ca })
const proxyTls = certificateFor(['127.0.0.1'], { ca: proxyCa })
const verify = { ca: ca.cert }

/** A server that accepts connections and sends nothing. */
const silentServer = (t: TestContext) => rawServer(t, () => {})
const pendingLookup: NonNullable<ClientOptions['lookup']> = () => {}

function target(t: TestContext, scheme: Scheme, path?: string) {
  return startOriginServer(t, { tls: scheme === 'https' ? tls : undefined, path })
}

function direct(scheme: Scheme): RouteSuite {
  return {
    name: `${scheme}, direct`,
    async open(t) {
      const server = await target(t, scheme)
      const options = { verify, lookup: toLoopback }
      return { options, origin: `${scheme}://a.test:${server.port}`, target: server }
    },
    async stalled(t) {
      if (scheme === 'http') return { options: { lookup: pendingLookup }, origin: 'http://a.test' }
      const { port } = await silentServer(t)
      return { options: { lookup: toLoopback }, origin: `https://a.test:${port}` }
    },
  }
}

interface Proxied {
  readonly name: string
  readonly start: (t: TestContext) => Promise<TestProxy>
  readonly scheme: Scheme
  readonly proxyScheme: string
  readonly mode?: ProxyMode
}

function proxied({ name, start, scheme, proxyScheme, mode }: Proxied): RouteSuite {
  const use = (port: number, host = '127.0.0.1') =>
    new HTTPProxy(`${proxyScheme}://${host}:${port}`, { mode, verify: { ca: proxyCa.cert } })
  return {
    name,
    async open(t) {
      const proxy = await start(t)
      const server = await target(t, scheme)
      const origin = `${scheme}://a.test:${server.port}`
      const options = { verify, proxies: use(proxy.port), lookup: toLoopback }
      // Every request used this route.
      t.after(() => assert.ok(proxy.targets.every((each) => each.endsWith(`:${server.port}`))))
      t.after(() => assert.ok(proxy.targets.length > 0, 'the proxy received no request'))
      return { options, origin, target: server }
    },
    async stalled(t) {
      const origin = `${scheme}://a.test`
      const isForwarded = mode === 'FORWARD_ONLY' || (mode === 'DEFAULT' && scheme === 'http')
      if (isForwarded && proxyScheme === 'http') {
        return { options: { proxies: use(1, 'proxy.test'), lookup: pendingLookup }, origin }
      }
      return { options: { proxies: use((await silentServer(t)).port), lookup: toLoopback }, origin }
    },
  }
}

function unixSocket(scheme: Scheme, kind: string, pathFor: (t: TestContext) => string): RouteSuite {
  return {
    name: `${scheme} by a unix socket, ${kind}`,
    async open(t) {
      const uds = pathFor(t)
      const origin = `${scheme}://a.test`
      return { options: { verify, uds }, origin, target: await target(t, scheme, uds) }
    },
    // The kernel accepts the connection, so only TLS can time out.
    ...(scheme === 'https' && {
      async stalled(t: TestContext) {
        const uds = pathFor(t)
        const server = createServer(() => {}).listen(uds)
        server.on('connection', (socket) => t.after(() => socket.destroy()))
        await once(server, 'listening')
        t.after(() => server.close())
        return { options: { uds }, origin: 'https://a.test' }
      },
    }),
  }
}

function temporaryPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'socket')
}

for (const scheme of ['http', 'https'] as const) {
  routeSuite(direct(scheme))
  for (const proxyScheme of ['http', 'https'] as const) {
    const start = (t: TestContext) => httpProxy(t, proxyScheme === 'https' ? { tls: proxyTls } : {})
    const byProxy = { start, scheme, proxyScheme }
    const suffix = `by an ${proxyScheme} proxy`
    if (scheme === 'http') {
      routeSuite(proxied({ ...byProxy, name: `http, forwarded ${suffix}`, mode: 'DEFAULT' }))
      routeSuite(proxied({ ...byProxy, name: `http, tunnelled ${suffix}`, mode: 'TUNNEL_ONLY' }))
    } else {
      routeSuite(proxied({ ...byProxy, name: `https, tunnelled ${suffix}`, mode: 'DEFAULT' }))
      routeSuite(proxied({ ...byProxy, name: `https, forwarded ${suffix}`, mode: 'FORWARD_ONLY' }))
    }
  }
  for (const proxyScheme of ['socks5', 'socks5h']) {
    const name = `${scheme} by ${proxyScheme}`
    routeSuite(proxied({ name, start: (t) => socksProxy(t), scheme, proxyScheme }))
  }
  routeSuite(unixSocket(scheme, 'a path', temporaryPath))
  if (process.platform === 'linux') {
    routeSuite(unixSocket(scheme, 'an abstract name', () => `\0hawser-${randomUUID()}`))
  }
}
