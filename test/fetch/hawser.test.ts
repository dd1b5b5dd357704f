// Behaviour that the fetch of Node does not have: options, errors, and the use of connections.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import * as errors from '../../src/errors.ts'
import {
  ClientClosed,
  ConnectError,
  ReadTimeout,
  RequestError,
  TooManyRedirects,
  TotalTimeout,
} from '../../src/errors.ts'
import * as publicNames from '../../src/fetch/index.ts'
import { createFetch, fetch } from '../../src/fetch/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'
import { errorOf } from './table.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Id: 7\r\n\r\nok'

/** A method that `@types/node` for Node 20 does not declare. */
interface WithBytes {
  bytes(): Promise<Uint8Array>
}

function scriptedFetch(options: publicNames.FetchOptions = {}) {
  const backend = new ScriptedBackend()
  return { backend, fetch: createFetch({ trustEnv: false, ...options, backend }) }
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.fail('the call did not fail'),
    (error) => error,
  )
}

test('the exported names', () => {
  const expected = [...Object.keys(errors), 'fetch', 'createFetch']
  assert.deepEqual(Object.keys(publicNames).sort(), expected.sort())
})

test('the bytes of a request', async () => {
  const { backend, fetch } = scriptedFetch({ headers: { 'user-agent': 'me', 'X-All': '1' } })
  const response = fetch('http://a.test/p?q#f', { headers: { 'X-One': '1' } })
  await settle()
  assert.match(
    backend.socket.written,
    /^GET \/p\?q HTTP\/1.1\r\nHost: a.test\r\naccept: \*\/\*\r\naccept-encoding: gzip, [^\r]+\r\nuser-agent: me\r\nX-All: 1\r\nX-One: 1\r\n\r\n$/,
  )
  backend.socket.receive(OK)
  assert.equal(await (await response).text(), 'ok')
  await fetch.close()
})

test('68 a question mark without a query is sent', async () => {
  const { backend, fetch } = scriptedFetch()
  const response = fetch('http://a.test/p?#f')
  await settle()
  assert.match(backend.socket.written, /^GET \/p\? HTTP\/1.1\r\n/)
  backend.socket.receive(OK)
  await response
  await fetch.close()
})

describe('errors', () => {
  test('contain method and URL, and no secrets', async () => {
    const { backend, fetch } = scriptedFetch()
    backend.hosts.set('a.test', new Error('no such name'))
    const headers = { authorization: 'secret' }
    const error = await failureOf(fetch('http://a.test/p?token=secret', { headers }))
    assert.ok(error instanceof TypeError)
    assert.ok(error.cause instanceof ConnectError)
    assert.match(error.cause.message, /a\.test.*no such name.*GET http:\/\/a\.test\/p/)
    assert.doesNotMatch(inspect(error), /secret/)
    await fetch.close()
  })

  test('about redirects contain no headers', async () => {
    const { backend, fetch } = scriptedFetch({ maxRedirects: 0 })
    const headers = { authorization: 'secret' }
    for (const [redirect, type] of [
      ['follow', TooManyRedirects],
      ['error', RequestError],
    ] as const) {
      const failed = failureOf(fetch('http://a.test/', { headers, redirect }))
      await settle()
      backend.socket.receive('HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n')
      const error = await failed
      assert.ok(error.cause instanceof type)
      assert.doesNotMatch(inspect(error), /secret/)
    }
    await fetch.close()
  })

  test('a timeout that was given as an option', async () => {
    const { backend, fetch } = scriptedFetch({ timeout: { read: 50 } })
    const failed = failureOf(fetch('http://a.test/'))
    await settle()
    await backend.clock.advance(50)
    assert.ok((await failed).cause instanceof ReadTimeout)
    await fetch.close()
  })

  test('the default timeouts permit a response after minutes', async () => {
    const { backend, fetch } = scriptedFetch()
    const response = fetch('http://a.test/')
    await settle()
    await backend.clock.advance(299_000)
    backend.socket.receive(OK)
    assert.equal((await response).status, 200)
    await fetch.close()
  })

  test('invalid options', () => {
    for (const options of [{ auth: ['a', 'b'] }, { cookies: {} }, { maxRedirects: -1 }, null]) {
      assert.throws(() => createFetch(options as never), TypeError)
    }
  })
})

