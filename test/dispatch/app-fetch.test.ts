import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { Hono } from 'hono'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { FetchInfo } from '../../src/dispatch/apps/fetch-app.ts'
import { toRequestSender } from '../../src/dispatch/request-sender.ts'
import type { DispatchRequest } from '../../src/engine.ts'
import {
  ClientClosed,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  TotalTimeout,
} from '../../src/engine.ts'
import { deferred, ORIGIN, readSlowly, sendTo, sendToApp } from './send-to-app.ts'

const CHUNK = Buffer.alloc(65_536)

describe('the Request', () => {
  test('has the method, the whole URL, the fields and the client', async (t) => {
    const app = async (request: Request, info: FetchInfo) =>
      Response.json({
        method: request.method,
        url: request.url,
        headers: [...request.headers],
        content: await request.text(),
        info,
      })
    const dispatcher = new AppDispatcher({
      app,
      kind: 'fetch',
      client: ['10.0.0.1', 9],
      rootPath: '/mount',
    })
    const call = sendTo(t, toRequestSender(dispatcher))
    const response = await call('/mount/a%20b?q=1', {
      origin: 'https://app.test:8443',
      method: 'POST',
      headers: ['X-A', '1', 'cookie', 'a=1', 'x-a', '2', 'te', 'trailers', 'connection', 'close'],
      body: 'text',
    })
    assert.deepEqual(await response.json(), {
      method: 'POST',
      url: 'https://app.test:8443/mount/a%20b?q=1',
      headers: [
        ['content-length', '4'],
        ['cookie', 'a=1'],
        ['host', 'app.test:8443'],
        ['x-a', '1, 2'],
      ],
      content: 'text',
      info: { client: ['10.0.0.1', 9], rootPath: '/mount' },
    })
  })

  const targets: [request: Partial<DispatchRequest>, url: string][] = [
    [{ path: '*', method: 'OPTIONS' }, `${ORIGIN}/`],
    [{ path: 'http://other.test/x' }, 'http://other.test/x'],
    [{ path: '//evil.test/x' }, `${ORIGIN}//evil.test/x`],
  ]
  for (const [request, url] of targets) {
    test(`the target ${request.path}`, async (t) => {
      const call = sendToApp(t, ({ url }: Request) => new Response(url))
      assert.equal(await (await call('/', request)).text(), url)
    })
  }

  test('content is streamed, with backpressure', async (t) => {
    let sent = 0
    async function* content() {
      for (; sent < 20 << 20; sent += CHUNK.length) yield CHUNK
    }
    const call = sendToApp(t, async (request: Request) => {
      assert.ok(request.body)
      return Response.json(await readSlowly(request.body, (read) => sent - read))
    })
    const response = await call('/', { method: 'POST', body: content() })
    const { read, furthest } = await response.json<{ read: number; furthest: number }>()
    assert.equal(read, 20 << 20)
    assert.ok(furthest <= 2 * CHUNK.length, `${furthest} bytes ran ahead`)
  })

  test('content that the app does not read is closed', async (t) => {
    const closed = deferred()
    async function* content() {
      try {
        yield 'a'
        yield 'b'
      } finally {
        closed.resolve()
      }
    }
    const call = sendToApp(t, async (request: Request) => {
      await request.body?.getReader().read()
      return new Response('enough')
    })
    assert.equal(await (await call('/', { method: 'POST', body: content() })).text(), 'enough')
    await closed.promise
  })

  const boom = new Error('boom')
  const bad: [what: string, request: Partial<DispatchRequest>, error: object][] = [
    ['content that throws', { body: throwing() }, { name: 'WriteError', cause: boom }],
    ['content that is not bytes', { body: [1 as never] }, { name: 'LocalProtocolError' }],
    [
      'content too short',
      { body: ['ab'], headers: { 'content-length': 3 } },
      { name: 'LocalProtocolError' },
    ],
    [
      'content too long',
      { body: ['abcd'], headers: { 'content-length': 3 } },
      { name: 'LocalProtocolError' },
    ],
    ['a GET with content', { method: 'GET', body: 'a' }, { name: 'LocalProtocolError' }],
    ['TRACE', { method: 'TRACE' }, { name: 'LocalProtocolError' }],
    ['a field with CR', { headers: { 'x-a': '\r' } }, { name: 'LocalProtocolError' }],
    ['an invalid origin', { origin: 'nowhere' }, { name: 'InvalidURL' }],
  ]
  async function* throwing() {
    yield 'a'
    throw boom
  }
  for (const raiseAppExceptions of [true, false]) {
    for (const [what, request, error] of bad) {
      test(`${what} is an error of the caller, with raiseAppExceptions: ${raiseAppExceptions}`, async (t) => {
        const app = async (request: Request) => new Response(await request.text())
        const call = sendToApp(t, app, { raiseAppExceptions })
        const full = what === 'content that throws' ? { body: throwing() } : request
        await assert.rejects(call('/', { method: 'POST', ...full }), error)
      })
    }
  }
})

