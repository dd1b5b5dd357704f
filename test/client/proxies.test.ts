import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { ClientOptions } from '../../src/index.ts'
import {
  Client,
  ClientClosed,
  get,
  HTTPProxy,
  LocalProtocolError,
  ProxyError,
  Request,
} from '../../src/index.ts'
import { httpServer, toLoopback } from '../engine/servers.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { setEnvironment } from '../support/environment.ts'
import { headOf, startOriginServer } from '../support/origin-server.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import type { TestProxy } from '../support/proxies.ts'
import { httpProxy, socksProxy } from '../support/proxies.ts'
import { assertQuiescent } from './route-requests.ts'

const ca = certificateAuthority()
const tls = certificateFor(['a.test', 'b.test'], { ca })
const verify = { ca: ca.cert }

function openClient(t: TestContext, options: ClientOptions): Client {
  const client = new Client({ lookup: toLoopback, verify, ...options })
  t.after(() => {
    assertQuiescent(client)
    return client.close()
  })
  return client
}

const secureTarget = (t: TestContext) => startOriginServer(t, { tls })

/** The number of requests that each proxy received. */
const requestCounts = (...proxies: TestProxy[]) => proxies.map(({ targets }) => targets.length)

describe('proxies', () => {
  test('the most specific key is used; null means a direct connection', async (t) => {
    const { port, heads } = await startOriginServer(t)
    const keys = [
      ...[`http://a.test:${port}`, 'http://a.test', `all://a.test:${port}`, 'all://a.test'],
      ...['http', 'all'],
    ]
    for (let first = 0; first < keys.length; first++) {
      const candidates = keys.slice(first)
      const chosen = await httpProxy(t)
      const others = await httpProxy(t)
      // The most specific key is last.
      const entries = candidates.map((key, i) => [key, i === 0 ? chosen.url : others.url]).reverse()
      const url = `http://a.test:${port}/${first}`
      await openClient(t, { proxies: Object.fromEntries(entries) }).get(url)
      assert.deepEqual(requestCounts(chosen, others), [1, 0], candidates[0])
      await openClient(t, {
        proxies: { ...Object.fromEntries(entries), [candidates[0]!]: null },
      }).get(url)
      assert.deepEqual(requestCounts(chosen, others), [1, 0], `${candidates[0]}: null`)
    }
    assert.equal(heads.length, 2 * keys.length)
  })

  test('by scheme, host and port; a URL without a key is requested directly', async (t) => {
    const { port } = await startOriginServer(t)
    const secure = await secureTarget(t)
    const [http, https, proxyOfB] = [await httpProxy(t), await httpProxy(t), await httpProxy(t)]
    const proxies = { http: http.url, https: https.url, 'all://b.test': proxyOfB.url }
    const client = openClient(t, { proxies })
    await client.get(`http://a.test:${port}`)
    assert.deepEqual(requestCounts(http, https, proxyOfB), [1, 0, 0])
    await client.get(`https://a.test:${secure.port}`)
    assert.deepEqual(requestCounts(http, https, proxyOfB), [1, 1, 0])
    await client.get(`http://b.test:${port}`)
    await client.get(`https://b.test:${secure.port}`)
    assert.deepEqual(requestCounts(http, https, proxyOfB), [1, 1, 2])
    const narrow = openClient(t, { proxies: { [`http://a.test:${port + 1}`]: http.url } })
    await narrow.get(`http://a.test:${port}`)
    await openClient(t, { proxies: { https: https.url } }).get(`http://a.test:${port}`)
    assert.deepEqual(requestCounts(http, https, proxyOfB), [1, 1, 2])
  })

  test('a string, a URL or an HTTPProxy; no proxy for null and {}', async (t) => {
    const { port, heads } = await startOriginServer(t)
    const proxy = await httpProxy(t)
    const url = `http://a.test:${port}`
    for (const given of [proxy.url, new URL(proxy.url), new HTTPProxy(proxy.url)]) {
      await openClient(t, { proxies: given }).get(url)
      await openClient(t, { proxies: { all: given } }).get(url)
    }
    assert.deepEqual(requestCounts(proxy), [6])
    setEnvironment(t, { HTTP_PROXY: proxy.url })
    for (const given of [null, {}, { all: null }, { http: undefined }]) {
      await openClient(t, { proxies: given }).get(url)
    }
    assert.deepEqual([requestCounts(proxy), heads.length], [[6], 10])
  })

  test('10 keys with the same proxy share its connections', async (t) => {
    const { port } = await startOriginServer(t)
    const proxy = await httpProxy(t)
    const given = new HTTPProxy(proxy.url)
    for (const [a, b] of [
      [proxy.url, proxy.url],
      [given, given],
    ] as const) {
      const before = proxy.clients.length
      const client = openClient(t, { proxies: { 'all://a.test': a, 'all://b.test': b } })
      for (const host of ['a', 'b', 'a']) await client.get(`http://${host}.test:${port}`)
      assert.equal(proxy.clients.length - before, 1)
    }
  })

  test('30, A4 user and password of its URL are sent only to the proxy', async (t) => {
    const target = await startOriginServer(t)
    const secure = await secureTarget(t)
    const auth = ['ada', 'sécret'] as const
    const proxy = await httpProxy(t, { auth })
    const socks = await socksProxy(t, { auth })
    for (const { url } of [proxy, socks]) {
      const client = openClient(t, { proxies: url.replace('//', '//ada:s%C3%A9cret@') })
      await client.get(`http://a.test:${target.port}`)
      await client.get(`https://a.test:${secure.port}`)
      assert.doesNotMatch(inspect(client), /cret/)
      assert.match(inspect(client), /<HTTPProxy \[\w+:\/\/127\.0\.0\.1:\d+, DEFAULT, with cred/)
    }
    const heads = [...target.heads, ...secure.heads, ...proxy.tunnelled, ...socks.tunnelled].join()
    assert.doesNotMatch(heads, /proxy-authorization|cret|YWRhOn/i)
    assert.equal(target.heads.length + secure.heads.length, 4)
  })

  test('combined with uds, and invalid values, are a TypeError', () => {
    for (const proxies of ['http://p.test', { http: 'http://p.test' }, {}]) {
      assert.throws(
        () => new Client({ uds: '/s', proxies }),
        (error) => error instanceof TypeError && /^The options uds and proxies/.test(error.message),
      )
    }
    for (const uds of ['', 5, {}]) {
      assert.throws(() => new Client({ uds: uds as string }), TypeError)
    }
    const invalid: [ClientOptions['proxies'], RegExp][] = [
      ['p.test:80', /it must begin with one of http:/],
      [{ ftp: 'http://p.test' }, /proxies\["ftp"\]: expected scheme/],
      [
        { all: 'http://u:hunter2@p.test/path' },
        /"http:\/\/p\.test\/path": it must not have a path/,
      ],
      [{ all: 5 as never }, /proxies\["all"\] must be null, a URL or an HTTPProxy, not number/],
    ]
    for (const [proxies, message] of invalid) {
      assert.throws(
        () => new Client({ proxies }),
        (error) => message.test(String(error)) && !inspect(error).includes('hunter2'),
      )
    }
  })
})

describe('11, 34 proxies of the environment', () => {
  /** Returns the names of the proxies that an http and an https request use. */
  async function routesFor(
    t: TestContext,
    variables: Record<string, string>,
    options?: ClientOptions,
  ) {
    const target = await startOriginServer(t)
    const secure = await secureTarget(t)
    const proxies = { A: await httpProxy(t), B: await httpProxy(t) }
    const named = Object.entries(variables).map(([name, value]) => [
      name,
      value.replace(/^([AB])(\/?)$/, (_, key: 'A' | 'B', slash) => proxies[key].url + slash),
    ])
    setEnvironment(t, Object.fromEntries(named))
    const client = openClient(t, options ?? {})
    // The client has read the variables already.
    setEnvironment(t, { ALL_PROXY: 'http://127.0.0.1:1' })
    const routes: string[] = []
    for (const origin of [`http://a.test:${target.port}`, `https://a.test:${secure.port}`]) {
      const before = requestCounts(proxies.A, proxies.B)
      assert.equal((await client.get(origin)).status, 200)
      const [a, b] = requestCounts(proxies.A, proxies.B).map((count, i) => count - before[i]!)
      routes.push(a! + b! === 0 ? 'direct' : a === 1 ? 'A' : 'B')
    }
    return routes.join(' ')
  }

  const cases: [name: string, variables: Record<string, string>, http: string, options?: object][] =
    [
      ['no variables', {}, 'direct direct'],
      ['HTTP_PROXY', { HTTP_PROXY: 'A' }, 'A direct'],
      ['HTTPS_PROXY', { HTTPS_PROXY: 'A' }, 'direct A'],
      ['ALL_PROXY', { ALL_PROXY: 'A' }, 'A A'],
      ['ALL_PROXY and HTTPS_PROXY', { ALL_PROXY: 'A', HTTPS_PROXY: 'B' }, 'A B'],
      ['lower case has precedence', { http_proxy: 'B', HTTP_PROXY: 'A', https_proxy: 'A' }, 'B A'],
      ['a slash at the end', { ALL_PROXY: 'A/' }, 'A A'],
      ['NO_PROXY', { ALL_PROXY: 'A', NO_PROXY: 'b.test, .test' }, 'direct direct'],
      ['NO_PROXY with other hosts', { ALL_PROXY: 'A', no_proxy: 'b.test,a.test:1,[::/8' }, 'A A'],
      ['70 NO_PROXY with a wildcard', { ALL_PROXY: 'A', NO_PROXY: 'x, *.test' }, 'direct direct'],
      ['70 NO_PROXY=x,*', { ALL_PROXY: 'A', NO_PROXY: 'x,*' }, 'direct direct'],
      ['70 NO_PROXY with a wildcard and a port', { ALL_PROXY: 'A', NO_PROXY: '*:1' }, 'A A'],
      [
        'in a CGI process',
        { REQUEST_METHOD: 'GET', HTTP_PROXY: 'A', HTTPS_PROXY: 'B' },
        'direct B',
      ],
      ['trustEnv: false', { ALL_PROXY: 'A' }, 'direct direct', { trustEnv: false }],
      ['replaced by {}', { ALL_PROXY: 'A' }, 'direct direct', { proxies: {} }],
      ['replaced by null', { ALL_PROXY: 'A' }, 'direct direct', { proxies: null }],
    ]
  for (const [name, variables, expected, options] of cases) {
    test(name, async (t) => assert.equal(await routesFor(t, variables, options), expected))
  }

  test('are ignored with a unix socket', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const uds = join(folder, 'socket')
    const { heads } = await startOriginServer(t, { path: uds })
    setEnvironment(t, { ALL_PROXY: 'http://127.0.0.1:1' })
    assert.equal(
      (await openClient(t, { uds, lookup: undefined }).get('http://localhost/version')).status,
      200,
    )
    assert.match(heads[0]!, /^GET \/version\r\n(.*\r\n)*Host: localhost\r\n/)
  })

  test('are used by the module functions too', async (t) => {
    const { port } = await startOriginServer(t)
    const proxy = await httpProxy(t)
    setEnvironment(t, { http_proxy: proxy.url })
    await get(`http://127.0.0.1:${port}`)
    await get(`http://127.0.0.1:${port}`, { trustEnv: false })
    await get(`http://127.0.0.1:${port}`, { proxies: {} })
    assert.deepEqual(requestCounts(proxy), [1])
  })

  test('an invalid variable fails the requests that need it, and shows no password', async (t) => {
    const { port } = await startOriginServer(t)
    const secure = await secureTarget(t)
    setEnvironment(t, { HTTPS_PROXY: 'http://me:hunter2@p.test:port' })
    const client = openClient(t, {})
    assert.equal((await client.get(`http://a.test:${port}`)).status, 200)
    await assert.rejects(client.get(`https://a.test:${secure.port}/x`), (error) => {
      assert.ok(error instanceof ProxyError)
      assert.equal(error.message, 'HTTPS_PROXY: invalid proxy URL')
      assert.equal(error.request?.method, 'GET')
      assert.doesNotMatch(inspect(error), /hunter2/)
      return true
    })
    assert.equal(secure.heads.length, 0)
  })
})

