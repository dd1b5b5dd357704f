// The module functions: they accept all options, and keep nothing between calls.
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { OneCallOptions, Response } from '../../src/index.ts'
import * as hawser from '../../src/index.ts'
import { delete as remove } from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { inChild } from './child.ts'
import { until } from './clients.ts'

interface Received {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly content: string
}

function echo(t: TestContext) {
  return httpServer(t, async (request: IncomingMessage, response) => {
    const { method, url, headers } = request
    const content = await text(request)
    response.setHeader('set-cookie', 'a=1')
    response.end(JSON.stringify({ method, url, headers, content }))
  })
}

/** Waits until the client has closed `count` connections. */
async function assertClosed(sockets: readonly Socket[], count: number): Promise<void> {
  await until(() => sockets.length === count && sockets.every((socket) => socket.destroyed))
}

const functions = new Map(Object.entries(hawser)) as Map<string, typeof hawser.get>
for (const name of ['get', 'options', 'post', 'put', 'patch', 'delete'] as const) {
  test(`${name} sends a request and closes its connection`, async (t) => {
    const { origin, sockets } = await echo(t)
    for (let i = 1; i <= 2; i++) {
      const call = functions.get(name) ?? assert.fail()
      const response = await call(`${origin}/x`, { params: { a: '1' } })
      const { method, url, headers } = response.json<Received>()
      assert.deepEqual([method, url], [name.toUpperCase(), '/x?a=1'])
      assert.equal(headers.cookie, undefined)
      await assertClosed(sockets, i)
    }
  })
}

test('head, request and stream, and delete imported under another name', async (t) => {
  const { origin, sockets } = await echo(t)
  assert.equal((await hawser.head(origin)).bytes().length, 0)
  assert.equal((await hawser.request('PURGE', origin)).json<Received>().method, 'PURGE')
  assert.equal((await remove(origin)).json<Received>().method, 'DELETE')
  const response = await hawser.stream('GET', origin)
  assert.throws(() => response.text(), hawser.ResponseNotRead)
  assert.equal((await response.read()).json<Received>().method, 'GET')
  await assertClosed(sockets, 4)
})

test('accept options of a client and of a request together', async (t) => {
  const { origin } = await echo(t)
  const events: string[] = []
  const response = await hawser.post('/x', {
    baseUrl: `${origin}/base`,
    headers: { 'x-a': '1' },
    cookies: { c: '2' },
    auth: ['user', 'password'],
    json: { a: 1 },
    timeout: { read: 1000 },
    poolLimits: { maxConnections: 1 },
    maxResponseSize: 10_000,
    maxRedirects: 1,
    trustEnv: false,
    retries: 1,
    eventHooks: { request: [() => events.push('request')] },
    onConnect: () => events.push('connect'),
    onUploadProgress: () => events.push('upload'),
    onDownloadProgress: () => events.push('download'),
    signal: new AbortController().signal,
  })
  const received = response.json<Received>()
  assert.equal(received.url, '/base/x')
  assert.equal(received.content, '{"a":1}')
  assert.deepEqual(
    [received.headers['x-a'], received.headers.cookie, received.headers.authorization],
    ['1', 'c=2', 'Basic dXNlcjpwYXNzd29yZA=='],
  )
  assert.deepEqual(events, ['request', 'connect', 'upload', 'download'])
  await assert.rejects(hawser.get(origin, { maxResponseSize: 1 }), hawser.ResponseTooLarge)
})

describe('invalid options reject', () => {
  const cases: [options: unknown, message: RegExp][] = [
    [{ body: 'x' }, /body is not an option/],
    [{ poolLimits: { max: 1 } }, /poolLimits\.max/],
    [{ content: 'x', json: 1 }, /content and json/],
    [{ timeout: 0 }, /timeout/],
    [{ eventHooks: null }, /eventHooks/],
    [null, /./],
  ]
  for (const [options, message] of cases) {
    test(`${message.source}`, async () => {
      await assert.rejects(hawser.get('http://127.0.0.1:1/', options as OneCallOptions), {
        name: 'TypeError',
        message,
      })
    })
  }
})

describe('stream() closes its connection', () => {
  const ends: Record<string, (response: Response) => Promise<unknown>> = {
    read: (response) => response.read(),
    close: (response) => response.close(),
    asyncDispose: (response) => response[Symbol.asyncDispose](),
    'iterated completely': async (response) => {
      for await (const _ of response.iterLines());
    },
    'iterated partly': async (response) => {
      for await (const _ of response.iterBytes()) break
    },
    'bodyStream read completely': async (response) => {
      for await (const _ of response.bodyStream());
    },
    'bodyStream cancelled': (response) => response.bodyStream().cancel(),
  }
  for (const [name, end] of Object.entries(ends)) {
    for (const size of [0, 10, 1_000_000]) {
      test(`${name}, ${size} bytes`, async (t) => {
        const { origin, sockets } = await httpServer(t, (_, response) => {
          response.end('x'.repeat(size))
        })
        await end(await hawser.stream('GET', origin))
        await assertClosed(sockets, 1)
      })
    }
  }

  test('not when a second reader fails while the first still reads', async (t) => {
    const { origin, sockets } = await httpServer(t, (_, response) => {
      response.end('x'.repeat(1_000_000))
    })
    const response = await hawser.stream('GET', origin)
    const chunks = response.iterBytes()
    let length = (await chunks.next()).value?.length ?? 0
    await assert.rejects(response.read(), hawser.StreamConsumed)
    await assert.rejects(response.iterRaw().next(), hawser.StreamConsumed)
    for await (const chunk of chunks) length += chunk.length
    assert.equal(length, 1_000_000)
    await assertClosed(sockets, 1)
  })
})