describe('the Response', () => {
  test('status, reason phrase and fields', async (t) => {
    const call = sendToApp(t, (request: Request) =>
      request.url.endsWith('/teapot')
        ? new Response(null, { status: 418, statusText: 'Short and stout' })
        : new Response('no', { status: 404, headers: { 'X-A': 'ä' } }),
    )
    const teapot = await call('/teapot')
    assert.deepEqual([teapot.status, teapot.statusText], [418, 'Short and stout'])
    const missing = await call('/')
    assert.deepEqual([missing.status, missing.statusText], [404, 'Not Found'])
    assert.equal(missing.headers.get('x-a'), 'ä')
    assert.equal(missing.httpVersion, '1.1')
    assert.equal(await missing.text(), 'no')
    assert.equal(missing.trailers?.get('x'), null)
  })

  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    test(`${method} ${status} has no body, and its source is cancelled`, async (t) => {
      const cancelled = deferred()
      const call = sendToApp(t, (_: Request) => {
        const body = new ReadableStream({ cancel: () => cancelled.resolve() }, { highWaterMark: 0 })
        const headers = new Headers({ 'content-length': '5' })
        return { status, headers, body } as unknown as Response
      })
      const response = await call('/', { method })
      assert.equal(response.status, status)
      assert.equal((await response.bytes()).length, 0)
      await cancelled.promise
    })
  }

  test('100 MB are streamed, with backpressure', async (t) => {
    const size = 100 << 20
    let made = 0
    const call = sendToApp(t, (_: Request) => {
      const body = new ReadableStream({
        pull(controller) {
          if (made === size) return controller.close()
          made += CHUNK.length
          controller.enqueue(CHUNK)
        },
      })
      return new Response(body)
    })
    const { read, furthest } = await readSlowly(await call('/'), (read) => made - read)
    assert.equal(read, size)
    assert.ok(furthest <= 1 << 20, `${furthest} bytes ran ahead of the reader`)
  })

  test('a body that fails delivers its earlier chunks first', async (t) => {
    const boom = new Error('boom')
    const call = sendToApp(t, (_: Request) => {
      let calls = 0
      const body = new ReadableStream({
        pull(controller) {
          if (calls++ > 0) throw boom
          controller.enqueue(Buffer.from('part'))
        },
      })
      return new Response(body)
    })
    const chunks: string[] = []
    await assert.rejects(
      async () => {
        for await (const chunk of await call('/')) chunks.push(String(chunk))
      },
      (error) => error instanceof ReadError && error.cause === boom && /boom/.test(error.message),
    )
    assert.deepEqual(chunks, ['part'])
  })

  const invalid: [what: string, response: () => unknown, error: object][] = [
    ['undefined', () => undefined, { name: 'TypeError', message: /return a Response/ }],
    ['a string', () => 'text', { name: 'TypeError', message: /returned string/ }],
    ['Response.error()', () => Response.error(), { name: 'TypeError', message: /error\(\)/ }],
    ['a used Response', usedResponse, { name: 'TypeError', message: /already used/ }],
    ['a 101', () => responseLike({ status: 101 }), RemoteProtocolError],
    ['an invalid status', () => responseLike({ status: 1.5 }), RemoteProtocolError],
    [
      'an injected field',
      () => responseLike({ headers: [['x', 'a\r\nb: c']] }),
      { code: /PROTOCOL/ },
    ],
    [
      'an injected reason phrase',
      () => responseLike({ statusText: 'a\r\nb: c' }),
      RemoteProtocolError,
    ],
    ['text chunks', () => new Response(streamOf('text' as never)), RemoteProtocolError],
    [
      'too few bytes',
      () => responseWithLength('5', streamOf(Buffer.from('four'))),
      RemoteProtocolError,
    ],
    [
      'too many bytes',
      () => responseWithLength('3', streamOf(Buffer.from('four'))),
      RemoteProtocolError,
    ],
    [
      'a bad length',
      () => responseWithLength('-1', streamOf(Buffer.from('four'))),
      RemoteProtocolError,
    ],
  ]
  for (const [what, make, error] of invalid) {
    test(`${what} is an error`, async (t) => {
      const call = sendToApp(t, (_: Request) => make() as Response)
      await assert.rejects(async () => (await call('/')).bytes(), error)
    })
  }
})

