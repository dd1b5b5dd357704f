import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import { HTTPProxy, Request } from '../../src/index.ts'
import type { Sent } from './scripted-web.ts'
import { reply, Web } from './scripted-web.ts'

/** Forwards all requests: Proxy-Authorization is sent only in forwarded requests. */
const proxies = new HTTPProxy('http://proxy.test', { mode: 'FORWARD_ONLY' })
const clientOptions: ClientOptions = {
  proxies,
  baseUrl: 'http://home.test/api',
  auth: ['client', 'secret'],
  headers: {
    Authorization: 'client',
    Cookie: 'client=1',
    'Proxy-Authorization': 'client',
    'x-a': '1',
  },
}
const withCookies: ClientOptions = {
  baseUrl: 'http://home.test/api',
  auth: ['client', 'secret'],
  cookies: { client: '1' },
}

const otherOrigins = [
  'http://other.test/',
  'http://home.test:8080/',
  'https://home.test:8443/',
  'http://home.test.other.test/',
  'http://sub.home.test/',
  'http://home.test@other.test/',
  'HTTP://OTHER.test/',
]
const ownOrigin = [
  '/x',
  'x',
  '//other.test/x',
  '\\\\other.test/x',
  'http://home.test/x',
  'http://HOME.test:80/',
  '',
]

async function sent(
  options: ClientOptions,
  url: string,
  request: RequestOptions = {},
): Promise<Sent> {
  const web = new Web(() => reply(200))
  await web.during(web.client(options).get(url, request))
  const [first] = web.sent
  assert.ok(first)
  return first
}

describe('32 requests to other origins get no credentials of the client', () => {
  for (const url of otherOrigins) {
    test(url, async () => {
      const one = await sent(clientOptions, url)
      assert.notEqual(one.origin, 'http://home.test')
      const { authorization = '', ...others } = one.headers.toJSON()
      assert.doesNotMatch(String(authorization), /client|Y2xpZW50/)
      assert.equal(others['proxy-authorization'], undefined)
      assert.equal(others.cookie, undefined)
      assert.equal(others['x-a'], '1')
      const two = await sent(withCookies, url)
      assert.equal(two.headers.get('cookie'), null)
    })
  }
})

describe("56 the client's params are sent only to the origin of baseUrl", () => {
  const options: ClientOptions = { baseUrl: 'http://home.test/api', params: { key: 'SECRET' } }
  for (const url of otherOrigins) {
    test(url, async () => {
      const { target } = await sent(options, url, { params: { own: '1' } })
      assert.equal(target, '/?own=1')
    })
  }
  for (const url of ownOrigin) {
    test(JSON.stringify(url), async () => {
      assert.match((await sent(options, url)).target, /\?key=SECRET$/)
    })
  }
  test('without baseUrl, they are sent to every URL of a call, but not after a redirect', async () => {
    const web = new Web((_, count) =>
      count === 1 ? reply(302, ['Location: http://other.test/']) : reply(200),
    )
    await web.during(web.client({ params: { key: 'SECRET' } }).get('http://home.test/'))
    assert.deepEqual(
      web.sent.map(({ target }) => target),
      ['/?key=SECRET', '/'],
    )
  })
})

describe('32 requests to the origin of baseUrl get all of them', () => {
  for (const url of ownOrigin) {
    test(JSON.stringify(url), async () => {
      const one = await sent(clientOptions, url)
      assert.equal(one.origin, 'http://home.test')
      assert.equal(one.headers.get('authorization'), `Basic ${btoa('client:secret')}`)
      assert.equal(one.headers.get('proxy-authorization'), 'client')
      assert.equal(one.headers.get('cookie'), 'client=1')
      const two = await sent(withCookies, url)
      assert.equal(two.headers.get('cookie'), 'client=1')
    })
  }
})