describe('the connection is closed', () => {
  test('when a hook or an auth flow has read the body', async (t) => {
    const { origin, sockets } = await echo(t)
    const read = async (response: { read(): Promise<unknown> }) => void (await response.read())
    const auth: OneCallOptions['auth'] = {
      async *authFlow(request) {
        await read(yield request)
      },
    }
    await hawser.get(origin, { eventHooks: { response: [read] } })
    await assertClosed(sockets, 1)
    await hawser.get(origin, { auth })
    await assertClosed(sockets, 2)
    await hawser.stream('GET', origin, { eventHooks: { response: [read] } })
    await assertClosed(sockets, 3)
  })

  test('when a hook throws', async (t) => {
    const { origin, sockets } = await echo(t)
    const hook = () => {
      throw new Error('thrown by the hook')
    }
    await assert.rejects(hawser.get(origin, { eventHooks: { response: [hook] } }), /thrown by/)
    await assertClosed(sockets, 1)
  })

  test('after a failure in any phase', async (t) => {
    const { origin, sockets } = await rawServer(t, (socket) => {
      socket.once('data', (data) => {
        const request = String(data)
        const body = request.startsWith('GET /gzip') ? 'Content-Encoding: gzip\r\n' : ''
        if (request.startsWith('GET /head')) socket.write('nonsense\r\n\r\n')
        else socket.write(`HTTP/1.1 200 OK\r\n${body}Content-Length: 5\r\n\r\nabc`)
        if (request.startsWith('GET /cut')) socket.end()
        if (request.startsWith('GET /gzip')) socket.write('de')
      })
    })
    let failures = 0
    for (const [path, options, name] of [
      ['/head', {}, 'RemoteProtocolError'],
      ['/cut', {}, 'RemoteProtocolError'],
      ['/gzip', {}, 'DecodingError'],
      ['/silent', { timeout: { read: 20 } }, 'ReadTimeout'],
      ['/large', { maxResponseSize: 1 }, 'ResponseTooLarge'],
    ] as const) {
      await assert.rejects(hawser.get(`${origin}${path}`, options), { name })
      await assertClosed(sockets, ++failures)
    }
  })
})

test('69 the error response of a hook can be read, and closes the client then', async (t) => {
  const { origin, sockets } = await httpServer(t, (request, response) => {
    response.writeHead(500)
    response.end('x'.repeat(Number(request.url?.slice(1))))
  })
  const raise = (response: Response) => void response.raiseForStatus()
  const wrap = (response: Response) => {
    throw new Error('wrapped', {
      cause: new hawser.HTTPStatusError('raised', { request: response.request, response }),
    })
  }
  let count = 0
  for (const size of [0, 6, 70_000, 1_000_000]) {
    for (const hook of [raise, wrap]) {
      for (const read of [true, false]) {
        const call = hawser.get(`${origin}/${size}`, { eventHooks: { response: [hook] } })
        const error: unknown = await call.catch((reason) => reason)
        assert.ok(error instanceof Error)
        const status = error instanceof hawser.HTTPStatusError ? error : error.cause
        assert.ok(status instanceof hawser.HTTPStatusError)
        const { response } = status
        assert.ok(response instanceof hawser.Response)
        if (read) {
          assert.equal((await response.read()).bytes().length, Math.min(size, 65_536))
        }
        await assertClosed(sockets, ++count)
      }
    }
  }
})

test('do not keep the process alive', async (t) => {
  const { origin } = await echo(t)
  const outcome = await inChild(async ({ hawser }, origin) => {
    const response = await hawser.get(origin)
    console.log(response.status)
    const streamed = await hawser.stream('GET', origin, { poolLimits: { keepaliveExpiry: null } })
    console.log(streamed.status) // The response is neither read nor closed.
    await hawser.get(origin, { maxResponseSize: 1 }).catch(({ name }) => console.log(name))
  }, origin)
  const output = '200\n200\nResponseTooLarge'
  assert.deepEqual(outcome, { output, errors: '', status: 0 })
})

test('44 the client stays open until the rest of an upload was sent', async (t) => {
  let received = ''
  const { origin, sockets } = await rawServer(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    socket.on('data', (bytes) => {
      received += bytes
    })
  })
  let give = (_: string): void => {}
  async function* content(): AsyncGenerator<string> {
    yield await new Promise<string>((resolve) => {
      give = resolve
    })
  }
  const response = await hawser.post(origin, { content: content() })
  assert.equal(response.text(), 'ok')
  give('late')
  await until(() => received.endsWith('4\r\nlate\r\n0\r\n\r\n'))
  await assertClosed(sockets, 1)
})

describe('90 a dispatcher that fails to close', () => {
  const dispatcher = (isOk: boolean) => {
    const mock = new hawser.MockDispatcher(() => {
      if (!isOk) throw new Error('the error of the call')
      return { text: 'ok' }
    })
    return {
      dispatch: mock.dispatch.bind(mock),
      close: () => Promise.reject(new Error('the error of close')),
    }
  }

  test('does not end the process with an unhandled rejection', async (t) => {
    const rejections: unknown[] = []
    const onRejection = (error: unknown) => rejections.push(error)
    process.on('unhandledRejection', onRejection)
    t.after(() => process.off('unhandledRejection', onRejection))
    const response = await hawser.get('http://h.test/', { dispatcher: dispatcher(true) })
    assert.equal(response.text(), 'ok')
    for (let i = 0; i < 10; i++) await new Promise(setImmediate)
    assert.deepEqual(rejections, [])
  })

  test('does not replace the error of the call', async () => {
    const call = hawser.get('http://h.test/', { dispatcher: dispatcher(false) })
    await assert.rejects(call, /the error of the call/)
  })
})
