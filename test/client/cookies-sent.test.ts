import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Cookie, Store } from 'tough-cookie'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import { Cookies } from '../../src/index.ts'
import { inNode } from './in-node.ts'
import { openClient, recording } from './recorded.ts'
import type { Sent } from './scripted-web.ts'
import { reply, Web } from './scripted-web.ts'

/** Returns the Cookie field of the request to each of these URLs. */
async function sentBy(
  answer: (sent: Sent, count: number) => string,
  urls: readonly string[],
  make: (web: Web) => ReturnType<Web['client']> = (web) => web.client(),
): Promise<(string | null)[]> {
  const web = new Web(answer)
  const client = make(web)
  for (const url of urls) await web.during(client.get(url))
  return web.sent.map(({ headers }) => headers.get('cookie'))
}

describe('35, A6 Set-Cookie is stored and sent', () => {
  const cases: readonly [
    name: string,
    setCookie: readonly string[],
    urls: readonly string[],
    expected: readonly (string | null)[],
  ][] = [
    ['to the same host', ['a=1'], ['http://h.test/', 'http://h.test/x'], [null, 'a=1']],
    ['two cookies', ['a=1', 'b=2'], ['http://h.test/', 'http://h.test/'], [null, 'a=1; b=2']],
    ['to any port', ['a=1'], ['http://h.test/', 'http://h.test:8080/'], [null, 'a=1']],
    ['not to subdomains', ['a=1'], ['http://h.test/', 'http://x.h.test/'], [null, null]],
    [
      'to subdomains with Domain',
      ['a=1; Domain=h.test'],
      ['http://h.test/', 'http://x.h.test/', 'http://xh.test/'],
      [null, 'a=1', null],
    ],
    [
      'not for another domain',
      ['a=1; Domain=evil.test'],
      ['http://h.test/', 'http://evil.test/', 'http://h.test/'],
      [null, null, null],
    ],
    [
      'not for a public suffix',
      ['a=1; Domain=co.uk'],
      ['http://h.co.uk/', 'http://g.co.uk/'],
      [null, null],
    ],
    [
      'to URLs under its path',
      ['a=1; Path=/x'],
      ['http://h.test/', 'http://h.test/x/y', 'http://h.test/xy'],
      [null, 'a=1', null],
    ],
    [
      'longer paths first',
      ['a=1; Path=/', 'b=2; Path=/x'],
      ['http://h.test/', 'http://h.test/x'],
      [null, 'b=2; a=1'],
    ],
    [
      'Secure only by https',
      ['a=1; Secure'],
      ['https://h.test/', 'https://h.test/', 'http://h.test/'],
      [null, 'a=1', null],
    ],
    ['until it expires', ['a=1; Max-Age=0'], ['http://h.test/', 'http://h.test/'], [null, null]],
    [
      'byte for byte',
      ['a="1%20;2', 'b=x=y'],
      ['http://h.test/', 'http://h.test/'],
      [null, 'a="1%20; b=x=y'],
    ],
    [
      'with the name __proto__',
      ['__proto__=1'],
      ['http://h.test/', 'http://h.test/'],
      [null, '__proto__=1'],
    ],
  ]
  for (const [name, setCookie, urls, expected] of cases) {
    test(name, async () => {
      const fields = setCookie.map((cookie) => `Set-Cookie: ${cookie}`)
      const sent = await sentBy((_, count) => reply(200, count === 1 ? fields : []), urls)
      assert.deepEqual(sent, expected)
    })
  }

  for (const status of [204, 302, 401, 404, 500]) {
    test(`from a ${status} response`, async () => {
      const web = new Web(
        () =>
          `HTTP/1.1 ${status} S\r\nSet-Cookie: a=1\r\n${status === 204 ? '' : 'Content-Length: 0\r\n'}\r\n`,
      )
      const client = web.client()
      await web.during(client.get('http://h.test/'))
      assert.equal(client.cookies.get('a'), '1')
    })
  }

  test('from a redirect, sent with the next request', async () => {
    const sent = await sentBy(
      ({ target }) => {
        const remaining = Number(target.slice(1))
        return remaining === 0
          ? reply(200)
          : reply(302, [`Location: /${remaining - 1}`, `Set-Cookie: c${remaining}=1`])
      },
      ['http://h.test/2'],
    )
    assert.deepEqual(sent, [null, 'c2=1', 'c2=1; c1=1'])
  })

  test('from a streamed response, before its body is read', async (t) => {
    const { as } = await recording(t, () => [200, { 'set-cookie': 'a=1' }, 'body'])
    const client = openClient(t)
    const response = await client.stream('GET', as('h'))
    assert.equal(client.cookies.get('a'), '1')
    assert.equal(response.cookies.get('a'), '1')
    await response.close()
  })
})

