import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import { Client, ClientClosed, delete as del, get, MockDispatcher, post } from '../../src/index.ts'
import { openClient, recording } from './recorded.ts'

interface Case {
  readonly name: string
  readonly client?: ClientOptions
  readonly request?: RequestOptions
  readonly url?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
}

const merging: readonly Case[] = [
  {
    name: 'headers: the request has precedence, regardless of case',
    client: { headers: { 'X-A': 'client', 'x-b': 'client' } },
    request: { headers: { 'x-a': 'request' } },
    headers: { 'x-a': 'request', 'x-b': 'client' },
  },
  {
    name: 'headers: all values of a repeated field are replaced',
    client: { headers: { 'x-a': ['1', '2'] } },
    request: { headers: [['X-A', '3']] },
    headers: { 'x-a': '3' },
  },
  {
    name: 'headers: null removes, undefined is not given',
    client: { headers: { 'x-a': '1', 'x-b': '2', 'user-agent': undefined } },
    request: { headers: { 'X-A': null, 'x-b': undefined, accept: null } },
    headers: { 'x-a': undefined, 'x-b': '2', accept: undefined, 'user-agent': 'hawser/0.1.0' },
  },
  {
    name: 'headers: the whole option is undefined or null',
    client: { headers: null },
    request: { headers: undefined },
    headers: { accept: '*/*', connection: 'keep-alive' },
  },
  {
    name: 'params: the request has precedence, other params of both are kept',
    client: { params: { a: '1', b: ['2', '3'] } },
    request: { params: { b: '4', c: '5' } },
    url: '/p?x=%7e&c=0',
    target: '/p?x=%7e&c=5&a=1&b=4',
  },
  {
    name: 'params: null removes, undefined is not given',
    client: { params: { a: '1', b: '2' } },
    request: { params: { a: null, b: undefined } },
    url: '/p?a=0&z',
    target: '/p?z&b=2',
  },
  {
    name: 'params: without any, the query is unchanged, byte for byte',
    request: { params: {} },
    url: "/p?a=%41&&'b c",
    target: '/p?a=%41&&%27b%20c',
  },
  {
    name: 'cookies: the request has precedence',
    client: { cookies: { a: '1', b: '2' } },
    request: { cookies: { b: '3', c: '4' } },
    headers: { cookie: 'a=1; b=3; c=4' },
  },
  {
    name: 'cookies: null removes, undefined is not given',
    client: { cookies: { a: '1', b: '2' } },
    request: { cookies: { a: null, b: undefined } },
    headers: { cookie: 'b=2' },
  },
  {
    name: 'cookies: no field if all are removed',
    client: { cookies: { a: '1' } },
    request: { cookies: { a: null } },
    headers: { cookie: undefined },
  },
  {
    name: 'auth: the request has precedence',
    client: { auth: ['client', '1'] },
    request: { auth: ['request', '2'] },
    headers: { authorization: basic('request', '2') },
  },
  {
    name: 'auth: undefined is not given',
    client: { auth: ['client', '1'] },
    request: { auth: undefined },
    headers: { authorization: basic('client', '1') },
  },
  {
    name: 'auth: null disables it',
    client: { auth: ['client', '1'] },
    request: { auth: null },
    headers: { authorization: undefined },
  },
  {
    name: 'auth: false disables it',
    client: { auth: ['client', '1'] },
    request: { auth: false },
    headers: { authorization: undefined },
  },
]

describe('options of the client and of the request', () => {
  for (const { name, client, request, url = '/', target = url, headers = {} } of merging) {
    test(name, async (t) => {
      const { origin, requests } = await recording(t)
      await openClient(t, client).get(origin + url, request)
      const [received] = requests
      assert.equal(received?.url, target)
      for (const [field, value] of Object.entries(headers)) {
        assert.equal(received.headers[field], value, field)
      }
    })
  }

  test('followRedirects: the request has precedence', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: '/to' }] : [200],
    )
    const never = openClient(t, { followRedirects: false })
    assert.equal((await never.get(origin)).status, 302)
    assert.equal((await never.get(origin, { followRedirects: true })).status, 200)
    const always = openClient(t)
    assert.equal((await always.get(origin, { followRedirects: false })).status, 302)
    assert.equal((await always.get(origin, { followRedirects: undefined })).status, 200)
  })

  test('options of a request do not affect the next one', async (t) => {
    const { origin, requests } = await recording(t)
    const client = openClient(t, { params: { a: '1' }, cookies: { b: '2' } })
    await client.get(origin, { headers: { x: '1' }, params: { a: '9' }, cookies: { b: '9' } })
    await client.get(origin)
    const second = requests[1]
    assert.equal(second?.url, '/?a=1')
    assert.equal(second.headers.cookie, 'b=2')
    assert.equal(second.headers.x, undefined)
  })

  test('a URL object is not changed', async (t) => {
    const { origin, requests } = await recording(t)
    const url = new URL('/p?a=1', origin)
    await openClient(t).get(url, { params: { a: '2' } })
    assert.equal(url.search, '?a=1')
    assert.equal(requests[0]?.url, '/p?a=2')
  })
})