describe('the route is chosen again after a redirect', () => {
  test('from http to https, and to a host without a proxy', async (t) => {
    const plain = await startOriginServer(t)
    const secure = await secureTarget(t)
    const [http, https] = [await httpProxy(t), await httpProxy(t)]
    const proxies = { http: http.url, https: https.url, 'all://b.test': null }
    const client = openClient(t, { proxies })
    const last = `http://b.test:${plain.port}/last`
    const middle = `https://a.test:${secure.port}/to?${encodeURIComponent(last)}`
    const response = await client.get(
      `http://a.test:${plain.port}/to?${encodeURIComponent(middle)}`,
    )
    assert.equal(response.url.href, last)
    assert.deepEqual(http.targets, [`a.test:${plain.port}`])
    assert.deepEqual(https.targets, [`a.test:${secure.port}`])
  })

  test('a client that is closed meanwhile opens no connection', async (t) => {
    const { port } = await startOriginServer(t)
    const proxy = await httpProxy(t)
    const client: Client = new Client({
      lookup: toLoopback,
      proxies: { 'all://b.test': proxy.url },
      eventHooks: { request: [(request) => request.url.hostname === 'b.test' && client.close()] },
    })
    const to = encodeURIComponent(`http://b.test:${port}`)
    await assert.rejects(client.get(`http://a.test:${port}/to?${to}`), ClientClosed)
    assert.deepEqual(proxy.clients, [])
  })
})

