import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type {
  MockHandler,
  MockRequest,
  MockResponse,
} from '../../src/dispatch/in-process/mock-dispatcher.ts'
import { MockDispatcher } from '../../src/dispatch/in-process/mock-dispatcher.ts'
import { toRequestSender } from '../../src/dispatch/request-sender.ts'
import { ClientClosed, ConnectTimeout, ReadError, ReadTimeout } from '../../src/engine.ts'
import { deferred, ORIGIN, readSlowly, sendTo } from './send-to-app.ts'

type TestContext = Parameters<typeof sendTo>[0]

function mock(t: TestContext, handler: MockHandler) {
  return sendTo(t, toRequestSender(new MockDispatcher(handler)))
}

describe('the request', () => {
  test('method, URL, fields and content', async (t) => {
    let received: MockRequest | undefined
    const call = mock(t, (request) => {
      received = request
      return {}
    })
    async function* content() {
      yield 'a'
      yield Buffer.from('b')
    }
    await call('/path?q=1', { method: 'PUT', headers: { 'X-A': ['1', '2'] }, body: content() })
    assert.equal(received?.method, 'PUT')
    assert.ok(received.url instanceof URL)
    assert.equal(received.url.href, `${ORIGIN}/path?q=1`)
    assert.equal(received.headers.get('host'), 'app.test')
    assert.deepEqual(received.headers.getAll('x-a'), ['1', '2'])
    assert.equal(String(received.content), 'ab')
    await call('/')
    assert.equal(received.content.length, 0)
  })

  test('content that reuses one buffer', async (t) => {
    function* content() {
      const buffer = Buffer.alloc(1)
      for (const letter of 'abc') {
        buffer.write(letter)
        yield buffer
      }
    }
    const call = mock(t, ({ content }) => ({ content }))
    assert.equal(await (await call('/', { method: 'POST', body: content() })).text(), 'abc')
  })
})