describe('baseUrl', () => {
  const cases: readonly [base: string, url: string, target: string][] = [
    ['', '/users', '/users'],
    ['', 'users', '/users'],
    ['/api', '/users', '/api/users'],
    ['/api', 'users', '/api/users'],
    ['/api/', '/users', '/api/users'],
    ['/api/', 'users', '/api/users'],
    ['/api', '', '/api'],
    ['/api/', '', '/api/'],
    ['/api', '?a=1', '/api?a=1'],
    ['/api', '//evil.test/x', '/api//evil.test/x'],
    ['', '//evil.test/x', '//evil.test/x'],
    ['/api', '\\\\evil.test/x', '/api//evil.test/x'],
    ['/api', '/\\evil.test/x', '/api//evil.test/x'],
    ['/api', '/@evil.test/', '/api/@evil.test/'],
    ['/api', '../../x', '/x'],
    ['/api', '/a b?c d#e', '/api/a%20b?c%20d'],
    ['/api?key=1', 'users?a=2', '/api/users?key=1&a=2'],
  ]
  for (const [base, url, target] of cases) {
    test(`${JSON.stringify(base)} and ${JSON.stringify(url)}`, async (t) => {
      const { origin, requests } = await recording(t)
      const client = openClient(t, { baseUrl: origin + base })
      await client.get(url)
      assert.equal(requests[0]?.url, target)
      assert.equal(requests[0]?.host, new URL(origin).host)
    })
  }

  test('an absolute URL is used unchanged', async (t) => {
    const { origin, as, requests } = await recording(t)
    const client = openClient(t, { baseUrl: `${origin}/api` })
    await client.get(`${as('other')}/x`)
    await client.get(new URL('/y', origin))
    assert.deepEqual(
      requests.map(({ host, url }) => `http://${host}${url}`),
      [`${as('other')}/x`, `${origin}/y`],
    )
  })
})

describe('an option of the client is refused in a request', () => {
  const options: Required<Omit<ClientOptions, keyof RequestOptions>> = {
    baseUrl: 'http://h/',
    maxRedirects: 1,
    trustEnv: false,
    proxies: {},
    verify: false,
    cert: 'path',
    uds: '/socket',
    app: () => {},
    dispatcher: new MockDispatcher(() => ({})),
    mounts: {},
    backend: 'auto',
    poolLimits: {},
    eventHooks: {},
    maxResponseSize: 1,
    lookup: () => {},
    localAddress: '127.0.0.1',
    onConnect: () => {},
    trace: () => {},
  }
  for (const [name, value] of Object.entries(options)) {
    test(name, async (t) => {
      const client = openClient(t)
      const given = { [name]: value }
      const isRefusal = (error: unknown) =>
        error instanceof TypeError && error.message.startsWith(`${name} is an option of the Client`)
      await assert.rejects(client.get('http://h/', given), isRefusal)
      await assert.rejects(client.stream('GET', 'http://h/', given), isRefusal)
      assert.throws(() => client.buildRequest('GET', 'http://h/', given), isRefusal)
      const request = client.buildRequest('GET', 'http://h/')
      await assert.rejects(client.send(request, given), TypeError)
    })
  }

  test('even if its value is undefined', async (t) => {
    await assert.rejects(openClient(t).get('http://h/', { baseUrl: undefined } as never), TypeError)
  })
})

describe('invalid options', () => {
  const shared: readonly [name: string, options: Record<string, unknown>][] = [
    ['headers', { headers: 1 }],
    ['params', { params: 'a=1' }],
    ['cookies', { cookies: 1 }],
    ['auth', { auth: 'user:secret' }],
    ['auth with three items', { auth: ['user', 'secret', 'secret'] }],
    ['timeout', { timeout: -1 }],
    ['followRedirects', { followRedirects: 'yes' }],
    ['retries', { retries: -1 }],
    ['an unknown option', { secret: 'secret' }],
  ]
  const clientOnly: readonly [name: string, options: Record<string, unknown>][] = [
    ['maxRedirects', { maxRedirects: 1.5 }],
    ['trustEnv', { trustEnv: 'no' }],
    ['backend', { backend: 'vax' }],
    ['poolLimits', { poolLimits: { maxConnections: 0 } }],
    ['eventHooks', { eventHooks: { request: () => {} } }],
    ['an unknown event', { eventHooks: { close: [] } }],
    ['maxResponseSize', { maxResponseSize: -1 }],
  ]
  const hidesSecret = (error: unknown) =>
    error instanceof TypeError &&
    !error.message.includes("secret'") &&
    !/secret"/.test(error.message)
  for (const [name, options] of [...shared, ...clientOnly]) {
    test(`${name}: the constructor throws`, () => {
      assert.throws(() => new Client(options), hidesSecret)
    })
  }
  const methods = ['get', 'options', 'head', 'post', 'put', 'patch', 'delete'] as const
  for (const [name, options] of [...shared, ['null', null as never] as const]) {
    test(`${name}: the methods reject`, async (t) => {
      const client = openClient(t)
      for (const method of methods)
        await assert.rejects(client[method]('http://h/', options), hidesSecret)
      await assert.rejects(client.request('GET', 'http://h/', options), hidesSecret)
      await assert.rejects(client.stream('GET', 'http://h/', options), hidesSecret)
      for (const call of [get, post, del])
        await assert.rejects(call('http://h/', options), hidesSecret)
    })
  }

  test('send rejects a value that is not a Request', async (t) => {
    const client = openClient(t)
    for (const request of [undefined, null, {}, 'http://h/', new Request('http://h/')]) {
      await assert.rejects(client.send(request as never), /send\(\) expects a Request/)
    }
  })

  test('a closed client rejects', async (t) => {
    const client = openClient(t)
    const request = client.buildRequest('GET', 'http://h/')
    await client.close()
    for (const method of methods) await assert.rejects(client[method]('http://h/'), ClientClosed)
    await assert.rejects(client.stream('GET', 'http://h/'), ClientClosed)
    await assert.rejects(client.send(request), ClientClosed)
  })
})

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