describe('the cookies of a request', () => {
  test('are merged, replace those of the client, and are not stored', async (t) => {
    const { as, requests } = await recording(t, () => [200, { 'set-cookie': 'a=set' }])
    const client = openClient(t, { cookies: { b: 'client' } })
    await client.get(as('h'))
    await client.get(as('h'), { cookies: { a: 'request', b: null, c: 'request' } })
    await client.get(as('h'))
    assert.deepEqual(
      requests.map(({ headers }) => headers.cookie),
      ['b=client', 'a=request; c=request', 'a=set; b=client'],
    )
  })

  test('a Cookie header is sent unchanged, instead of the cookies of the client', async (t) => {
    const { as, requests } = await recording(t)
    const client = openClient(t, { cookies: { a: '1' } })
    const headers = { COOKIE: 'custom="x"; y' }
    await client.get(as('h'), { headers })
    await client.get(as('h'), { headers, cookies: { b: '2', custom: null, c: '3' } })
    assert.deepEqual(
      requests.map((sent) => sent.headers.cookie),
      ['custom="x"; y', 'custom="x"; y; b=2; c=3'],
    )
    for (const { rawHeaders } of requests) {
      assert.equal(rawHeaders.filter((text) => /^cookie$/i.test(text)).length, 1)
    }
  })

  test('those of a jar are sent by domain and path after a redirect', async () => {
    const hops = ['http://a.test/x/1', 'http://a.test/y', 'http://b.test/', 'http://a.test/x/2']
    const web = new Web((_, count) =>
      count < hops.length ? reply(307, [`Location: ${hops[count]}`]) : reply(200),
    )
    const cookies = new Cookies({ unscoped: '0' })
    cookies.set('x', '1', { domain: 'a.test', path: '/x' })
    cookies.set('b', '2', { domain: 'b.test' })
    await web.during(web.client().get(hops[0]!, { cookies }))
    assert.deepEqual(
      web.sent.map(({ headers }) => headers.get('cookie')),
      ['x=1; unscoped=0', 'unscoped=0', 'b=2', 'x=1'],
    )
  })

  test('35 a value that would inject is refused', async (t) => {
    const { as, sockets } = await recording(t)
    const client = openClient(t)
    for (const value of ['1; b=2', '1\r\nx: y', '1\0']) {
      await assert.rejects(
        client.get(as('h'), { cookies: { a: value } }),
        /in the value of cookie a/,
      )
    }
    assert.equal(sockets.length, 0)
  })
})

describe('jars', () => {
  test('Cookies are shared, not copied', async (t) => {
    const { as } = await recording(t, () => [200, { 'set-cookie': 'a=1' }])
    const cookies = new Cookies()
    const client = openClient(t, { cookies })
    assert.equal(client.cookies, cookies)
    await client.get(as('h'))
    assert.equal(cookies.get('a'), '1')
  })

  test("a caller's jar", async (t) => {
    const { as, requests } = await recording(t, () => [200, { 'set-cookie': 'b=2' }])
    const jar = new CookieJar()
    jar.setCookieSync('a=1', as('h'))
    const client = openClient(t, { cookies: jar })
    assert.equal(client.cookies.jar, jar)
    await client.get(as('h'))
    assert.equal(requests[0]?.headers.cookie, 'a=1')
    assert.equal(jar.getCookieStringSync(as('h')), 'a=1; b=2')
  })

  test('with an asynchronous store', async (t) => {
    const { as, requests } = await recording(t, () => [200, { 'set-cookie': 'a=1' }])
    const jar = new CookieJar(new AsyncStore())
    const client = openClient(t, { cookies: jar })
    await client.get(as('h'))
    await client.get(as('h'))
    assert.equal(requests[1]?.headers.cookie, 'a=1')
    assert.throws(() => client.cookies.get('a'), /asynchronous/)
  })

  test('with a store that fails: the call fails, and nothing is sent', async () => {
    const failure = new Error('disk full')
    const store = new AsyncStore()
    store.findCookies = ((...given: ((error: Error) => void)[]) => given.at(-1)?.(failure)) as never
    const web = new Web(() => reply(200))
    const client = web.client({ cookies: new CookieJar(store) })
    await assert.rejects(web.during(client.get('http://h.test/')), { cause: failure })
    assert.equal(web.sent.length, 0)
    assert.equal(web.backend.holdCount, 0)
  })

  /** An asynchronous store. */
  class AsyncStore extends MemoryCookieStore implements Store {
    override synchronous = false

    override putCookie(cookie: Cookie, callback?: (error: Error | null) => void): Promise<void> {
      const put = new Promise<void>((resolve) => setImmediate(resolve))
        .then(() => super.putCookie(cookie))
        .then(() => callback?.(null))
      return put
    }
  }
})

test('tough-cookie is not loaded without cookies', async (t) => {
  const { origin } = await recording(t)
  const loaded = await inNode(async ({ Client }, url) => {
    const { Module } = await import('node:module').then((all) => ({ Module: all.default }))
    const cached = () =>
      Object.keys((Module as unknown as { _cache: object })._cache).filter((path) =>
        path.includes('tough-cookie'),
      ).length > 0
    const client = new Client({ trustEnv: false })
    const results: boolean[] = []
    await client.get(url)
    await client.post(url, { json: 1, cookies: { a: '1' } })
    client.cookies.set('b', '2')
    await client.get(url)
    results.push(cached())
    client.cookies.set('c', '3', { domain: 'h.test' })
    results.push(cached())
    console.log(JSON.stringify(results))
  }, origin)
  assert.equal(loaded, '[false,true]')
})
