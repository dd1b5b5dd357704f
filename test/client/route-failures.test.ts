// Failures on the route to a server, as the caller of a client sees them. The bytes of proxies and
// tunnels are tested in test/engine/proxies.test.ts and test/connection/tunnel.test.ts.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { ClientOptions, TransportError } from '../../src/index.ts'
import {
  Client,
  ConnectError,
  ConnectTimeout,
  HTTPProxy,
  PoolTimeout,
  ProxyError,
  Request,
} from '../../src/index.ts'
import { rawServer, toLoopback } from '../engine/servers.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { startOriginServer } from '../support/origin-server.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'

const ca = certificateAuthority()
const proxyCa = certificateAuthority('Proxy CA')
const tls = certificateFor(['a.test'], { ca })
const proxyTls = certificateFor(['127.0.0.1'], { ca: proxyCa })

const HTTP = 'http://a.test/'
const HTTPS = 'https://a.test/'
const pendingLookup: NonNullable<ClientOptions['lookup']> = () => {}
const failingLookup: NonNullable<ClientOptions['lookup']> = (host, _options, done) =>
  done(Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' }), [])

interface Failing {
  readonly options: ClientOptions
  readonly url: string
}

interface Expected {
  readonly type: typeof TransportError
  readonly phase: string
  readonly message: RegExp
  /** The code of the cause. */
  readonly code?: string
  /** The status of a ProxyError. */
  readonly status?: number
}

type Case = readonly [name: string, start: (t: TestContext) => Promise<Failing>, expected: Expected]

/** Starts a proxy that sends this response to CONNECT, and then closes the connection. */
const respondingWith = (answer: string, url = HTTPS) =>
  async function start(t: TestContext): Promise<Failing> {
    const answerConnect = (_: string, client: Socket) => {
      setImmediate(() => client.end())
      return answer
    }
    return { options: { proxies: (await httpProxy(t, { answerConnect })).url }, url }
  }

const closedPort = async (t: TestContext) => {
  const { server, port } = await rawServer(t, () => {})
  await new Promise((resolve) => server.close(resolve))
  return port
}

const PROXY = String.raw`the proxy (?:https?|socks5h?)://127\.0\.0\.1:\d+`

const unreachable = (scheme: string, url: string): Case => [
  `no ${scheme} proxy listens, for ${url}`,
  async (t) => ({ options: { proxies: `${scheme}://127.0.0.1:${await closedPort(t)}` }, url }),
  {
    type: ProxyError,
    phase: 'tcp',
    code: 'ECONNREFUSED',
    message: RegExp(
      `^Could not connect to ${PROXY}: .*ECONNREFUSED.* \\(GET ${url}(?: through ${PROXY})?, after \\d+ ms`,
    ),
  },
]

const refused = (status: number, reason: string, what: string): Case => [
  `CONNECT is refused with ${status}`,
  respondingWith(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 5\r\n\r\nsorry`),
  {
    type: ProxyError,
    phase: 'proxy',
    status,
    message: RegExp(
      `^The proxy http:\\S+ ${what} a tunnel to a\\.test:443: ${status} ${reason}: sorry \\(GET`,
    ),
  },
]

const invalidCertificate = (
  name: string,
  start: (t: TestContext) => Promise<string | HTTPProxy>,
): Case => [
  `the server's certificate is invalid, through ${name}`,
  async (t) => {
    const { port } = await startOriginServer(t, { tls })
    const options = { proxies: await start(t), verify: { ca: ca.cert }, lookup: toLoopback }
    return { options, url: `https://b.test:${port}/` }
  },
  {
    type: ConnectError,
    phase: 'tls',
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    message: RegExp(`^TLS handshake with b\\.test:\\d+ through ${PROXY} failed: .*b\\.test`),
  },
]

const cases: Case[] = [
  ...['http', 'https', 'socks5h'].map((scheme) => unreachable(scheme, HTTPS)),
  unreachable('http', HTTP),
  [
    'the host name of the proxy is unknown',
    async () => ({ options: { proxies: 'http://p.test', lookup: failingLookup }, url: HTTPS }),
    {
      type: ProxyError,
      phase: 'dns',
      code: 'ENOTFOUND',
      message: /^Could not resolve the proxy http:\/\/p\.test: no p\.test \(GET https:\/\/a\.test/,
    },
  ],
  [
    'the certificate of the proxy is invalid',
    async (t) => {
      // The client's `verify` does not apply to the proxy.
      const proxies = (await httpProxy(t, { tls: proxyTls })).url
      return { options: { proxies, verify: { ca: proxyCa.cert } }, url: HTTPS }
    },
    {
      type: ProxyError,
      phase: 'proxy',
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      message:
        /^TLS handshake with the proxy https:\S+ failed: unable to verify .* \(GET https:\/\/a\.test/,
    },
  ],
  [
    'an https proxy does not use TLS',
    async (t) => {
      const { port } = await rawServer(t, (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))
      return { options: { proxies: `https://127.0.0.1:${port}` }, url: HTTP }
    },
    {
      type: ProxyError,
      phase: 'proxy',
      message: /^TLS handshake with the proxy https:\S+ failed: /,
    },
  ],
  refused(403, 'Forbidden', 'refused'),
  refused(407, 'Who', 'requires credentials for'),
  refused(502, 'Bad Gateway', 'refused'),
  [
    'the response to CONNECT is invalid',
    respondingWith('\x16\x03\x01garbage'),
    {
      type: ProxyError,
      phase: 'proxy',
      code: 'HAWSER_REMOTE_PROTOCOL_ERROR',
      message: /^The proxy http:\S+ sent an invalid response to CONNECT a\.test:443: /,
    },
  ],
  [
    'the proxy closes the connection without a response to CONNECT',
    respondingWith(''),
    {
      type: ProxyError,
      phase: 'proxy',
      message: /^The proxy http:\S+ closed the connection before a tunnel to a\.test:443 was open/,
    },
  ],
  [
    'the tunnel is closed during the TLS handshake',
    respondingWith('HTTP/1.1 200 OK\r\n\r\n'),
    {
      type: ConnectError,
      phase: 'tls',
      message: RegExp(`^TLS handshake with a\\.test through ${PROXY} failed: `),
    },
  ],
  invalidCertificate('an http proxy', async (t) => (await httpProxy(t)).url),
  invalidCertificate('an https proxy', async (t) => {
    const { url } = await httpProxy(t, { tls: proxyTls })
    return new HTTPProxy(url, { verify: { ca: proxyCa.cert } })
  }),
  invalidCertificate('socks5', async (t) => (await socksProxy(t)).url),
  [
    'SOCKS is refused',
    async (t) => {
      const { url } = await socksProxy(t, { reply: 2 })
      return { options: { proxies: url, lookup: toLoopback }, url: HTTPS }
    },
    {
      type: ProxyError,
      phase: 'proxy',
      message: /^The proxy socks5:\S+ refused a connection to a\.test:443: .* by ruleset/,
    },
  ],
  [
    'the unix socket does not exist',
    async () => ({ options: { uds: '/nowhere/socket' }, url: HTTP }),
    {
      type: ConnectError,
      phase: 'tcp',
      code: 'ENOENT',
      message: /^Could not connect to a\.test \(\/nowhere\/socket\): .*ENOENT/,
    },
  ],
]

const silent = async (t: TestContext) => (await rawServer(t, () => {})).port

/** Peers that send nothing, for each step of each route, and the phase of the error. */
const silentPeers: [name: string, phase: string, start: (t: TestContext) => Promise<Failing>][] = [
  [
    'name resolution of a server',
    'dns',
    async () => ({ options: { lookup: pendingLookup }, url: HTTPS }),
  ],
  [
    'TLS with a server',
    'tls',
    async (t) => ({ options: { lookup: toLoopback }, url: `https://a.test:${await silent(t)}/` }),
  ],
  [
    'name resolution of a proxy',
    'dns',
    async () => ({ options: { proxies: 'http://p.test', lookup: pendingLookup }, url: HTTP }),
  ],
  [
    'name resolution of a server, for socks5',
    'dns',
    async (t) => {
      const proxies = (await socksProxy(t)).url
      return { options: { proxies, lookup: pendingLookup }, url: HTTPS }
    },
  ],
  [
    'TLS with a proxy',
    'proxy',
    async (t) => ({ options: { proxies: `https://127.0.0.1:${await silent(t)}` }, url: HTTP }),
  ],
  [
    'CONNECT',
    'proxy',
    async (t) => ({ options: { proxies: `http://127.0.0.1:${await silent(t)}` }, url: HTTPS }),
  ],
  [
    'SOCKS',
    'proxy',
    async (t) => ({ options: { proxies: `socks5h://127.0.0.1:${await silent(t)}` }, url: HTTP }),
  ],
  [
    'TLS in a tunnel',
    'tls',
    async (t) => {
      const { url } = await httpProxy(t, { answerConnect: () => 'HTTP/1.1 200 OK\r\n\r\n' })
      return { options: { proxies: url }, url: HTTPS }
    },
  ],
]

/** Fails twice with a pool of one connection: the second call shows that the first released it. */
async function failTwice(t: TestContext, { options, url }: Failing): Promise<TransportError> {
  const client = new Client({ trustEnv: false, poolLimits: { maxConnections: 1 }, ...options })
  t.after(() => client.close())
  const errors: TransportError[] = []
  for (let i = 0; i < 2; i++) {
    const outcome: unknown = await client.get(url).catch((error) => error)
    assert.ok(outcome instanceof Error, 'the call succeeded')
    errors.push(outcome as TransportError)
    const pools = inspect(client).match(/<ConnectionPool \[[^\]]*\]>/g)!
    for (const pool of pools) {
      assert.equal(pool, '<ConnectionPool [0 connections: 0 connecting, 0 active, 0 idle]>')
    }
  }
  const [first, second] = errors as [TransportError, TransportError]
  assert.deepEqual([second.code, second.phase], [first.code, first.phase])
  assert.ok(first.request instanceof Request)
  const isFinal = /: 40[37] |wrong user|requires credentials|does not accept a user/.test(
    first.message,
  )
  assert.deepEqual([first.bytesSent, first.safeToRetry], [0, !isFinal])
  return first
}

describe('18 each failure has a different error', () => {
  for (const [name, start, { type, phase, message, code, status }] of cases) {
    test(name, async (t) => {
      const error = await failTwice(t, await start(t))
      assert.ok(error instanceof type && error.constructor === type, String(error))
      assert.match(error.message, message)
      assert.equal(error.phase, phase)
      if (code !== undefined) assert.equal((error.cause as NodeJS.ErrnoException).code, code)
      if (error instanceof ProxyError) assert.equal(error.status, status ?? null)
    })
  }
})

describe('a peer that sends nothing: ConnectTimeout with the phase', () => {
  for (const [name, phase, start] of silentPeers) {
    test(name, async (t) => {
      const failing = await start(t)
      const error = await failTwice(t, {
        ...failing,
        options: { timeout: { connect: 40 }, ...failing.options },
      })
      assert.ok(error instanceof ConnectTimeout, String(error))
      assert.equal(error.phase, phase)
      const proxy = failing.options.proxies
      const ends = [new URL(failing.url).host, ...(proxy === undefined ? [] : [String(proxy)])]
      for (const end of ends) assert.ok(error.message.includes(end), error.message)
      assert.ok(
        error.message.includes(`within 40 ms: timed out in phase ${phase} (GET `),
        error.message,
      )
    })
  }

  test('6, 18 no free connection: PoolTimeout, with the state of the pool', async (t) => {
    const { port } = await startOriginServer(t)
    const proxy = await httpProxy(t)
    const client = new Client({
      trustEnv: false,
      proxies: new HTTPProxy(proxy.url, { mode: 'TUNNEL_ONLY' }),
      poolLimits: { maxConnections: 1 },
    })
    t.after(() => client.close())
    const held = await client.stream('GET', `http://a.test:${port}/cut`)
    const waiting = client.get(`http://b.test:${port}/`, { timeout: { pool: 40 } })
    await assert.rejects(waiting, (error) => {
      assert.ok(error instanceof PoolTimeout)
      assert.match(error.message, /1 connection: 0 connecting, 1 active, 0 idle/)
      return true
    })
    await held.close()
    assert.equal((await client.get(`http://b.test:${port}/`)).status, 200)
  })
})
