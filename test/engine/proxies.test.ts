import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { ConnectionPool, HTTPProxy } from '../../src/engine.ts'
import {
  ConnectError,
  ConnectTimeout,
  ProxyError,
  ReadTimeout,
  RemoteProtocolError,
} from '../../src/errors.ts'
import { at } from '../support/at.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import type { TestProxy } from '../support/proxies.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'
import { openPool, rawServer } from './servers.ts'

const ca = certificateAuthority()
const proxyCa = certificateAuthority('Authority of proxies')
const targetCertificate = certificateFor(['a.test', 'b.test', '127.0.0.1'], { ca })
const proxyCertificate = certificateFor(['127.0.0.1'], { ca: proxyCa })
const tls = { ca: ca.cert }
const verify = { ca: proxyCa.cert }

/** A lookup that resolves every name to this machine. */
const toLoopback: NonNullable<PoolOptions['lookup']> = (_host, _options, callback) =>
  callback(null, '127.0.0.1', 4)

interface Seen {
  readonly head: string
  readonly body: Buffer
}

/** Starts an http and an https origin. `seen` has the requests that arrived. */
async function origins(t: TestContext) {
  const seen: Seen[] = []
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      seen.push({ head: headOf(request), body })
      if (request.url === '/silent') return
      if (request.url === '/large') return void Readable.from(large()).pipe(response)
      response.end(`${request.method} ${request.url} ${request.headers.host} ${body.length}`)
    })
  }
  const upgrade = (request: IncomingMessage, socket: Socket) => {
    seen.push({ head: headOf(request), body: Buffer.alloc(0) })
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  }
  const sockets: Socket[] = []
  const listen = async (server: ReturnType<typeof createServer>) => {
    server.keepAliveTimeout = 0
    server.on('upgrade', upgrade)
    server.on('connection', (socket: Socket) => sockets.push(socket))
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    return (server.address() as AddressInfo).port
  }
  const http = await listen(createServer(listener))
  const resumed: boolean[] = []
  const secure = createHttpsServer(targetCertificate, listener)
  secure.on('secureConnection', (socket) => resumed.push(socket.isSessionReused?.() === true)) // Bun has no isSessionReused
  const https = await listen(secure)
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  return { seen, http, https, resumed }
}

function headOf({ method, url, rawHeaders }: IncomingMessage): string {
  return `${method} ${url}\r\n${rawHeaders.map((text, i) => text + (i % 2 === 0 ? ': ' : '\r\n')).join('')}`
}

const LARGE = 20_000_000

function* large(): Generator<Buffer> {
  for (let sent = 0; sent < LARGE; sent += 100_000) yield Buffer.alloc(100_000, sent / 100_000)
}

interface Route {
  readonly name: string
  readonly open: (t: TestContext) => Promise<{ proxy: TestProxy; options: PoolOptions }>
  /** How requests for http URLs are sent. */
  readonly http: 'forward' | 'tunnel'
  /** How requests for https URLs are sent. */
  readonly https: 'forward' | 'tunnel'
}

const httpRoute =
  (mode: 'DEFAULT' | 'TUNNEL_ONLY' | 'FORWARD_ONLY', secure: boolean): Route['open'] =>
  async (t) => {
    const proxy = await httpProxy(t, secure ? { tls: proxyCertificate } : {})
    return { proxy, options: { tls, proxy: new HTTPProxy(proxy.url, { mode, verify }) } }
  }

const socksRoute =
  (scheme: string): Route['open'] =>
  async (t) => {
    const proxy = await socksProxy(t)
    const url = proxy.url.replace('socks5', scheme)
    return { proxy, options: { tls, proxy: url, lookup: toLoopback } }
  }