test('close() fails requests in progress, and refuses later calls', async () => {
  const { fetch } = scriptedFetch()
  const inFlight = failureOf(fetch('http://a.test/'))
  await settle()
  await fetch.close()
  assert.ok((await inFlight).cause instanceof ClientClosed)
  assert.ok((await failureOf(fetch('http://a.test/'))).cause instanceof ClientClosed)
})

test('cookies are neither stored nor sent', async () => {
  const { backend, fetch } = scriptedFetch()
  for (let i = 0; i < 2; i++) {
    const response = fetch('http://a.test/', { credentials: 'include' })
    await settle()
    assert.doesNotMatch(backend.socket.takeWritten(), /cookie/i)
    backend.socket.receive(OK.replace('X-Id: 7', 'Set-Cookie: a=1'))
    await (await response).text()
  }
  await fetch.close()
})

test('an abort cancels the stream of the body, whether or not it was begun', async () => {
  for (const connects of [true, false]) {
    const { backend, fetch } = scriptedFetch()
    backend.autoConnect = false
    const controller = new AbortController()
    let cancelled = 0
    const body = new ReadableStream({
      pull: (stream) => stream.enqueue(Buffer.alloc(10)),
      cancel: () => void cancelled++,
    })
    const init = { method: 'POST', duplex: 'half', body, signal: controller.signal } as const
    const failed = errorOf(() => fetch('http://a.test/', init))
    await backend.clock.flush()
    if (connects) {
      backend.socket.block()
      backend.socket.connected()
      await backend.clock.flush()
      backend.socket.unblock(1000)
      await backend.clock.flush()
    }
    controller.abort('reason')
    assert.equal(await failed, 'reason')
    await settle()
    assert.equal(cancelled, 1)
    await fetch.close()
  }
})

describe('47 an abort cancels the stream of the body with the reason', () => {
  const reason = { any: 'value' }
  type Arguments = Parameters<typeof globalThis.fetch>
  const inputs: Record<string, (init: RequestInit) => Arguments> = {
    init: (init) => ['http://a.test/', init],
    'a Request': (init) => [new Request('http://a.test/', init)],
    'a Request and its signal in init': ({ signal = null, ...init }) => [
      new Request('http://a.test/', init),
      { signal },
    ],
  }
  const moments: Record<string, (backend: ScriptedBackend) => Promise<unknown> | null> = {
    'before the call': () => null,
    'right after the call': () => Promise.resolve(),
    'while a connection is opened': (backend) => {
      backend.autoConnect = false
      return backend.clock.flush()
    },
    'during the upload': (backend) => backend.clock.flush(),
  }
  for (const [name, argumentsFor] of Object.entries(inputs)) {
    for (const [moment, wait] of Object.entries(moments)) {
      test(`${name}, ${moment}`, async () => {
        const { backend, fetch } = scriptedFetch()
        const reasons: unknown[] = []
        const body = new ReadableStream({
          start: (queue) => queue.enqueue(Buffer.from('abc')),
          cancel: (given) => void reasons.push(given),
        })
        const controller = new AbortController()
        const { signal } = controller
        const init = { method: 'POST', duplex: 'half', body, signal } as RequestInit
        const waited = wait(backend)
        if (waited === null) controller.abort(reason)
        const failed = errorOf(() => fetch(...argumentsFor(init)))
        await waited
        controller.abort(reason)
        await backend.clock.flush()
        assert.equal(await failed, reason)
        await settle()
        assert.deepEqual(reasons, [reason])
        await fetch.close()
      })
    }
  }
})

