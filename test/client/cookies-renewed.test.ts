// Cookies that servers set or delete during a call, compared with those that the caller gave for it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import type { Auth, Client, ClientOptions, RequestOptions } from '../../src/index.ts'
import { Cookies, DigestAuth, TooManyRedirects } from '../../src/index.ts'
import type { Sent } from './scripted-web.ts'
import { reply, Web } from './scripted-web.ts'

const URL = 'http://h.test/'
const OLD = 'sid=old'

/** The ways to give the cookie `sid=old` for a call. */
const given: Readonly<Record<string, { client?: ClientOptions; request?: RequestOptions }>> = {
  'the option cookies of the request': { request: { cookies: { sid: 'old' } } },
  'the option cookies of the client': { client: { cookies: { sid: 'old' } } },
  'a Cookie field of the request': { request: { headers: { COOKIE: OLD } } },
  'a Cookie field of the client': { client: { headers: { cookie: OLD } } },
}

/** Returns the Cookie field of each request of one call. */
async function sentBy(
  answer: (sent: Sent, count: number) => string,
  call: (client: Client) => Promise<unknown>,
  options: ClientOptions = {},
): Promise<(string | null)[]> {
  const web = new Web(answer)
  await web.within(1000, call(web.client(options)))
  return web.sent.map(({ headers }) => headers.get('cookie'))
}

/** Responds with a redirect to `location` and these Set-Cookie fields, and then with 200. */
function redirect(setCookies: readonly string[], location = '/') {
  const fields = setCookies.map((cookie) => `Set-Cookie: ${cookie}`)
  return (_: Sent, count: number) =>
    count === 1 ? reply(302, [`Location: ${location}`, ...fields]) : reply(200)
}

// httpx#1404, requests#2416. HTTPX sends the old cookie until TooManyRedirects.
describe('60 a cookie that a redirect sets replaces the one that the caller gave', () => {
  for (const [name, { client, request }] of Object.entries(given)) {
    test(`in ${name}`, async () => {
      const get = (each: Client) => each.get(URL, request)
      const renewed = await sentBy(redirect(['sid=new; Path=/']), get, client)
      assert.deepEqual(renewed, [OLD, 'sid=new'])
      const deleted = await sentBy(redirect(['sid=; Path=/; Max-Age=0']), get, client)
      assert.deepEqual(deleted, [OLD, null])
      const expired = 'sid=gone; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'
      assert.deepEqual(await sentBy(redirect([expired]), get, client), [OLD, null])
    })

    test(`in ${name}: a login that redirects until it sees its cookie ends`, async () => {
      const web = new Web(({ headers }) =>
        headers.get('cookie') === 'sid=new'
          ? reply(200)
          : reply(302, ['Location: /', 'Set-Cookie: sid=new; Path=/']),
      )
      assert.equal((await web.within(1000, web.client(client).get(URL, request))).status, 200)
      assert.equal(web.sent.length, 2)
    })
  }

  test('in a jar or Cookies, of whatever domain and path', async () => {
    const cookies = new Cookies({ unscoped: 'old' })
    cookies.set('sid', 'old', { domain: 'h.test', path: '/' })
    cookies.set('other', '1', { domain: 'h.test', path: '/' })
    const jar = new CookieJar()
    jar.setCookieSync('sid=old; Domain=h.test', URL)
    jar.setCookieSync('other=1; Domain=h.test', URL)
    const lines = ['sid=new; Domain=h.test; Path=/', 'unscoped=; Max-Age=0']
    for (const [init, first] of [
      [cookies, 'sid=old; other=1; unscoped=old'],
      [jar, 'sid=old; other=1'],
    ] as const) {
      const get = (client: Client) => client.get('http://sub.h.test/', { cookies: init })
      const sent = await sentBy(redirect(lines), get)
      assert.deepEqual(sent, [first, 'sid=new; other=1'])
    }
  })

  test('and a cookie that the request switched off with null is sent once a server sets it', async () => {
    const get = (client: Client) => client.get(URL, { cookies: { sid: null } })
    const sent = await sentBy(redirect(['sid=new']), get, { cookies: { sid: 'old' } })
    assert.deepEqual(sent, [null, 'sid=new'])
  })

  test('several redirects that set it again', async () => {
    const answer = (_: Sent, count: number) =>
      count < 4 ? reply(307, ['Location: /', `Set-Cookie: sid=${count}`]) : reply(200)
    const get = (client: Client) => client.get(URL, { cookies: { sid: 'old' } })
    assert.deepEqual(await sentBy(answer, get), [OLD, 'sid=1', 'sid=2', 'sid=3'])
    const deletes = (_: Sent, count: number) =>
      count < 3
        ? reply(307, ['Location: /', `Set-Cookie: sid=${count}; Max-Age=${2 - count}`])
        : reply(200)
    assert.deepEqual(await sentBy(deletes, get), [OLD, 'sid=1', null])
  })
})