describe('the response', () => {
  const cases: [
    what: string,
    described: MockResponse | Response,
    head: [status: number, statusText: string],
    fields: Record<string, string | string[]>,
    body: string,
  ][] = [
    ['nothing', {}, [200, 'OK'], { 'content-length': '0' }, ''],
    ['a status', { status: 404 }, [404, 'Not Found'], { 'content-length': '0' }, ''],
    ['no content', { status: 204 }, [204, 'No Content'], {}, ''],
    [
      'a reason phrase',
      { status: 299, statusText: 'Fine' },
      [299, 'Fine'],
      { 'content-length': '0' },
      '',
    ],
    ['a string', { content: 'ä' }, [200, 'OK'], { 'content-length': '2' }, 'ä'],
    ['bytes', { content: Buffer.from('b') }, [200, 'OK'], { 'content-length': '1' }, 'b'],
    ['an iterable', { content: ['a', Buffer.from('b')] }, [200, 'OK'], {}, 'ab'],
    [
      'text',
      { text: 'a' },
      [200, 'OK'],
      { 'content-type': 'text/plain; charset=utf-8', 'content-length': '1' },
      'a',
    ],
    [
      'JSON null',
      { json: null },
      [200, 'OK'],
      { 'content-type': 'application/json', 'content-length': '4' },
      'null',
    ],
    [
      'fields',
      {
        json: 1,
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['content-type', 'x/y'],
        ],
      },
      [200, 'OK'],
      { 'set-cookie': ['a=1', 'b=2'], 'content-type': 'x/y', 'content-length': '1' },
      '1',
    ],
    [
      'a fetch Response',
      new Response('r', { status: 201, headers: { 'x-a': '1' } }),
      [201, 'Created'],
      { 'content-type': 'text/plain;charset=UTF-8', 'x-a': '1' },
      'r',
    ],
  ]
  for (const [what, described, head, fields, body] of cases) {
    test(what, async (t) => {
      const response = await mock(t, async () => described)('/')
      assert.deepEqual([response.status, response.statusText], head)
      assert.deepEqual(response.headers.toJSON(), Object.assign(Object.create(null), fields))
      assert.equal(await response.text(), body)
    })
  }

  test('trailers', async (t) => {
    const response = await mock(t, () => ({ content: ['a'], trailers: { 'x-sum': '1' } }))('/')
    await response.bytes()
    assert.equal(response.trailers?.get('x-sum'), '1')
  })

  test('HEAD has no body', async (t) => {
    const response = await mock(t, () => ({ text: 'five!' }))('/', { method: 'HEAD' })
    assert.equal(response.headers.get('content-length'), '5')
    assert.equal((await response.bytes()).length, 0)
  })

  test('an iterable is read with backpressure', async (t) => {
    let made = 0
    function* content() {
      for (; made < 10 << 20; made += 65_536) yield Buffer.alloc(65_536)
    }
    const response = await mock(t, () => ({ content: content() }))('/')
    const { read, furthest } = await readSlowly(response, (read) => made - read)
    assert.equal(read, 10 << 20)
    assert.ok(furthest <= 1 << 18, `${furthest} bytes ran ahead of the reader`)
  })

  test('an iterable is closed if the response is closed', async (t) => {
    const closed = deferred()
    async function* content() {
      try {
        for (;;) yield Buffer.alloc(65_536)
      } finally {
        closed.resolve()
      }
    }
    const response = await mock(t, () => ({ content: content() }))('/')
    response.close()
    await closed.promise
  })

  test('an iterable that aborts its own call is closed', async (t) => {
    const closed = deferred()
    const controller = new AbortController()
    function* content() {
      try {
        yield 'a'
        controller.abort(new Error('enough'))
        yield 'b'
      } finally {
        closed.resolve()
      }
    }
    const call = mock(t, () => ({ content: content() }))
    const { signal } = controller
    await assert.rejects(async () => (await call('/', { signal })).bytes(), /enough/)
    await closed.promise
  })

  const invalid: [what: string, described: unknown, message: RegExp][] = [
    ['undefined', undefined, /must be an object, not undefined/],
    ['a misspelt key', { stauts: 404 }, /stauts is not an option/],
    ['two bodies', { text: 'a', json: 1 }, /cannot be combined/],
    ['an object as content', { content: { a: 1 } }, /for an object use json/],
    ['a number as text', { text: 1 }, /text must be a string/],
    ['a function as json', { json: () => {} }, /must be a value that JSON can represent/],
    [
      'a field with CR',
      { headers: { a: '\r' } },
      /^Invalid character "\\r" at index 0 in header a$/,
    ],
  ]
  for (const [what, described, message] of invalid) {
    test(`${what} is an error`, async (t) => {
      await assert.rejects(mock(t, () => described as MockResponse)('/'), { message })
    })
  }
})

describe('errors of the handler', () => {
  test('are thrown to the caller', async (t) => {
    const error = new ConnectTimeout('too slow')
    const handlers = {
      synchronous: () => {
        throw error
      },
      asynchronous: async () => Promise.reject(error),
    } // prettier-ignore
    for (const handler of Object.values(handlers)) {
      await assert.rejects(mock(t, handler)('/'), (thrown) => thrown === error)
    }
  })

  test('after the head, fail the body', async (t) => {
    const error = new Error('boom')
    async function* content() {
      yield 'part'
      throw error
    }
    const response = await mock(t, () => ({ content: content() }))('/')
    await assert.rejects(
      response.bytes(),
      (thrown) => thrown instanceof ReadError && thrown.cause === error,
    )
  })
})

test('a handler that never responds', async (t) => {
  const call = mock(t, () => new Promise<MockResponse>(() => {}))
  await assert.rejects(call('/', { timeouts: { read: 5 } }), ReadTimeout)
  const controller = new AbortController()
  const aborted = call('/', { signal: controller.signal })
  controller.abort(new Error('enough'))
  await assert.rejects(aborted, /enough/)
  const failed = assert.rejects(call('/'), ClientClosed)
  await call.sender.close()
  await failed
  await assert.rejects(call('/'), ClientClosed)
})

test('a handler must be a function', () => {
  assert.throws(() => new MockDispatcher({} as never), /handler must be a function/)
})