const routes: Route[] = [
  { name: 'an http proxy', open: httpRoute('DEFAULT', false), http: 'forward', https: 'tunnel' },
  { name: 'an https proxy', open: httpRoute('DEFAULT', true), http: 'forward', https: 'tunnel' },
  {
    name: 'an http proxy, TUNNEL_ONLY',
    open: httpRoute('TUNNEL_ONLY', false),
    http: 'tunnel',
    https: 'tunnel',
  },
  {
    name: 'an https proxy, TUNNEL_ONLY',
    open: httpRoute('TUNNEL_ONLY', true),
    http: 'tunnel',
    https: 'tunnel',
  },
  {
    name: 'an http proxy, FORWARD_ONLY',
    open: httpRoute('FORWARD_ONLY', false),
    http: 'forward',
    https: 'forward',
  },
  { name: 'socks5', open: socksRoute('socks5'), http: 'tunnel', https: 'tunnel' },
  { name: 'socks5h', open: socksRoute('socks5h'), http: 'tunnel', https: 'tunnel' },
]

for (const route of routes) {
  for (const scheme of ['http', 'https'] as const) {
    describe(`${scheme} through ${route.name}`, () => {
      const start = async (t: TestContext) => {
        const { proxy, options } = await route.open(t)
        const target = await origins(t)
        const pool = openPool(t, options)
        const origin = `${scheme}://a.test:${target[scheme]}`
        const get = async (path = '/', more: Partial<DispatchRequest> = {}) => {
          const response = await pool.request({ origin, path, ...more })
          return { status: response.status, text: await response.text() }
        }
        return { proxy, pool, origin, get, target, authority: `a.test:${target[scheme]}` }
      }
      const forwards = route[scheme] === 'forward'

      test('three GET requests on one connection', async (t) => {
        const { get, proxy, authority, target, pool } = await start(t)
        for (let i = 0; i < 3; i++) {
          const answer = { status: 200, text: `GET /?q=${i} ${authority} 0` }
          assert.deepEqual(await get(`/?q=${i}`), answer)
        }
        assert.equal(proxy.clients.length, 1)
        assert.equal(proxy.targets.length, forwards ? 3 : 1)
        const isAddress = route.name === 'socks5'
        const asked = isAddress ? `127.0.0.1:${target[scheme]}` : authority
        assert.ok(proxy.targets.every((each) => each === asked))
        assert.equal(pool.stats().idle, 1)
        pool.assertQuiescent()
      })

      test('9, 30, R2, R3 the request line and Host for each hop', async (t) => {
        const { get, proxy, authority, target } = await start(t)
        await get('/path?q')
        assert.match(at(target.seen, 0).head, /^GET \/path\?q\r\n/)
        assert.ok(at(target.seen, 0).head.includes(`\r\nHost: ${authority}\r\n`))
        if (route.name.startsWith('socks')) return assert.deepEqual(proxy.heads, [])
        const line = forwards
          ? `GET ${scheme}://${authority}/path?q HTTP/1.1`
          : `CONNECT ${authority} HTTP/1.1`
        assert.deepEqual(proxy.heads, [`${line}\r\nHost: ${authority}\r\n\r\n`])
      })

      test('POST of bytes, and of a stream', async (t) => {
        const { get, target } = await start(t)
        const body = Buffer.alloc(1_000_000, 'x')
        assert.match((await get('/', { method: 'POST', body })).text, /^POST .* 1000000$/)
        const stream = Readable.from([body, body])
        assert.match((await get('/', { method: 'POST', body: stream })).text, /^POST .* 2000000$/)
        assert.ok(at(target.seen, 1).body.every((byte) => byte === 0x78))
      })

      test('a large body, streamed', async (t) => {
        const { pool, origin } = await start(t)
        const response = await pool.request({ origin, path: '/large' })
        let length = 0
        for await (const chunk of response) {
          for (let at = 0; at < chunk.length; at += 9973) {
            assert.equal(chunk[at], Math.floor((length + at) / 100_000) & 0xff)
          }
          length += chunk.length
        }
        assert.equal(length, LARGE)
      })

      test('an upgrade', async (t) => {
        const { pool, origin } = await start(t)
        const socket = await new Promise<import('node:stream').Duplex>((resolve, reject) => {
          const headers = ['connection', 'upgrade', 'upgrade', 'echo']
          pool.dispatch(
            { origin, path: '/', headers },
            {
              onHead: (head) => reject(new Error(`${head.status}`)),
              onData() {},
              onEnd() {},
              onError: reject,
              onUpgrade: (socket) => resolve(socket),
            },
          )
        })
        socket.write('hello')
        assert.equal(String((await once(socket, 'data'))[0]), 'hello')
        socket.destroy()
        pool.assertQuiescent()
      })

      test('no response: a ReadTimeout', async (t) => {
        const { get, pool } = await start(t)
        await get()
        const timeouts = { read: 50 }
        await assert.rejects(get('/silent', { timeouts }), ReadTimeout)
        pool.assertQuiescent()
        assert.equal((await get()).status, 200)
      })

      test('an aborted request frees its connection', async (t) => {
        const { pool, origin, get } = await start(t)
        const controller = new AbortController()
        const failed = pool.request({ origin, path: '/', signal: controller.signal })
        controller.abort(new Error('enough'))
        await assert.rejects(failed, /enough/)
        pool.assertQuiescent()
        assert.equal((await get()).status, 200)
      })
    })
  }
}