describe('60 a cookie of the caller stays if what a server set is another cookie', () => {
  const cases: readonly [name: string, setCookie: string, second: string][] = [
    ['of another name', 'other=1', 'sid=old; other=1'],
    ['whose name has another case', 'SID=new', 'sid=old; SID=new'],
    ['of another path', 'sid=new; Path=/x', 'sid=old'],
    ['for another domain, which is refused', 'sid=new; Domain=evil.test', 'sid=old'],
    ['which is Secure, over http', 'sid=new; Secure', 'sid=old'],
    ['which is too large', `sid=${'x'.repeat(5000)}`, 'sid=old'],
  ]
  for (const [name, setCookie, second] of cases) {
    test(name, async () => {
      const headers = { cookie: OLD }
      const sent = await sentBy(redirect([setCookie]), (client) => client.get(URL, { headers }))
      assert.deepEqual(sent, [OLD, second])
      const extra = await sentBy(redirect([setCookie]), (client) =>
        client.get(URL, { cookies: { sid: 'old' } }),
      )
      assert.deepEqual(extra, [OLD, second.split('; ').reverse().join('; ')])
    })
  }

  test('for a path, only the requests below it get the new one', async () => {
    const answer = (_: Sent, count: number) =>
      count === 1
        ? reply(302, ['Location: /app/x', 'Set-Cookie: sid=new; Path=/app'])
        : reply(count === 2 ? 302 : 200, count === 2 ? ['Location: /'] : [])
    const get = (client: Client) => client.get(URL, { cookies: { sid: 'old' } })
    assert.deepEqual(await sentBy(answer, get), [OLD, 'sid=new', OLD])
  })
})

describe('60 a Cookie field of the caller', () => {
  test('is sent byte for byte except for the cookies that were replaced', async () => {
    const field = ' a="1;x=y;  sid=old; nameless;b= 2 ; sidx=1'
    const get = (client: Client) => client.get(URL, { headers: { cookie: field } })
    const sent = await sentBy(redirect(['sid=new', 'nameless=1', 'c=3']), get)
    const trimmed = field.trim()
    assert.deepEqual(sent, [
      trimmed,
      `${trimmed.replace('  sid=old;', '')}; sid=new; nameless=1; c=3`,
    ])
  })

  test('replaces the cookies that the jar had before the call, and only those', async () => {
    const web = new Web((_, count) =>
      count === 1
        ? reply(200, ['Set-Cookie: before=1; Path=/'])
        : count === 2
          ? reply(302, ['Location: /', 'Set-Cookie: during=1; Path=/'])
          : reply(200),
    )
    const client = web.client()
    await web.during(client.get(URL))
    await web.during(client.get(URL, { headers: { cookie: OLD } }))
    await web.during(client.get(URL))
    assert.deepEqual(
      web.sent.map(({ headers }) => headers.get('cookie')),
      [null, OLD, 'sid=old; during=1', 'before=1; during=1'],
    )
  })

  test('is not kept for later calls, and is the first again in each call', async () => {
    const web = new Web((_, count) =>
      count % 2 === 1 ? reply(302, ['Location: /', 'Set-Cookie: sid=new']) : reply(200),
    )
    const client = web.client({ headers: { cookie: OLD } })
    await web.during(client.get(URL))
    await web.during(client.get(URL))
    await web.during(client.get(URL, { headers: { cookie: null } }))
    assert.deepEqual(
      web.sent.map(({ headers }) => headers.get('cookie')),
      [OLD, 'sid=new', OLD, 'sid=new', 'sid=new', 'sid=new'],
    )
  })

  test('given twice: the pairs of both count', async () => {
    const headers: [string, string][] = [
      ['Cookie', 'a=1'],
      ['cookie', 'sid=old'],
    ]
    const get = (client: Client) => client.get(URL, { headers })
    assert.deepEqual((await sentBy(redirect(['sid=new']), get))[1], 'a=1; sid=new')
  })

  test('an empty one is sent as it is', async () => {
    const get = (client: Client) => client.get(URL, { headers: { cookie: '' } })
    assert.deepEqual(await sentBy(redirect(['sid=new']), get), ['', 'sid=new'])
  })
})