test('credentials that the request gives are sent to every origin', async () => {
  const headers = { Cookie: 'request=1', 'Proxy-Authorization': 'request' }
  const one = await sent(clientOptions, 'http://other.test/', { headers, auth: ['request', ''] })
  assert.equal(one.headers.get('authorization'), `Basic ${btoa('request:')}`)
  assert.equal(one.headers.get('proxy-authorization'), 'request')
  assert.equal(one.headers.get('cookie'), 'request=1')
  const two = await sent(withCookies, 'http://other.test/', { cookies: { request: '2' } })
  assert.equal(two.headers.get('cookie'), 'request=2')
  const three = await sent(withCookies, 'http://user:own@other.test/')
  assert.equal(three.headers.get('authorization'), `Basic ${btoa('user:own')}`)
  const four = await sent(withCookies, 'http://other.test/', { headers: { authorization: 'own' } })
  assert.equal(four.headers.get('authorization'), 'own')
})

test("32 the client's Host field is sent only to the origin of baseUrl", async () => {
  const options = { baseUrl: 'http://home.test', headers: { Host: 'inner.test' } }
  assert.equal((await sent(options, '/')).origin, 'http://inner.test')
  assert.equal((await sent(options, 'http://other.test/')).origin, 'http://other.test')
})

test("the client's `auth: null` applies to other origins too", async () => {
  const one = await sent(
    { ...clientOptions, auth: null, headers: {} },
    'http://user:own@other.test/',
  )
  assert.equal(one.headers.get('authorization'), null)
})

test('cookies of a domain are sent to that domain', async () => {
  const web = new Web(() => reply(200))
  const client = web.client({ baseUrl: 'http://home.test' })
  client.cookies.set('a', '1', { domain: 'other.test' })
  await web.during(client.get('http://other.test/'))
  await web.during(client.get('/'))
  assert.deepEqual(
    web.sent.map(({ headers }) => headers.get('cookie')),
    ['a=1', null],
  )
})

describe('a request whose URL was changed to another origin', () => {
  const cases: readonly [name: string, make: (client: ReturnType<Web['client']>) => Request][] = [
    ['a Request that the caller created', () => new Request('GET', 'http://other.test/')],
    [
      'a built request with another URL',
      (client) => {
        const request = client.buildRequest('GET', '/')
        request.url = 'http://other.test/'
        return request
      },
    ],
  ]
  for (const [name, make] of cases) {
    test(name, async () => {
      const web = new Web(() => reply(200))
      const client = web.client(withCookies)
      await web.during(client.send(make(client)))
      assert.deepEqual(web.origins, ['http://other.test'])
      assert.equal(web.sent[0]?.headers.get('authorization'), null)
      assert.equal(web.sent[0]?.headers.get('cookie'), null)
      await web.during(client.send(make(client), { auth: ['own', ''] }))
      assert.equal(web.sent[1]?.headers.get('authorization'), `Basic ${btoa('own:')}`)
    })
  }

  test('a Request that the caller created for the origin of baseUrl', async () => {
    const web = new Web(() => reply(200))
    const client = web.client(withCookies)
    await web.during(client.send(new Request('GET', 'http://home.test/y')))
    assert.equal(web.sent[0]?.headers.get('cookie'), 'client=1')
    assert.ok(web.sent[0]?.headers.has('authorization'))
  })
})

test('after a redirect from another origin to that of baseUrl, no credentials are sent', async () => {
  const web = new Web(({ origin }) =>
    origin === 'http://other.test' ? reply(302, ['Location: http://home.test/']) : reply(200),
  )
  await web.during(web.client(withCookies).get('http://other.test/'))
  assert.deepEqual(web.origins, ['http://other.test', 'http://home.test'])
  assert.deepEqual(
    web.sent.map(({ headers }) => [headers.get('authorization'), headers.get('cookie')]),
    [
      [null, null],
      [null, null],
    ],
  )
})

test('credentials are sent to https if baseUrl is http, on default ports, but not vice versa', async () => {
  const one = await sent(withCookies, 'https://home.test/')
  assert.equal(one.headers.get('cookie'), 'client=1')
  const back = await sent({ ...withCookies, baseUrl: 'https://home.test' }, 'http://home.test/')
  assert.equal(back.headers.get('cookie'), null)
  assert.equal(back.headers.get('authorization'), null)
})