describe('10 connections are shared', () => {
  test('by all http origins of a forwarding proxy', async (t) => {
    const proxy = await httpProxy(t)
    const one = await origins(t)
    const two = await origins(t)
    const pool = openPool(t, { proxy: proxy.url })
    for (const [host, { http }] of [['a.test', one] as const, ['b.test', two] as const]) {
      const response = await pool.request({ origin: `http://${host}:${http}`, path: '/' })
      assert.equal(await response.text(), `GET / ${host}:${http} 0`)
    }
    assert.equal(proxy.clients.length, 1)
    assert.deepEqual(proxy.targets, [`a.test:${one.http}`, `b.test:${two.http}`])
    assert.equal(pool.stats().origins, 1)
  })

  for (const scheme of ['http', 'https'] as const) {
    test(`by the requests of only one origin in a tunnel: ${scheme}`, async (t) => {
      const proxy = await httpProxy(t)
      const target = await origins(t)
      const pool = openPool(t, { proxy: new HTTPProxy(proxy.url, { mode: 'TUNNEL_ONLY' }), tls })
      for (const host of ['a.test', 'b.test', 'a.test', 'b.test']) {
        const response = await pool.request({
          origin: `${scheme}://${host}:${target[scheme]}`,
          path: '/',
        })
        assert.equal(await response.text(), `GET / ${host}:${target[scheme]} 0`)
      }
      assert.equal(proxy.clients.length, 2)
      assert.deepEqual(proxy.targets, [`a.test:${target[scheme]}`, `b.test:${target[scheme]}`])
    })
  }

  test('TLS sessions with the proxy and with the origin are resumed separately', async (t) => {
    const proxy = await httpProxy(t, { tls: proxyCertificate })
    const target = await origins(t)
    const pool = openPool(t, { proxy: new HTTPProxy(proxy.url, { verify }), tls })
    const origin = `https://a.test:${target.https}`
    const headers = ['connection', 'close']
    for (let i = 0; i < 3; i++) await (await pool.request({ origin, path: '/', headers })).text()
    assert.deepEqual(proxy.resumed, [false, true, true])
    assert.deepEqual(target.resumed, [false, true, true])
  })
})

/** Returns the names of the secrets that are in the text. */
function secretsIn(text: string): string[] {
  return Object.entries(SECRETS)
    .filter(([, secret]) => text.includes(secret))
    .map(([name]) => name)
}

const SECRETS = {
  proxyAuth: Buffer.from('pröxy:sécret').toString('base64'),
  proxyHeader: 'for-the-proxy-alone',
  originAuth: 'Bearer of-the-origin',
}