describe('exceptions', () => {
  const boom = new Error('boom')
  const apps = {
    'thrown at once': (_: Request): Response => {
      throw boom
    },
    'a rejection': async (_: Request): Promise<Response> => Promise.reject(boom),
    'of { fetch }': { fetch: () => Promise.reject(boom) },
  }
  for (const [name, app] of Object.entries(apps)) {
    test(name, async (t) => {
      await assert.rejects(sendToApp(t, app)('/'), (error) => error === boom)
      const response = await sendToApp(t, app, { raiseAppExceptions: false })('/')
      assert.deepEqual([response.status, response.statusText], [500, 'Internal Server Error'])
      assert.equal((await response.bytes()).length, 0)
    })
  }
})

describe('early ends', () => {
  test('an aborted call aborts request.signal', async (t) => {
    const arrived = deferred()
    const aborted = deferred()
    const call = sendToApp(t, (request: Request) => {
      request.signal.addEventListener('abort', () => aborted.resolve())
      arrived.resolve()
      return new Promise<Response>(() => {})
    })
    const controller = new AbortController()
    const response = call('/', { signal: controller.signal })
    await arrived.promise
    controller.abort(new Error('enough'))
    await assert.rejects(response, /enough/)
    await aborted.promise
    await assert.rejects(call('/', { signal: controller.signal }), /enough/)
  })

  for (const [what, content] of [
    ['while the app waits for content', silent],
    ['between two chunks', endless],
  ] as const) {
    test(`a request aborted ${what} does not look complete to the app`, async (t) => {
      const arrived = deferred()
      const failure = deferred<unknown>()
      const call = sendToApp(t, async (request: Request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        arrived.resolve()
        for (;;) {
          const step = await reader?.read().catch(failure.resolve)
          if (step === undefined || step.done) failure.resolve(undefined)
          if (step?.done !== false) return new Response()
        }
      })
      const controller = new AbortController()
      const { signal } = controller
      const response = call('/', { method: 'POST', body: content(), signal })
      await arrived.promise
      controller.abort(new Error('enough'))
      await assert.rejects(response, /enough/)
      assert.equal(((await failure.promise) as Error).name, 'AbortError')
    })
  }

  test('a response that is closed early cancels its body and aborts request.signal', async (t) => {
    const cancelled = deferred()
    const aborted = deferred()
    const call = sendToApp(t, (request: Request) => {
      request.signal.addEventListener('abort', () => aborted.resolve())
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(CHUNK),
          cancel: () => cancelled.resolve(),
        }),
      )
    })
    const response = await call('/')
    response.close()
    await Promise.all([cancelled.promise, aborted.promise])
    await assert.rejects(response.bytes(), /closed/)
  })

  test('a body without chunks is cancelled too', async (t) => {
    const cancelled = deferred()
    const call = sendToApp(t, (_: Request) => {
      return new Response(new ReadableStream({ cancel: () => cancelled.resolve() }))
    })
    const response = await call('/')
    response.close()
    await cancelled.promise
  })

  test('a complete response does not abort request.signal', async (t) => {
    let signal: AbortSignal | undefined
    const call = sendToApp(t, (request: Request) => {
      signal = request.signal
      return new Response('done')
    })
    await (await call('/')).bytes()
    assert.equal(signal?.aborted, false)
  })

  test('closing the dispatcher fails requests in progress', async (t) => {
    const arrived = deferred()
    const call = sendToApp(t, (_: Request) => {
      arrived.resolve()
      return new Promise<Response>(() => {})
    })
    const failed = assert.rejects(call('/'), ClientClosed)
    await arrived.promise
    await call.sender.close()
    await failed
    await assert.rejects(call('/'), ClientClosed)
  })
})

