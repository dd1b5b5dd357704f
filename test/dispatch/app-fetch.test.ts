import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { Hono } from 'hono'
import { AppDispatcher } from '../../src/dispatch/apps/app-dispatcher.ts'
import type { FetchInfo } from '../../src/dispatch/apps/fetch-app.ts'
import { responderOf } from '../../src/dispatch/responder.ts'
import type { DispatchRequest } from '../../src/engine.ts'
import {
  ClientClosed,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  TotalTimeout,
} from '../../src/engine.ts'
import { ask, askApp, gate, ORIGIN, readSlowly } from './apps.ts'

const CHUNK = Buffer.alloc(65_536)

describe('the Request', () => {
  test('has method, whole URL, fields and client', async (t) => {
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
    const call = ask(t, responderOf(dispatcher))
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
      const call = askApp(t, ({ url }: Request) => new Response(url))
      assert.equal(await (await call('/', request)).text(), url)
    })
  }

  test('content as it comes, no faster than it is taken', async (t) => {
    let sent = 0
    async function* content() {
      for (; sent < 20 << 20; sent += CHUNK.length) yield CHUNK
    }
    const call = askApp(t, async (request: Request) => {
      assert.ok(request.body)
      return Response.json(await readSlowly(request.body, (read) => sent - read))
    })
    const response = await call('/', { method: 'POST', body: content() })
    const { read, furthest } = await response.json<{ read: number; furthest: number }>()
    assert.equal(read, 20 << 20)
    assert.ok(furthest <= 2 * CHUNK.length, `${furthest} bytes ran ahead`)
  })

  test('content that nobody takes is told', async (t) => {
    const closed = gate()
    async function* content() {
      try {
        yield 'a'
        yield 'b'
      } finally {
        closed.open()
      }
    }
    const call = askApp(t, async (request: Request) => {
      await request.body?.getReader().read()
      return new Response('enough')
    })
    assert.equal(await (await call('/', { method: 'POST', body: content() })).text(), 'enough')
    await closed.opened
  })

  const boom = new Error('boom')
  const bad: [what: string, request: Partial<DispatchRequest>, error: object][] = [
    ['content that throws', { body: throwing() }, { name: 'WriteError', cause: boom }],
    ['content of no bytes', { body: [1 as never] }, { name: 'LocalProtocolError' }],
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
    ['no origin', { origin: 'nowhere' }, { name: 'InvalidURL' }],
  ]
  async function* throwing() {
    yield 'a'
    throw boom
  }
  for (const raiseAppExceptions of [true, false]) {
    for (const [what, request, error] of bad) {
      test(`${what} is the caller's fault, raised: ${raiseAppExceptions}`, async (t) => {
        const app = async (request: Request) => new Response(await request.text())
        const call = askApp(t, app, { raiseAppExceptions })
        const full = what === 'content that throws' ? { body: throwing() } : request
        await assert.rejects(call('/', { method: 'POST', ...full }), error)
      })
    }
  }
})