describe('60 within one call, in', () => {
  for (const [name, { client, request }] of Object.entries(given)) {
    test(`rounds of Digest authentication: ${name}`, async () => {
      const answer = ({ headers }: Sent) =>
        headers.has('authorization')
          ? reply(200)
          : reply(401, ['WWW-Authenticate: Digest realm="r", nonce="n"', 'Set-Cookie: sid=new'])
      const auth = new DigestAuth('user', 'password')
      const sent = await sentBy(answer, (each) => each.get(URL, { ...request, auth }), client)
      assert.deepEqual(sent, [OLD, 'sid=new'])
    })

    test(`retries: ${name}`, async () => {
      const answer = (_: Sent, count: number) =>
        count === 1
          ? reply(503, ['Retry-After: 0', 'Set-Cookie: sid=; Max-Age=0', 'Set-Cookie: a=1'])
          : reply(200)
      const get = (each: Client) => each.get(URL, { ...request, retries: 1 })
      assert.deepEqual(await sentBy(answer, get, client), [OLD, 'a=1'])
    })

    test(`a nextRequest that the caller sends: ${name}`, async () => {
      const follow = async (each: Client) => {
        const first = await each.get(URL, { ...request, followRedirects: false })
        const next = first.nextRequest
        assert.ok(next)
        await each.send(next)
        // Sending it again is another call with the same beginning.
        await each.send(next)
      }
      const sent = await sentBy(redirect(['sid=new']), follow, client)
      assert.deepEqual(sent, [OLD, 'sid=new', 'sid=new'])
    })
  }

  test('a jar with an asynchronous store', async () => {
    const store = new MemoryCookieStore()
    store.synchronous = false
    const put = store.putCookie.bind(store)
    store.putCookie = ((...args: Parameters<typeof put>) =>
      turn().then(() => put(...args))) as typeof store.putCookie
    const options = { cookies: new CookieJar(store) }
    const get = (client: Client) => client.get(URL, { cookies: { sid: 'old' } })
    const sent = await sentBy(redirect(['sid=new', 'a=1']), get, options)
    assert.deepEqual(sent, [OLD, 'sid=new; a=1'])
  })
})

describe('60 an auth flow', () => {
  /** Sends the cookie before the first request, and another one after a 401. */
  const flow = (first: string | null, second: string): Auth => ({
    async *authFlow(request) {
      if (first !== null) request.headers.set('cookie', first)
      const response = yield request
      if (response.status !== 401) return
      request.headers.set('cookie', second)
      yield request
    },
  })
  const deletes = (_: Sent, count: number) =>
    count === 1 ? reply(401, ['Set-Cookie: sid=; Max-Age=0', 'Set-Cookie: a=1']) : reply(200)

  test('can set a cookie that it has got after the server deleted the old one', async () => {
    const auth = flow(null, 'sid=fresh')
    const get = (client: Client) => client.get(URL, { auth, cookies: { sid: 'old' } })
    assert.deepEqual(await sentBy(deletes, get), [OLD, 'sid=fresh; a=1'])
  })

  test('that repeats a cookie which was sent before does not bring it back', async () => {
    const auth = flow('sid=same', 'sid=same')
    const sent = await sentBy(deletes, (client) => client.get(URL, { auth }))
    assert.deepEqual(sent, ['sid=same', 'a=1'])
    const web = new Web(({ headers }) =>
      headers.get('cookie') === 'sid=new'
        ? reply(200)
        : reply(302, ['Location: /', 'Set-Cookie: sid=new']),
    )
    const call = web.client({ auth }).get(URL)
    await assert.doesNotReject(web.within(1000, call), TooManyRedirects)
  })
})

test('60 at another host, only the cookies for that host are sent', async () => {
  const lines = ['sid=new; Domain=h.test', 'a=1']
  for (const { client, request } of Object.values(given)) {
    const answer = redirect(lines, 'http://other.test/')
    assert.deepEqual(await sentBy(answer, (each) => each.get(URL, request), client), [OLD, null])
    const toSibling = redirect(lines, 'http://sub.h.test/')
    const sent = await sentBy(toSibling, (each) => each.get(URL, request), client)
    assert.deepEqual(sent, [OLD, 'sid=new'])
  }
})

test('60 cookies of servers do not crowd out those of the caller', async () => {
  const large = Array.from({ length: 5 }, (_, i) => `n${i}=${'x'.repeat(4000)}`)
  const headers = { cookie: `a=1; ${OLD}` }
  const get = (client: Client) => client.get(URL, { headers, cookies: { b: '2' } })
  const [, second] = await sentBy(redirect(['sid=new', ...large]), get)
  const names = second?.split('; ').map((pair) => pair.split('=')[0])
  assert.deepEqual(names, ['a', 'sid', 'n0', 'n1', 'n2', 'n3', 'b'])
  assert.ok((second?.length ?? 0) <= 16_384)
})