describe('timeouts', () => {
  const never = (_: Request) => new Promise<Response>(() => {})

  test('an app that never responds', async (t) => {
    const call = sendToApp(t, never)
    await assert.rejects(call('/', { timeouts: { read: 5 } }), ReadTimeout)
    await assert.rejects(call('/', { timeouts: { read: null, total: 5 } }), TotalTimeout)
  })

  test('a body that stalls', async (t) => {
    const call = sendToApp(t, (_: Request) => {
      const body = new ReadableStream({ start: (controller) => controller.enqueue(CHUNK) })
      return new Response(body)
    })
    const response = await call('/', { timeouts: { read: 5 } })
    await assert.rejects(response.bytes(), ReadTimeout)
  })

  test('a slow reader does not time out', async (t) => {
    let made = 0
    const call = sendToApp(t, (_: Request) => {
      const body = new ReadableStream({
        pull: (controller) => (made++ < 4 ? controller.enqueue(CHUNK) : controller.close()),
      })
      return new Response(body)
    })
    const response = await call('/', { timeouts: { read: 5 } })
    await sleep(20)
    assert.equal((await response.bytes()).length, 4 * CHUNK.length)
  })
})

test("Hono's env has client and rootPath", async (t) => {
  const app = new Hono<{ Bindings: FetchInfo }>()
  app.get('/mount/x', (context) => context.json(context.env))
  const response = await sendToApp(t, app, { client: ['::1', 1], rootPath: '/mount' })('/mount/x')
  assert.deepEqual(await response.json(), { client: ['::1', 1], rootPath: '/mount' })
})

test('each of fifty concurrent calls gets its own exception', async (t) => {
  const call = sendToApp(t, async (request: Request): Promise<Response> => {
    await new Promise(setImmediate)
    throw new Error(new URL(request.url).pathname)
  })
  const paths = Array.from({ length: 50 }, (_, i) => `/${i}`)
  const results = await Promise.allSettled(paths.map((path) => call(path)))
  const reasons = results.map((result) => result.status === 'rejected' && result.reason.message)
  assert.deepEqual(reasons, paths)
})

test('the app runs in the async context of the call', async (t) => {
  const context = new AsyncLocalStorage<string>()
  const call = sendToApp(t, (_: Request) => new Response(context.getStore()))
  const texts = ['a', 'b'].map((name) =>
    context.run(name, async () => (await call(`/${name}`)).text()),
  )
  assert.deepEqual(await Promise.all(texts), ['a', 'b'])
})

async function* silent() {
  yield 'a'
  await new Promise(() => {})
}

async function* endless() {
  for (;;) {
    await new Promise(setImmediate)
    yield 'a'
  }
}

/** Resolves after all timers of that many milliseconds. */
function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}

function responseLike(parts: object): object {
  return { status: 200, headers: [], body: null, ...parts }
}

function responseWithLength(length: string, body: ReadableStream): Response {
  return new Response(body, { headers: { 'content-length': length } })
}

async function usedResponse(): Promise<Response> {
  const response = new Response('used')
  await response.text()
  return response
}
