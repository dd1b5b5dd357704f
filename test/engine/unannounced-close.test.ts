import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { PoolOptions } from '../../src/engine.ts'
import { HTTPProxy } from '../../src/engine.ts'
import { certificateFor } from '../support/certificates.ts'
import { httpProxy } from '../support/proxies.ts'
import { openPool, rawServer, tlsServer } from './servers.ts'

interface Route {
  readonly origin: string
  readonly options: PoolOptions
  /** The accepted sockets whose other end is the pool's. */
  readonly sockets: readonly Socket[]
}

const certificate = certificateFor(['127.0.0.1'])
const tls = { ca: certificate.cert }

const plain = (t: TestContext) =>
  rawServer(t, (socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })

const routes: Record<string, (t: TestContext) => Promise<Route>> = {
  plain: async (t) => ({ ...(await plain(t)), options: {} }),
  TLS: async (t) => ({ ...(await tlsServer(t, certificate)), options: { tls } }),
  async 'a forward proxy'(t) {
    const { origin } = await plain(t)
    const { url, clients } = await httpProxy(t)
    return { origin, options: { proxy: url }, sockets: clients }
  },
  async 'a tunnel'(t) {
    const { origin } = await plain(t)
    const { url, clients } = await httpProxy(t)
    const proxy = new HTTPProxy(url, { mode: 'TUNNEL_ONLY' })
    return { origin, options: { proxy }, sockets: clients }
  },
  async 'TLS in a tunnel'(t) {
    const { origin } = await tlsServer(t, certificate)
    const { url, clients } = await httpProxy(t)
    return { origin, options: { tls, proxy: url }, sockets: clients }
  },
}

async function* content(): AsyncGenerator<string> {
  yield 'streamed'
}

const requests: Record<string, () => { method: string; body: string | AsyncIterable<string> }> = {
  POST: () => ({ method: 'POST', body: 'x' }),
  PATCH: () => ({ method: 'PATCH', body: 'x' }),
  'a streamed PUT': () => ({ method: 'PUT', body: content() }),
}

describe('40 a request is not lost to a connection that the server closed right after its response', () => {
  for (const [route, open] of Object.entries(routes)) {
    for (const [name, request] of Object.entries(requests)) {
      test(`${name}, ${route}`, async (t) => {
        const { origin, options, sockets } = await open(t)
        for (let i = 0; i < 5; i++) {
          const pool = openPool(t, options) // a pool learns which origins close early
          const first = await pool.request({ origin, path: '/' })
          await first.text()
          sockets.at(-1)?.destroy()
          const second = await pool.request({ origin, path: '/', ...request() })
          assert.equal(await second.text(), 'ok', `attempt ${i}`)
          await pool.close()
        }
      })
    }
  }
})
