import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { OneCallOptions, Response } from '../../src/index.ts'
import * as hawser from '../../src/index.ts'
import { Cookies, request, stream, TooManyRedirects } from '../../src/index.ts'
import { toLoopback } from '../engine/servers.ts'
import { inNode } from './in-node.ts'
import { recording } from './recorded.ts'
import { reply, Web } from './scripted-web.ts'

const names = ['get', 'options', 'head', 'post', 'put', 'patch', 'delete'] as const

describe('module functions', () => {
  for (const name of names) {
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: the test covers all functions
    const call = hawser[name]
    test(name, async (t) => {
      const { as, requests } = await recording(t, () => [200, { 'set-cookie': 'a=1' }])
      const options = { lookup: toLoopback, params: { a: '1' }, auth: ['u', 'p'] } as const
      for (let i = 0; i < 2; i++) {
        const response = await call(as('h'), options)
        assert.equal(response.status, 200)
      }
      const [first, second] = requests
      assert.equal(`${first?.method} ${first?.url}`, `${name.toUpperCase()} /?a=1`)
      assert.ok(first?.headers.authorization)
      assert.equal(second?.headers.cookie, undefined)
    })
  }

  test('cookies of responses are stored in a given CookieJar or Cookies', async (t) => {
    const { origin, requests } = await recording(t, () => [200, { 'set-cookie': 'a=1' }])
    const { jar } = new Cookies()
    for (const cookies of [jar, new Cookies()]) {
      for (let i = 0; i < 2; i++) await request('GET', origin, { cookies })
      assert.equal(Cookies.from(cookies).get('a'), '1')
    }
    assert.deepEqual(
      requests.map(({ headers }) => headers.cookie),
      [undefined, 'a=1', undefined, 'a=1'],
    )
  })

  test('accept options of the client', async (t) => {
    const { origin } = await recording(t, () => [302, { location: '/' }])
    await assert.rejects(
      request('GET', '/x', { baseUrl: origin, maxRedirects: 3 }),
      /Stopped after 3/,
    )
    await assert.rejects(request('GET', origin, { baseURL: origin } as never), TypeError)
  })

  const large = reply(200, [], 'x'.repeat(300_000))
  const hooked = { eventHooks: { response: [(response: Response) => response.read()] } }
  const closing: readonly [
    name: string,
    answer: string,
    use: (url: string, options: OneCallOptions) => Promise<unknown>,
  ][] = [
    ['read', large, (url, options) => request('GET', url, options)],
    ['without content', reply(200), (url, options) => request('GET', url, options)],
    ['streamed and read', large, async (...to) => (await stream('GET', ...to)).read()],
    ['streamed and closed', large, async (...to) => (await stream('GET', ...to)).close()],
    [
      'streamed and abandoned',
      large,
      async (...to) => {
        for await (const _ of (await stream('GET', ...to)).iterBytes()) break
      },
    ],
    ['read by a hook', large, (url, options) => stream('GET', url, { ...options, ...hooked })],
    [
      'failed',
      reply(302, ['Location: /']),
      (url, options) => assert.rejects(request('GET', url, options), TooManyRedirects),
    ],
  ]
  for (const [name, answer, use] of closing) {
    test(`the connection is closed: ${name}`, async () => {
      const web = new Web(() => answer)
      await web.during(use('http://h.test/', { backend: web.backend, trustEnv: false }))
      await web.serve()
      assert.deepEqual(
        web.backend.sockets.map(({ destroyed }) => destroyed),
        [true],
      )
      assert.equal(web.backend.holdCount, 0)
      assert.equal(web.clock.armedTimers, 0)
    })
  }

  test('do not keep the process alive', async (t) => {
    const { origin } = await recording(t, () => [200, {}, 'text'])
    const printed = await inNode(async ({ get }, url) => {
      const response = await get(url)
      console.log(response.text())
    }, origin)
    assert.equal(printed, 'text')
  })
})