describe('30, A4 Proxy-Authorization as a field of the request', () => {
  const headers = { 'proxy-authorization': 'Basic c2VjcmV0' }

  test('is forwarded, and not sent after a redirect to another origin', async (t) => {
    const { port, heads } = await startOriginServer(t)
    const proxy = await httpProxy(t)
    const client = openClient(t, { proxies: proxy.url })
    const to = (url: string) => `/to?${encodeURIComponent(url)}`
    const back = `http://a.test:${port}/back`
    const away = `http://b.test:${port}${to(back)}`
    await client.get(`http://a.test:${port}/to?/next`, { headers })
    await client.get(`http://a.test:${port}${to(`http://a.test:${port}${to(away)}`)}`, { headers })
    const hasField = proxy.heads.map((head) => head.includes('c2VjcmV0'))
    // A field that was dropped stays dropped for the whole chain.
    assert.deepEqual(hasField, [true, true, true, true, false, false])
    assert.ok(!heads.join().includes('c2VjcmV0'))
  })

  test('is not sent into a tunnel after a redirect to https, other credentials are', async (t) => {
    const connects: string[] = []
    const { origin, server } = await httpServer(t, (request, response) => {
      const location = request.url!.replace('http:', 'https:')
      response.writeHead(302, { location }).end()
    })
    server.on('connect', (request, socket) => {
      connects.push(headOf(request))
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
    })
    const client = openClient(t, { proxies: origin })
    const given = { headers: { ...headers, authorization: 'Bearer x' }, followRedirects: false }
    const { nextRequest } = await client.get('http://a.test/', given)
    assert.equal(nextRequest?.url.href, 'https://a.test/')
    assert.equal(nextRequest?.headers.get('proxy-authorization'), null)
    assert.equal(nextRequest?.headers.get('authorization'), 'Bearer x')
    await assert.rejects(client.get('http://a.test/', { headers }), ProxyError)
    assert.equal(connects.length, 1)
    assert.doesNotMatch(connects[0]!, /c2VjcmV0/)
  })

  test('is refused without a proxy, because the origin would receive it', async (t) => {
    const { port, heads } = await startOriginServer(t)
    const client = openClient(t, { proxies: {} })
    const url = `http://127.0.0.1:${port}`
    await assert.rejects(client.get(url, { headers }), (error) => {
      assert.ok(error instanceof LocalProtocolError)
      assert.match(
        error.message,
        /^Proxy-Authorization must not be sent to an origin; .* HTTPProxy instead$/,
      )
      return true
    })
    assert.deepEqual(heads, [])
    const request = client.buildRequest('GET', url, { headers })
    request.target = 'http://far.test/' // With absolute-form, the origin is used as a proxy.
    await client.send(request)
    assert.match(heads[0] ?? '', /^GET http:\/\/far.test\/\r\n.*c2VjcmV0/s)
  })

  test('is refused for a tunnel before a connection is opened', async (t) => {
    const proxy = await httpProxy(t)
    const client = openClient(t, { proxies: proxy.url, headers })
    await assert.rejects(client.get('https://a.test/'), (error) => {
      assert.ok(error instanceof LocalProtocolError)
      assert.match(
        error.message,
        /^Proxy-Authorization is not sent through a tunnel; set credentials on HTTPProxy/,
      )
      assert.ok(error.request instanceof Request)
      return true
    })
    assert.deepEqual(proxy.clients, [])
  })
})

test('407 is the response to a forwarded request, and a ProxyError for a tunnel', async (t) => {
  const proxy = await httpProxy(t, { auth: ['me', 'right'] })
  const client = openClient(t, { proxies: proxy.url })
  const response = await client.get('http://a.test/')
  assert.deepEqual([response.status, response.text()], [407, 'who are you?'])
  await assert.rejects(client.get('https://a.test/path?secret'), (error) => {
    assert.ok(error instanceof ProxyError)
    assert.deepEqual([error.status, error.reason], [407, 'Proxy Authentication Required'])
    assert.match(
      error.message,
      /^The proxy http:\S+ requires credentials for a tunnel to a\.test:443/,
    )
    assert.doesNotMatch(error.message, /secret/)
    assert.ok(error.request instanceof Request)
    assert.equal(error.request.url.pathname, '/path')
    return true
  })
})

test('close ends calls through proxies too', async (t) => {
  const { port } = await startOriginServer(t)
  const proxy = await httpProxy(t)
  const client = new Client({ proxies: proxy.url })
  await client.get(`http://a.test:${port}`)
  const pending = assert.rejects(client.get(`http://a.test:${port}/silent`), ClientClosed)
  await client.close()
  await pending
  await assert.rejects(client.get(`http://a.test:${port}`), ClientClosed)
  assert.match(inspect(client), /<HTTPProxy .*> <ConnectionPool \[0 connections/)
})

test('22 a polluted Object.prototype changes no route and no TLS check', async (t) => {
  const { port } = await startOriginServer(t)
  const secure = await secureTarget(t)
  const evil = 'http://127.0.0.1:1'
  setEnvironment(t, {})
  const pollution = {
    ...{ proxies: evil, uds: '/evil', http_proxy: evil, HTTPS_PROXY: evil, ALL_PROXY: evil },
    ...{ http: evil, all: evil, verify: false, rejectUnauthorized: false, mode: 'FORWARD_ONLY' },
    ...{ auth: ['evil', 'evil'], headers: { evil: 'yes' } },
  }
  const proxy = await httpProxy(t)
  const proxies = { 'all://b.test': new URL(proxy.url) }
  for (const options of [{}, { proxies }]) {
    const given = { lookup: toLoopback, ...options }
    const client = withPollutedPrototype(pollution, () => new Client(given))
    t.after(() => client.close())
    assert.equal((await client.get(`http://a.test:${port}`)).status, 200)
    await assert.rejects(
      client.get(`https://a.test:${secure.port}`),
      /^ConnectError: TLS handshake with/,
    )
    const pending = withPollutedPrototype(pollution, () => client.get(`http://b.test:${port}`, {}))
    assert.equal((await pending).status, 200)
  }
  assert.deepEqual(requestCounts(proxy), [1])
  assert.doesNotMatch(proxy.heads.join(), /evil|authorization/i)
})