describe('the Response', () => {
  test('status, reason and fields', async (t) => {
    const call = askApp(t, (request: Request) =>
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
      const cancelled = gate()
      const call = askApp(t, (_: Request) => {
        const body = new ReadableStream({ cancel: () => cancelled.open() }, { highWaterMark: 0 })
        const headers = new Headers({ 'content-length': '5' })
        return { status, headers, body } as unknown as Response
      })
      const response = await call('/', { method })
      assert.equal(response.status, status)
      assert.equal((await response.bytes()).length, 0)
      await cancelled.opened
    })
  }

  test('100 MB down, as fast as they are read', async (t) => {
    const size = 100 << 20
    let made = 0
    const call = askApp(t, (_: Request) => {
      const body = new ReadableStream({
        pull(controller) {
          if (made === size) return controller.close()
          made += CHUNK.length
          controller.enqueue(CHUNK)
        },
      })
      return new Response(body)
    })
    const { read, furthest } = await readSlowly(await call('/'), (so) => made - so)
    assert.equal(read, size)
    assert.ok(furthest <= 1 << 20, `${furthest} bytes ran ahead of the reader`)
  })

  test('a body that fails does so behind what came', async (t) => {
    const boom = new Error('boom')
    const call = askApp(t, (_: Request) => {
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
    ['a used one', usedResponse, { name: 'TypeError', message: /used already/ }],
    ['a 101', () => looksLike({ status: 101 }), RemoteProtocolError],
    ['a status of no sense', () => looksLike({ status: 1.5 }), RemoteProtocolError],
    ['an injected field', () => looksLike({ headers: [['x', 'a\r\nb: c']] }), { code: /PROTOCOL/ }],
    ['an injected reason', () => looksLike({ statusText: 'a\r\nb: c' }), RemoteProtocolError],
    ['text chunks', () => new Response(streamOf('text' as never)), RemoteProtocolError],
    ['too few bytes', () => lengthOf('5', streamOf(Buffer.from('four'))), RemoteProtocolError],
    ['too many bytes', () => lengthOf('3', streamOf(Buffer.from('four'))), RemoteProtocolError],
    ['a bad length', () => lengthOf('-1', streamOf(Buffer.from('four'))), RemoteProtocolError],
  ]
  for (const [what, make, error] of invalid) {
    test(`${what} is an error`, async (t) => {
      const call = askApp(t, (_: Request) => make() as Response)
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
      await assert.rejects(askApp(t, app)('/'), (error) => error === boom)
      const response = await askApp(t, app, { raiseAppExceptions: false })('/')
      assert.deepEqual([response.status, response.statusText], [500, 'Internal Server Error'])
      assert.equal((await response.bytes()).length, 0)
    })
  }
})

describe('leaving', () => {
  test('an aborted call aborts request.signal', async (t) => {
    const arrived = gate()
    const left = gate()
    const call = askApp(t, (request: Request) => {
      request.signal.addEventListener('abort', () => left.open())
      arrived.open()
      return new Promise<Response>(() => {})
    })
    const controller = new AbortController()
    const response = call('/', { signal: controller.signal })
    await arrived.opened
    controller.abort(new Error('enough'))
    await assert.rejects(response, /enough/)
    await left.opened
    await assert.rejects(call('/', { signal: controller.signal }), /enough/)
  })

  for (const [what, content] of [
    ['while content is awaited', silent],
    ['between two chunks', endless],
  ] as const) {
    test(`a request cut short ${what} is not taken for whole`, async (t) => {
      const arrived = gate()
      const failure = gate<unknown>()
      const call = askApp(t, async (request: Request) => {
        const reader = request.body?.getReader()
        await reader?.read()
        arrived.open()
        for (;;) {
          const step = await reader?.read().catch(failure.open)
          if (step === undefined || step.done) failure.open(undefined)
          if (step?.done !== false) return new Response()
        }
      })
      const controller = new AbortController()
      const { signal } = controller
      const response = call('/', { method: 'POST', body: content(), signal })
      await arrived.opened
      controller.abort(new Error('enough'))
      await assert.rejects(response, /enough/)
      assert.equal(((await failure.opened) as Error).name, 'AbortError')
    })
  }

  test('a response that is closed early cancels its body, and request.signal', async (t) => {
    const cancelled = gate()
    const left = gate()
    const call = askApp(t, (request: Request) => {
      request.signal.addEventListener('abort', () => left.open())
      return new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(CHUNK),
          cancel: () => cancelled.open(),
        }),
      )
    })
    const response = await call('/')
    response.close()
    await Promise.all([cancelled.opened, left.opened])
    await assert.rejects(response.bytes(), /closed/)
  })

  test('a body that nothing comes of is cancelled, too', async (t) => {
    const cancelled = gate()
    const call = askApp(t, (_: Request) => {
      return new Response(new ReadableStream({ cancel: () => cancelled.open() }))
    })
    const response = await call('/')
    response.close()
    await cancelled.opened
  })

  test('a complete response does not abort request.signal', async (t) => {
    let signal: AbortSignal | undefined
    const call = askApp(t, (request: Request) => {
      signal = request.signal
      return new Response('done')
    })
    await (await call('/')).bytes()
    assert.equal(signal?.aborted, false)
  })

  test('closing fails what is in flight', async (t) => {
    const arrived = gate()
    const call = askApp(t, (_: Request) => {
      arrived.open()
      return new Promise<Response>(() => {})
    })
    const failed = assert.rejects(call('/'), ClientClosed)
    await arrived.opened
    await call.responder.close()
    await failed
    await assert.rejects(call('/'), ClientClosed)
  })
})

describe('timeouts', () => {
  const never = (_: Request) => new Promise<Response>(() => {})

  test('an app that never answers', async (t) => {
    const call = askApp(t, never)
    await assert.rejects(call('/', { timeouts: { read: 5 } }), ReadTimeout)
    await assert.rejects(call('/', { timeouts: { read: null, total: 5 } }), TotalTimeout)
  })

  test('a body that stops', async (t) => {
    const call = askApp(t, (_: Request) => {
      const body = new ReadableStream({ start: (controller) => controller.enqueue(CHUNK) })
      return new Response(body)
    })
    const response = await call('/', { timeouts: { read: 5 } })
    await assert.rejects(response.bytes(), ReadTimeout)
  })

  test('a reader who takes his time is none, nor is slow content', async (t) => {
    let made = 0
    const call = askApp(t, async (request: Request) => {
      assert.equal(await request.text(), 'late')
      const body = new ReadableStream({
        pull: (controller) => (made++ < 4 ? controller.enqueue(CHUNK) : controller.close()),
      })
      return new Response(body)
    })
    async function* content() {
      await afterTimers(20)
      yield 'late'
    }
    const request = { method: 'POST', body: content(), timeouts: { read: 5 } }
    const response = await call('/', request)
    await afterTimers(20)
    assert.equal((await response.bytes()).length, 4 * CHUNK.length)
  })
})

test("Hono's env has client and rootPath", async (t) => {
  const app = new Hono<{ Bindings: FetchInfo }>()
  app.get('/mount/x', (context) => context.json(context.env))
  const response = await askApp(t, app, { client: ['::1', 1], rootPath: '/mount' })('/mount/x')
  assert.deepEqual(await response.json(), { client: ['::1', 1], rootPath: '/mount' })
})

test('each exception to its own of fifty at once', async (t) => {
  const call = askApp(t, async (request: Request): Promise<Response> => {
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
  const call = askApp(t, (_: Request) => new Response(context.getStore()))
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

/** Resolves behind timers of that many milliseconds. */
function afterTimers(ms: number): Promise<void> {
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

function looksLike(parts: object): object {
  return { status: 200, headers: [], body: null, ...parts }
}

function lengthOf(length: string, body: ReadableStream): Response {
  return new Response(body, { headers: { 'content-length': length } })
}

async function usedResponse(): Promise<Response> {
  const response = new Response('used')
  await response.text()
  return response
}
