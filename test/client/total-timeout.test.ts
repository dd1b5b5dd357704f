import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import type { ClientOptions } from '../../src/index.ts'
import { DigestAuth, ReadError, Request, TotalTimeout } from '../../src/index.ts'
import type { Reply, Sent } from './scripted-web.ts'
import { reply, Web } from './scripted-web.ts'

const redirect = (target: string) => reply(302, [`Location: ${target}`])
const challenge = reply(401, ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'])

/** Each response takes 400 ms, and the total timeout is 1000 ms. */
const cases: readonly [
  name: string,
  options: ClientOptions,
  answer: (sent: Sent, count: number) => Reply,
  last: string,
][] = [
  ['redirects', {}, (_, count) => redirect(`/${count}`), '/2'],
  ['redirects to other hosts', {}, (_, count) => redirect(`http://h${count}.test/x?secret`), '/x'],
  [
    'auth rounds, then redirects',
    { auth: new DigestAuth('u', 'p') },
    ({ headers }) => (headers.has('authorization') ? redirect('/x') : challenge),
    '/x',
  ],
  ['retries', { retries: 9 }, () => reply(503, ['Retry-After: 0']), '/'],
]

describe('the total timeout includes', () => {
  for (const [name, options, answer, last] of cases) {
    test(name, async () => {
      const web = new Web(() => null)
      const client = web.client({ ...options, timeout: { total: 1000, read: null } })
      const failed = assert.rejects(client.get('http://h.test/'), (error: unknown) => {
        assert.ok(error instanceof TotalTimeout)
        assert.match(error.message, /^The request did not complete within 1000 ms \(GET http:/)
        assert.match(error.stack ?? '', /The request did not complete within 1000 ms/)
        assert.doesNotMatch(inspect(error), /secret/)
        assert.ok(error.request instanceof Request)
        assert.equal(error.request.url.pathname, last)
        assert.equal(error.phase, 'wait')
        return true
      })
      for (let count = 1; count <= 2; count++) {
        await web.serve()
        await web.clock.advance(400)
        const sent = web.sent.at(-1) as Sent
        web.backend.sockets
          .findLast((socket) => !socket.closed)
          ?.receive(answer(sent, count) as string)
        await web.clock.advance(0)
      }
      await web.serve()
      await web.clock.advance(199)
      assert.equal(web.backend.holdCount, 1)
      await web.clock.advance(1)
      await failed
      assert.equal(web.backend.holdCount, 0)
      assert.match(inspect(client), /0 active/)
    })
  }

  test('the body', async () => {
    const web = new Web((_, count) =>
      count === 1 ? redirect('/2') : 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf',
    )
    const client = web.client({
      timeout: { total: 1000, read: null },
      eventHooks: { request: [() => web.clock.advance(300)] },
    })
    const streamed = await web.during(client.stream('GET', 'http://h.test/'))
    assert.equal(web.clock.now(), 600)
    const failed = assert.rejects(streamed.read(), (error: unknown) => {
      assert.match((error as Error).message, /^The request did not complete within 1000 ms/)
      return true
    })
    await web.clock.advance(399)
    assert.equal(web.backend.holdCount, 1)
    await web.clock.advance(1)
    await failed
    assert.equal(web.backend.holdCount, 0)
  })

  /** A cookie store that answers after 600 ms. */
  function slowStore(web: Web): CookieJar {
    const store = new MemoryCookieStore()
    store.synchronous = false
    const find = store.findCookies.bind(store) as (...args: unknown[]) => unknown
    const findCookies = async (...args: unknown[]) => {
      await web.clock.advance(600)
      find(...args)
    }
    return new CookieJar(Object.assign(store, { findCookies }))
  }

  async function* slowFlow(request: Request): AsyncGenerator<Request, void, unknown> {
    await web.clock.advance(600)
    yield request
  }

  let web: Web
  const slowCode: [name: string, options: () => ClientOptions][] = [
    ['an asynchronous cookie store', () => ({ cookies: slowStore(web) })],
    ['a request hook', () => ({ eventHooks: { request: [() => web.clock.advance(600)] } })],
    ['an auth flow', () => ({ auth: { authFlow: slowFlow } })],
    [
      'an auth function',
      () => ({
        auth: async (request) => {
          await web.clock.advance(600)
          return request
        },
      }),
    ],
  ]
  for (const [name, options] of slowCode) {
    test(`87 ${name}, before the first exchange`, async () => {
      web = new Web(() => null)
      const client = web.client({ timeout: { total: 1000, read: null }, ...options() })
      const failed = assert.rejects(client.get('http://h.test/'), (error: Error) => {
        assert.ok(error instanceof TotalTimeout)
        assert.match(error.message, /^The request did not complete within 1000 ms \(GET http:/)
        return true
      })
      await web.serve()
      assert.equal(web.clock.now(), 600)
      assert.equal(web.sent.length, 1)
      await web.clock.advance(399)
      assert.equal(web.backend.holdCount, 1)
      await web.clock.advance(1)
      await failed
      assert.equal(web.backend.holdCount, 0)
    })
  }

  test('hooks: nothing is sent after it has expired', async () => {
    const web = new Web((_, count) => redirect(`/${count}`))
    const client = web.client({
      timeout: { total: 1000 },
      eventHooks: { request: [() => web.clock.advance(600)] },
    })
    await assert.rejects(web.during(client.get('http://h.test/')), (error: unknown) => {
      assert.ok(error instanceof TotalTimeout)
      assert.match(error.message, /^The request did not complete within 1000 ms \(/)
      assert.ok(error.request instanceof Request)
      return true
    })
    assert.equal(web.sent.length, 1)
  })
})

describe('18 an error of another request', () => {
  const places: [name: string, options: (call: () => Promise<unknown>) => ClientOptions][] = [
    ['a request hook', (call) => ({ eventHooks: { request: [async () => void (await call())] } })],
    [
      'a response hook',
      (call) => ({ eventHooks: { response: [async () => void (await call())] } }),
    ],
    [
      'an auth flow',
      (call) => ({
        auth: {
          async *authFlow(request: Request) {
            await call()
            yield request
          },
        },
      }),
    ],
  ]
  for (const [name, options] of places) {
    for (const total of [null, 5000]) {
      test(`in ${name} keeps its text and its request, with the total timeout ${total}`, async () => {
        const web = new Web(({ target }) => (target === '/' ? reply(200) : null))
        const other = web.client({ timeout: { read: null, total: 1000 } })
        let inner: unknown
        const call = () =>
          other.get('http://other.test/nested').catch((error: unknown) => {
            inner = error
            throw error
          })
        const client = web.client({ ...options(call), timeout: { total } })
        const failed = await web
          .within(1000, client.get('http://h.test/'))
          .catch((error: unknown) => error)
        assert.equal(failed, inner)
        assert.ok(inner instanceof TotalTimeout)
        assert.match(inner.message, /^The request did not complete within 1000 ms \(GET .*\/nested/)
        assert.equal((inner.request as Request).url.pathname, '/nested')
      })
    }
  }

  test('without a request gets that of the exchange: of request and response hooks', async () => {
    const fail = () => Promise.reject(new ReadError('no'))
    for (const options of [
      { eventHooks: { request: [fail] } },
      { eventHooks: { response: [fail] } },
    ]) {
      const web = new Web(() => reply(200))
      const call = web.during(web.client(options).get('http://h.test/x'))
      await assert.rejects(call, (error: ReadError) => {
        assert.equal((error.request as Request).url.pathname, '/x')
        return true
      })
    }
  })
})