test('47 text() after an abort rejects with the reason, although the data has arrived', async () => {
  const reason = { any: 'value' }
  const { backend, fetch } = scriptedFetch()
  const controller = new AbortController()
  const response = fetch('http://a.test/', { signal: controller.signal })
  await settle()
  backend.socket.receive(OK)
  const received = await response
  controller.abort(reason)
  assert.equal(await errorOf(() => received.text()), reason)
  await fetch.close()
})

test('bytes are copied at the call', async () => {
  const { backend, fetch } = scriptedFetch()
  const body = Buffer.alloc(50_000, 'a') // too large to be sent with the head
  const response = fetch('http://a.test/', { method: 'POST', body })
  body.fill('b')
  await settle()
  assert.match(backend.socket.written, /\r\n\r\na{50000}$/)
  backend.socket.receive(OK)
  await (await response).text()
  await fetch.close()
})

test('headers, body and inspect can be used while the body is read', async () => {
  const { backend, fetch } = scriptedFetch()
  const response = fetch('http://a.test/')
  await settle()
  backend.socket.receive(OK.slice(0, -2))
  const { headers } = await response
  const text = (await response).text()
  assert.ok((await response).body?.locked)
  assert.match(inspect(await response), /^Response \{\s+status: 200/)
  backend.socket.receive('ok')
  assert.equal(await text, 'ok')
  assert.equal(headers.get('x-id'), '7')
  assert.equal(await errorOf(async () => (await response).text()), 'TypeError')
  await fetch.close()
})

test('connections are reused, and bytes() returns a Uint8Array', async () => {
  const { backend, fetch } = scriptedFetch()
  for (let i = 0; i < 3; i++) {
    const response = fetch('http://a.test/')
    await settle()
    backend.socket.receive(OK)
    const bytes = await ((await response) as unknown as WithBytes).bytes()
    assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
    assert.deepEqual([...bytes], [...Buffer.from('ok')])
  }
  assert.equal(backend.sockets.length, 1)
  await fetch.close()
})

test('22 a polluted prototype has no effect', async () => {
  const { backend, fetch } = scriptedFetch()
  const pollution = { method: 'DELETE', body: 'evil', redirect: 'error', headers: { evil: '1' } }
  Object.assign(Object.prototype, pollution)
  let response: Promise<Response>
  try {
    response = fetch('http://a.test/', {})
  } finally {
    for (const name of Object.keys(pollution)) delete (Object.prototype as never)[name]
  }
  await settle()
  assert.match(backend.socket.written, /^GET /)
  assert.doesNotMatch(backend.socket.written, /evil/)
  backend.socket.receive(OK)
  await (await response).text()
  await fetch.close()
})

test('the async context of the caller is preserved', async () => {
  const storage = new AsyncLocalStorage<string>()
  const { backend, fetch } = scriptedFetch()
  const seen = storage.run('caller', async () => {
    await (await fetch('http://a.test/')).text()
    return storage.getStore()
  })
  await settle()
  storage.run('other', () => backend.socket.receive(OK))
  assert.equal(await seen, 'caller')
  await fetch.close()
})

test('the shared fetch rejects and never throws', async () => {
  assert.ok((await failureOf(fetch('nonsense'))) instanceof TypeError)
})

test('87 the total timeout counts from the call, through redirects', async () => {
  const { backend, fetch } = scriptedFetch({ timeout: { total: 1000, read: null } })
  const failure = failureOf(fetch('http://a.test/'))
  await settle()
  await backend.clock.advance(600)
  backend.socket.receive('HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n')
  await settle()
  await backend.clock.advance(399)
  assert.equal(backend.holdCount, 1)
  await backend.clock.advance(1)
  assert.equal(backend.holdCount, 0)
  const { cause } = await failure
  assert.ok(cause instanceof TotalTimeout)
  assert.match(
    cause.message,
    /^The request did not complete within 1000 ms \(GET http:\/\/a\.test\/b/,
  )
  await fetch.close()
})
