// The options `app`, `dispatcher` and `mounts`: calls that are answered in this process.
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
  test('a listener, with cookies, redirects and default options', async () => {
    await using client = new Client({ app: counting, baseUrl: 'http://app.test/' })
    assert.equal((await client.get('/')).text(), 'GET app.test/ 0')
    const moved = await client.post('moved', { data: { a: '1' } })
    assert.equal(moved.text(), 'GET app.test/ 2')
    assert.equal(moved.history.length, 1)
    assert.equal(client.cookies.get('seen'), '3')
  })

  test('Express, with JSON in both directions', async () => {
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

  test('the fetch handler of Hono, with a form of files', async () => {
    const app = new Hono()
    app.post('/', async (context) => {
      const { file } = await context.req.parseBody()
      return context.text(file instanceof File ? `${file.name} ${await file.text()}` : 'none')
    })
    await using client = new Client({ app: { fetch: app.fetch } })
    const files = { file: ['a.txt', 'text'] as const }
    assert.equal((await client.post('http://any.test/', { files })).text(), 'a.txt text')
  })

  test('an exception of the app is thrown to the caller, or becomes a 500', async () => {
    const app = () => {
      throw new RangeError('thrown by the app')
    }
    await using client = new Client({ app })
    await assert.rejects(client.get('http://any.test/'), new RangeError('thrown by the app'))
    const dispatcher = new AppDispatcher({ app, raiseAppExceptions: false })
    await using other = new Client({ dispatcher })
    assert.equal((await other.get('http://any.test/')).status, 500)
  })

  test('timeouts of the client and of the request apply', async () => {
    await using client = new Client({ app: () => {}, timeout: { read: 20 } })
    await assert.rejects(client.get('http://any.test/'), ReadTimeout)
    const timeout = { read: null, total: 20 }
    await assert.rejects(client.get('http://any.test/', { timeout }), TotalTimeout)
    const slow = new Client({
      app: async (_: Request) => new Promise<never>(() => {}),
      timeout: 20,
    })
    await assert.rejects(slow.get('http://any.test/'), ReadTimeout)
    await slow.close()
  })
})

describe('mounts', () => {
  const named = (name: string) =>
    new MockDispatcher(({ url }) => ({ text: `${name} ${url.pathname}` }))

  test('take precedence over the dispatcher, and the most specific pattern is used', async () => {
    await using client = new Client({
      dispatcher: named('all'),
      mounts: {
        'all://*.internal': named('internal'),
        'http://api.internal:81': named('api'),
        'http://out.internal': null,
      },
    })
    const get = async (url: string) => (await client.get(url)).text()
    assert.equal(await get('http://a.internal/x'), 'internal /x')
    assert.equal(await get('https://api.internal:81/x'), 'internal /x')
    assert.equal(await get('http://api.internal:81/x'), 'api /x')
    assert.equal(await get('http://out.internal/x'), 'all /x')
    assert.equal(await get('http://other/x'), 'all /x')
  })

  test('a redirect can lead from one mount to another', async () => {
    const moved = new MockDispatcher(() => ({ status: 302, headers: { location: 'http://b/' } }))
    await using client = new Client({ mounts: { 'http://a': moved, 'http://b': named('b') } })
    assert.equal((await client.get('http://a/')).text(), 'b /')
  })

  test('a URL without a mount uses a connection', async () => {
    await using client = new Client({ mounts: { 'http://a': named('a') }, trustEnv: false })
    await assert.rejects(client.get('http://127.0.0.1:1/'), ConnectError)
  })
})

describe('a custom dispatcher', () => {
  test('needs only one method, and is closed with the client', async () => {
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
  const combinations: ClientOptions[] = [
    { app, dispatcher },
    { app, uds: '/socket' },
    { app, proxies: 'http://proxy' },
    { dispatcher, uds: '/socket' },
    { dispatcher, proxies: {} },
    { uds: '/socket', proxies: {} },
  ]
  for (const options of combinations) {
    test(`${Object.keys(options).join(' and ')} cannot be combined`, () => {
      assert.throws(
        () => new Client(options),
        /^TypeError: The options \w+ and \w+ cannot be combined$/,
      )
    })
  }

  test('a value that is not a dispatcher is refused', () => {
    for (const dispatcher of [{}, 7, { dispatch() {} }]) {
      assert.throws(() => new Client({ dispatcher: dispatcher as never }), TypeError)
      assert.throws(() => new Client({ mounts: { all: dispatcher as never } }), TypeError)
    }
    assert.throws(() => new Client({ app: 7 as never }), TypeError)
  })

  test('proxies of the environment are ignored', async () => {
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