describe('30, A4 credentials are sent only to the hop that they are for', () => {
  const cases: [name: string, mode: 'DEFAULT' | 'TUNNEL_ONLY', scheme: 'http' | 'https'][] = [
    ['forwarded http', 'DEFAULT', 'http'],
    ['tunnelled http', 'TUNNEL_ONLY', 'http'],
    ['tunnelled https', 'DEFAULT', 'https'],
  ]
  for (const secure of [false, true]) {
    for (const [name, mode, scheme] of cases) {
      test(`${name}, ${secure ? 'https' : 'http'} proxy`, async (t) => {
        const auth = ['pröxy', 'sécret'] as const
        const proxy = await httpProxy(t, secure ? { auth, tls: proxyCertificate } : { auth })
        const target = await origins(t)
        const url = new URL(proxy.url)
        url.username = 'pröxy'
        url.password = 'sécret'
        const headers = { 'x-proxy': SECRETS.proxyHeader }
        const pool = openPool(t, { proxy: new HTTPProxy(url, { mode, headers, verify }), tls })
        const response = await pool.request({
          origin: `${scheme}://a.test:${target[scheme]}`,
          path: '/',
          headers: ['authorization', SECRETS.originAuth],
        })
        assert.equal(response.status, 200)
        await response.text()
        const isForwarded = mode === 'DEFAULT' && scheme === 'http'
        const ours = ['proxyAuth', 'proxyHeader']
        assert.deepEqual(secretsIn(proxy.heads.join()), [
          ...ours,
          ...(isForwarded ? ['originAuth'] : []),
        ])
        const inTunnel = scheme === 'https' ? [] : ['originAuth']
        assert.deepEqual(secretsIn(proxy.tunnelled.join()), isForwarded ? [] : inTunnel)
        // The proxy of this test forwards fields that it does not know.
        const atOrigin = isForwarded ? ['proxyHeader', 'originAuth'] : ['originAuth']
        assert.deepEqual(secretsIn(at(target.seen, 0).head), atOrigin)
        assert.ok(!/proxy-auth/i.test(at(target.seen, 0).head))
      })
    }
  }

  for (const scheme of ['socks5', 'socks5h']) {
    test(`user and password for ${scheme}`, async (t) => {
      const proxy = await socksProxy(t, { auth: ['pröxy', 'sé:cret'] })
      const target = await origins(t)
      const url = proxy.url.replace('socks5://', `${scheme}://pr%C3%B6xy:s%C3%A9%3Acret@`)
      const pool = openPool(t, { proxy: url, lookup: toLoopback })
      const response = await pool.request({ origin: `http://a.test:${target.http}`, path: '/' })
      assert.equal(await response.text(), `GET / a.test:${target.http} 0`)
      assert.deepEqual(proxy.heads, ['pröxy:sé:cret'])
      assert.ok(!/cret/.test(proxy.tunnelled.join() + at(target.seen, 0).head))
    })
  }
})

/** Returns the error of a request. Checks that the pool has nothing left of it. */
async function failure(
  t: TestContext,
  options: PoolOptions,
  origin: string,
  safeToRetry = true,
): Promise<ProxyError | ConnectError | ConnectTimeout> {
  const pool = new ConnectionPool(options)
  t.after(() => pool.close())
  try {
    await pool.request({ origin, path: '/' })
  } catch (error) {
    assert.ok(
      error instanceof ProxyError ||
        error instanceof ConnectError ||
        error instanceof ConnectTimeout,
      String(error),
    )
    pool.assertQuiescent()
    const { connections, origins } = pool.stats()
    assert.deepEqual({ connections, origins }, { connections: 0, origins: 0 })
    assert.equal(error.bytesSent, 0)
    assert.equal(error.safeToRetry, safeToRetry)
    return error
  }
  assert.fail('the request succeeded')
}

