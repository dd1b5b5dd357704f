import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import { HTTPProxy, Request } from '../../src/index.ts'
import type { Sent } from './scripted-web.ts'
import { reply, Web } from './scripted-web.ts'

/** Forwards all, so that a Proxy-Authorization may be sent at all. */
const proxies = new HTTPProxy('http://proxy.test', { mode: 'FORWARD_ONLY' })
const ofClient: ClientOptions = {
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

const abroad = [
  'http://other.test/',
  'http://home.test:8080/',
  'https://home.test:8443/',
  'http://home.test.other.test/',
  'http://sub.home.test/',
  'http://home.test@other.test/',
  'HTTP://OTHER.test/',
]
const home = [
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

describe('32 elsewhere nothing of the client', () => {
  for (const url of abroad) {
    test(url, async () => {
      const one = await sent(ofClient, url)
      assert.notEqual(one.origin, 'http://home.test')
      const { authorization = '', ...rest } = one.headers.toJSON()
      assert.doesNotMatch(String(authorization), /client|Y2xpZW50/)
      assert.equal(rest['proxy-authorization'], undefined)
      assert.equal(rest.cookie, undefined)
      assert.equal(rest['x-a'], '1')
      const two = await sent(withCookies, url)
      assert.equal(two.headers.get('cookie'), null)
    })
  }
})

describe('32 at home all of it', () => {
  for (const url of home) {
    test(JSON.stringify(url), async () => {
      const one = await sent(ofClient, url)
      assert.equal(one.origin, 'http://home.test')
      assert.equal(one.headers.get('authorization'), `Basic ${btoa('client:secret')}`)
      assert.equal(one.headers.get('proxy-authorization'), 'client')
      assert.equal(one.headers.get('cookie'), 'client=1')
      const two = await sent(withCookies, url)
      assert.equal(two.headers.get('cookie'), 'client=1')
    })
  }
})

test('what the request itself gives goes everywhere', async () => {
  const headers = { Cookie: 'request=1', 'Proxy-Authorization': 'request' }
  const one = await sent(ofClient, 'http://other.test/', { headers, auth: ['request', ''] })
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

test("32 the client's Host is that of its home", async () => {
  const options = { baseUrl: 'http://home.test', headers: { Host: 'inner.test' } }
  assert.equal((await sent(options, '/')).origin, 'http://inner.test')
  assert.equal((await sent(options, 'http://other.test/')).origin, 'http://other.test')
})

test("the client's `auth: null` holds elsewhere too", async () => {
  const one = await sent({ ...ofClient, auth: null, headers: {} }, 'http://user:own@other.test/')
  assert.equal(one.headers.get('authorization'), null)
})

test('cookies of a domain go where they belong', async () => {
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

describe('a request that is sent to another origin in the end', () => {
  const make: readonly [name: string, make: (client: ReturnType<Web['client']>) => Request][] = [
    ["the caller's own Request", () => new Request('GET', 'http://other.test/')],
    [
      'the url was changed',
      (client) => {
        const request = client.buildRequest('GET', '/')
        request.url = 'http://other.test/'
        return request
      },
    ],
  ]
  for (const [name, from] of make) {
    test(name, async () => {
      const web = new Web(() => reply(200))
      const client = web.client(withCookies)
      await web.during(client.send(from(client)))
      assert.deepEqual(web.origins, ['http://other.test'])
      assert.equal(web.sent[0]?.headers.get('authorization'), null)
      assert.equal(web.sent[0]?.headers.get('cookie'), null)
      await web.during(client.send(from(client), { auth: ['own', ''] }))
      assert.equal(web.sent[1]?.headers.get('authorization'), `Basic ${btoa('own:')}`)
    })
  }

  test('and one that comes home', async () => {
    const web = new Web(() => reply(200))
    const client = web.client(withCookies)
    await web.during(client.send(new Request('GET', 'http://home.test/y')))
    assert.equal(web.sent[0]?.headers.get('cookie'), 'client=1')
    assert.ok(web.sent[0]?.headers.has('authorization'))
  })
})

test('over a redirect from elsewhere to home nothing comes back', async () => {
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

test('http and https on default ports are one home, as for redirects', async () => {
  const one = await sent(withCookies, 'https://home.test/')
  assert.equal(one.headers.get('cookie'), 'client=1')
  const back = await sent({ ...withCookies, baseUrl: 'https://home.test' }, 'http://home.test/')
  assert.equal(back.headers.get('cookie'), null)
  assert.equal(back.headers.get('authorization'), null)
})
