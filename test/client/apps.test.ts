// `app`, `dispatcher` and `mounts`: calls that stay in this process.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import express from 'express'
import { Hono } from 'hono'
import type { ClientOptions, Dispatcher } from '../../src/index.ts'
import {
  AppDispatcher,
  Client,
  ClientClosed,
  ConnectError,
  Headers,
  MockDispatcher,
  ReadTimeout,
  TotalTimeout,
} from '../../src/index.ts'

const counting = (request: IncomingMessage, response: ServerResponse) => {
  const seen = Number(/seen=(\d+)/.exec(request.headers.cookie ?? '')?.[1] ?? 0)
  response.setHeader('set-cookie', `seen=${seen + 1}`)
  if (request.url === '/moved') response.writeHead(302, { location: '/' })
  response.end(`${request.method} ${request.headers.host}${request.url} ${seen}`)
}

describe('app', () => {
  test('a listener: cookies, redirects and defaults as anywhere', async () => {
    await using client = new Client({ app: counting, baseUrl: 'http://app.test/' })
    assert.equal((await client.get('/')).text(), 'GET app.test/ 0')
    const moved = await client.post('moved', { data: { a: '1' } })
    assert.equal(moved.text(), 'GET app.test/ 2')
    assert.equal(moved.history.length, 1)
    assert.equal(client.cookies.get('seen'), '3')
  })

  test('Express, with JSON both ways', async () => {
    const app = express()
    app.use(express.json())
    app.post('/sum', (request, response) => {
      const { a, b } = request.body as { a: number; b: number }
      response.json({ sum: a + b })
    })
    await using client = new Client({ app })
    const response = await client.post('https://any.test/sum', { json: { a: 1, b: 2 } })
    assert.deepEqual(response.json(), { sum: 3 })
  })

  test('Hono, by its fetch, with a form of files', async () => {
    const app = new Hono()
    app.post('/', async (context) => {
      const { file } = await context.req.parseBody()
      return context.text(file instanceof File ? `${file.name} ${await file.text()}` : 'none')
    })
    await using client = new Client({ app: { fetch: app.fetch } })
    const files = { file: ['a.txt', 'text'] as const }
    assert.equal((await client.post('http://any.test/', { files })).text(), 'a.txt text')
  })

  test('what it throws is thrown, or is a 500', async () => {
    const app = () => {
      throw new RangeError('of the app')
    }
    await using client = new Client({ app })
    await assert.rejects(client.get('http://any.test/'), new RangeError('of the app'))
    const dispatcher = new AppDispatcher({ app, raiseAppExceptions: false })
    await using other = new Client({ dispatcher })
    assert.equal((await other.get('http://any.test/')).status, 500)
  })

  test('timeouts of the client and of the request hold', async () => {
    await using client = new Client({ app: () => {}, timeout: { read: 20 } })
    await assert.rejects(client.get('http://any.test/'), ReadTimeout)
    const timeout = { read: null, total: 20 }
    await assert.rejects(client.get('http://any.test/', { timeout }), TotalTimeout)
    const waits = new Client({
      app: async (_: Request) => new Promise<never>(() => {}),
      timeout: 20,
    })
    await assert.rejects(waits.get('http://any.test/'), ReadTimeout)
    await waits.close()
  })
})

describe('mounts', () => {
  const named = (name: string) =>
    new MockDispatcher(({ url }) => ({ text: `${name} ${url.pathname}` }))

  test('come first, the most specific of them', async () => {
    await using client = new Client({
      dispatcher: named('all'),
      mounts: {
        'all://*.internal': named('internal'),
        'http://api.internal:81': named('api'),
        'http://out.internal': null,
      },
    })
    const ask = async (url: string) => (await client.get(url)).text()
    assert.equal(await ask('http://a.internal/x'), 'internal /x')
    assert.equal(await ask('https://api.internal:81/x'), 'internal /x')
    assert.equal(await ask('http://api.internal:81/x'), 'api /x')
    assert.equal(await ask('http://out.internal/x'), 'all /x')
    assert.equal(await ask('http://other/x'), 'all /x')
  })

  test('a redirect may lead from one to another', async () => {
    const moved = new MockDispatcher(() => ({ status: 302, headers: { location: 'http://b/' } }))
    await using client = new Client({ mounts: { 'http://a': moved, 'http://b': named('b') } })
    assert.equal((await client.get('http://a/')).text(), 'b /')
  })

  test('everything else goes out', async () => {
    await using client = new Client({ mounts: { 'http://a': named('a') }, trustEnv: false })
    await assert.rejects(client.get('http://127.0.0.1:1/'), ConnectError)
  })
})

describe('a dispatcher of the user', () => {
  test('is one method, and is closed with the client', async () => {
    let closed = 0
    const dispatcher: Dispatcher = {
      dispatch(request, handler) {
        queueMicrotask(() => {
          handler.onHead({
            status: 200,
            statusText: 'OK',
            httpVersion: '1.1',
            headers: new Headers(),
          })
          handler.onData(Buffer.from(`${request.method} ${request.path}`))
          handler.onEnd(new Headers())
        })
        return { resume() {}, abort() {} }
      },
      async close() {
        closed++
      },
    }
    const client = new Client({ dispatcher, mounts: { 'http://same': dispatcher } })
    assert.equal((await client.get('http://h/x?y')).text(), 'GET /x?y')
    await client.close()
    assert.equal(closed, 1)
    await assert.rejects(client.get('http://h/'), ClientClosed)
  })

  const app = () => {}
  const dispatcher = named()
  const two: ClientOptions[] = [
    { app, dispatcher },
    { app, uds: '/socket' },
    { app, proxies: 'http://proxy' },
    { dispatcher, uds: '/socket' },
    { dispatcher, proxies: {} },
    { uds: '/socket', proxies: {} },
  ]
  for (const options of two) {
    test(`${Object.keys(options).join(' and ')} together are refused`, () => {
      assert.throws(() => new Client(options), /^TypeError: \w+ and \w+: a client has one way/)
    })
  }

  test('what is none is refused', () => {
    for (const dispatcher of [{}, 7, { dispatch() {} }]) {
      assert.throws(() => new Client({ dispatcher: dispatcher as never }), TypeError)
      assert.throws(() => new Client({ mounts: { all: dispatcher as never } }), TypeError)
    }
    assert.throws(() => new Client({ app: 7 as never }), TypeError)
  })

  test('the environment has no say', async () => {
    const { HTTP_PROXY } = process.env
    process.env.HTTP_PROXY = 'http://127.0.0.1:1'
    try {
      await using client = new Client({ dispatcher })
      assert.equal((await client.get('http://h/')).text(), 'named')
    } finally {
      if (HTTP_PROXY === undefined) delete process.env.HTTP_PROXY
      else process.env.HTTP_PROXY = HTTP_PROXY
    }
  })

  function named() {
    return new MockDispatcher(() => ({ text: 'named' }))
  }
})