/** Returns a port without a listener. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const codeOf = (error: Error) => (error.cause as NodeJS.ErrnoException | undefined)?.code

describe('9, 18 each failure has its own error', () => {
  const HTTP = 'http://a.test'
  const HTTPS = 'https://a.test'

  for (const origin of [HTTP, HTTPS]) {
    test(`the proxy does not listen: ${origin}`, async (t) => {
      for (const scheme of ['http', 'https', 'socks5h']) {
        const proxy = `${scheme}://127.0.0.1:${await unusedPort()}`
        const error = await failure(t, { proxy }, origin)
        assert.ok(error instanceof ProxyError, String(error))
        assert.equal(codeOf(error), 'ECONNREFUSED')
        assert.equal(error.phase, 'tcp')
        assert.equal(error.status, null)
        assert.ok(
          error.message.startsWith(`Could not connect to the proxy ${proxy}: `),
          error.message,
        )
      }
    })

    test(`the name of the proxy is unknown: ${origin}`, async (t) => {
      const lookup: PoolOptions['lookup'] = (host, _options, done) =>
        done(Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' }), [])
      const error = await failure(t, { proxy: 'http://me:secret@proxy.test:1', lookup }, origin)
      assert.ok(error instanceof ProxyError)
      assert.equal(error.phase, 'dns')
      assert.match(
        error.message,
        /^Could not resolve the proxy http:\/\/proxy\.test:1: no proxy\.test \(/,
      )
    })

    test(`the certificate of the proxy is untrusted: ${origin}`, async (t) => {
      const proxy = await httpProxy(t, { tls: proxyCertificate })
      const error = await failure(t, { proxy: proxy.url, tls: { ca: proxyCa.cert } }, origin)
      assert.ok(error instanceof ProxyError)
      assert.equal(codeOf(error), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
      assert.equal(error.phase, 'proxy')
      assert.match(
        error.message,
        /^TLS handshake with the proxy https:\/\/127\.0\.0\.1:\d+ failed: /,
      )
      assert.deepEqual(proxy.heads, [])
    })
  }

  test('the certificate of the proxy has another name', async (t) => {
    const certificate = certificateFor(['other.test'], { ca: proxyCa })
    const proxy = await httpProxy(t, { tls: certificate })
    const error = await failure(t, { proxy: new HTTPProxy(proxy.url, { verify }) }, HTTPS)
    assert.ok(error instanceof ProxyError)
    assert.equal(codeOf(error), 'ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('the proxy requires credentials, or refuses them', async (t) => {
    const proxy = await httpProxy(t, { auth: ['me', 'right'] })
    const without = await failure(t, { proxy: proxy.url }, HTTPS, false)
    assert.ok(without instanceof ProxyError)
    assert.deepEqual([without.status, without.reason], [407, 'Proxy Authentication Required'])
    assert.match(
      without.message,
      /^The proxy http:\/\/127\.0\.0\.1:\d+ requires credentials for a tunnel to a\.test:443: 407 Proxy Authentication Required: who are you\? \(GET /,
    )
    const wrong = await failure(t, { proxy: proxy.url.replace('//', '//me:wr0ng@') }, HTTPS, false)
    assert.match(wrong.message, /refused the credentials for a tunnel to a\.test:443: 407 /)
    assert.ok(!inspect(wrong).includes('wr0ng'))
    assert.ok(!inspect(wrong).includes(Buffer.from('me:wr0ng').toString('base64')))
  })

  const answers: [name: string, answer: string, status: number | null, message: RegExp][] = [
    [
      '403',
      'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
      403,
      /refused .*: 403 Forbidden: no \(/,
    ],
    [
      '502 until close',
      'HTTP/1.1 502 Bad\r\n\r\noh\x1b[31m dear',
      502,
      /: 502 Bad: oh \[31m dear \(/,
    ],
    [
      'a redirect',
      'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
      302,
      /: 302 Found \(/,
    ],
    ['garbage', '\x16\x03\x01garbage', null, /sent an invalid response to CONNECT a\.test:443: /],
    ['101', 'HTTP/1.1 101 Switching\r\n\r\n', null, /status 101 switches/],
  ]
  for (const [name, answer, status, message] of answers) {
    test(`the response to CONNECT is ${name}`, async (t) => {
      const proxy = await httpProxy(t, {
        answerConnect: (_, client) => {
          setImmediate(() => client.end())
          return answer
        },
      })
      const error = await failure(t, { proxy: proxy.url }, HTTPS, status !== 403)
      assert.ok(error instanceof ProxyError)
      assert.equal(error.status, status)
      assert.match(error.message, message)
      assert.equal(error.phase, 'proxy')
      assert.equal(error.cause instanceof RemoteProtocolError, status === null)
    })
  }

  for (const [status, isSafe] of [
    [403, false],
    [404, false],
    [407, false],
    [408, true],
    [429, true],
    [502, true],
    [503, true],
  ] as const) {
    test(`a retry of a CONNECT that was refused with ${status} is ${isSafe ? '' : 'not '}safe`, async (t) => {
      const answer = `HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`
      const proxy = await httpProxy(t, { answerConnect: () => answer })
      const error = await failure(t, { proxy: proxy.url }, HTTPS, isSafe)
      assert.equal((error as ProxyError).status, status)
    })
  }

  test('the proxy closes without a response', async (t) => {
    for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const proxy = await httpProxy(t, {
        answerConnect: (_, client) => {
          client[end]()
          return ''
        },
      })
      const error = await failure(t, { proxy: proxy.url }, HTTPS)
      assert.ok(error instanceof ProxyError)
      assert.match(error.message, /closed the connection before a tunnel to a\.test:443 was open: /)
    }
  })

  test('the tunnel is closed during the TLS handshake with the origin', async (t) => {
    for (const secure of [false, true]) {
      const proxy = await httpProxy(t, {
        ...(secure ? { tls: proxyCertificate } : {}),
        answerConnect: (_, client) => {
          client.once('data', () => client.destroy())
          return 'HTTP/1.1 200 OK\r\n\r\n'
        },
      })
      const error = await failure(t, { proxy: new HTTPProxy(proxy.url, { verify }) }, HTTPS)
      assert.ok(error instanceof ConnectError, String(error))
      assert.equal(error.phase, 'tls')
      assert.match(
        error.message,
        /^TLS handshake with a\.test through the proxy https?:\S+ failed: /,
      )
    }
  })

  test("33 the origin's certificate is refused, on every route", async (t) => {
    for (const route of routes.filter(({ https }) => https === 'tunnel')) {
      const { options } = await route.open(t)
      const target = await origins(t)
      const untrusted = await failure(t, { ...options, tls: {} }, `https://a.test:${target.https}`)
      assert.ok(untrusted instanceof ConnectError)
      assert.equal(codeOf(untrusted), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
      const other = await failure(t, options, `https://c.test:${target.https}`)
      assert.ok(other instanceof ConnectError)
      assert.equal(codeOf(other), 'ERR_TLS_CERT_ALTNAME_INVALID')
      assert.match(other.message, /^TLS handshake with c\.test:\d+ through the proxy /)
    }
  })

  test('33 TLS settings of the proxy do not apply to the origin, and vice versa', async (t) => {
    const proxy = await httpProxy(t, { tls: proxyCertificate })
    const target = await origins(t)
    const origin = `https://a.test:${target.https}`
    const careless = new HTTPProxy(proxy.url, { verify: false })
    const error = await failure(t, { proxy: careless }, origin)
    assert.ok(error instanceof ConnectError)
    const rejectUnauthorized = false
    const other = await failure(t, { proxy: proxy.url, tls: { rejectUnauthorized } }, origin)
    assert.ok(other instanceof ProxyError)
  })

  test('SOCKS: refusals, and credentials', async (t) => {
    const refusing = await socksProxy(t, { reply: 2 })
    const error = await failure(t, { proxy: refusing.url, lookup: toLoopback }, HTTPS)
    assert.ok(error instanceof ProxyError)
    assert.deepEqual([error.status, error.reason], [null, 'connection not allowed by ruleset'])
    assert.match(
      error.message,
      /^The proxy socks5:\S+ refused a connection to a\.test:443: connection not/,
    )
    const locked = await socksProxy(t, { auth: ['me', 'right'] })
    const url = locked.url.replace('socks5', 'socks5h')
    assert.match(
      (await failure(t, { proxy: url }, HTTPS, false)).message,
      /: it requires credentials \(/,
    )
    const wrong = await failure(t, { proxy: url.replace('//', '//me:wr0ng@') }, HTTPS, false)
    assert.match(wrong.message, /: wrong user or password \(/)
    const long = await failure(t, { proxy: url }, `http://${'a'.repeat(256)}`)
    assert.match(long.message, /cannot connect to a+: The host name has 256 bytes/)
  })

  const silences: [phase: string, open: (t: TestContext) => Promise<string>][] = [
    ['proxy', async (t) => (await httpProxy(t, { answerConnect: () => '' })).url],
    ['proxy', async (t) => (await rawServer(t, () => {})).origin.replace('http', 'https')],
    ['proxy', async (t) => (await rawServer(t, () => {})).origin.replace('http', 'socks5h')],
    [
      'tls',
      async (t) => (await httpProxy(t, { answerConnect: () => 'HTTP/1.1 200 OK\r\n\r\n' })).url,
    ],
  ]
  for (const [phase, open] of silences) {
    test(`silence in phase ${phase}: a ConnectTimeout`, async (t) => {
      const proxy = await open(t)
      const error = await failure(t, { proxy, timeouts: { connect: 50 } }, HTTPS)
      assert.ok(error instanceof ConnectTimeout)
      assert.equal(error.phase, phase)
      assert.ok(
        error.message.startsWith(
          `Could not connect to a.test through the proxy ${proxy} within 50 ms: timed out in phase ${phase} (`,
        ),
        error.message,
      )
    })
  }
})

test('a proxy that sends only a part of its explanation', async (t) => {
  const proxy = await httpProxy(t, {
    answerConnect: () => 'HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\ncome back',
  })
  const error = await failure(t, { proxy: proxy.url, timeouts: null }, 'https://a.test')
  assert.ok(error instanceof ProxyError)
  assert.match(error.message, /: 503 Busy: come back \(/)
})

test('9, S14 bytes after the response to CONNECT are passed to TLS', async (t) => {
  const alert = '\x15\x03\x03\x00\x02\x02\x28' // handshake_failure
  for (const options of [{}, { tls: proxyCertificate }]) {
    const proxy = await httpProxy(t, {
      ...options,
      answerConnect: () => `HTTP/1.1 200 OK\r\n\r\n${alert}`,
    })
    const error = await failure(
      t,
      { proxy: new HTTPProxy(proxy.url, { verify }) },
      'https://a.test',
    )
    assert.ok(error instanceof ConnectError)
    assert.equal(error.phase, 'tls')
    assert.match(error.message, /handshake.?failure/i)
  }
})

test('39 50 failing handshakes through tunnels leave no connections', async (t) => {
  const proxy = await httpProxy(t, { tls: proxyCertificate })
  const target = await origins(t)
  const handles = () =>
    process.getActiveResourcesInfo().filter((name) => /TLS|TCPSOCKET/i.test(name)).length
  const before = handles()
  const pool = openPool(t, {
    proxy: new HTTPProxy(proxy.url, { verify }),
    limits: { maxConnections: 5 },
    timeouts: { connect: 60_000, pool: 60_000 },
  })
  const origin = `https://a.test:${target.https}`
  const asked = Array.from({ length: 50 }, () => pool.request({ origin, path: '/' }))
  const outcomes = await Promise.allSettled(asked)
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
  assert.equal(pool.stats().connections, 0)
  pool.assertQuiescent()
  const left = () => handles() > before || proxy.clients.some(({ destroyed }) => !destroyed)
  for (let turns = 0; turns < 10_000 && left(); turns++) {
    await new Promise(setImmediate)
  }
  assert.equal(proxy.clients.length, 50)
  assert.ok(proxy.clients.every(({ destroyed }) => destroyed))
  assert.equal(handles(), before)
})
