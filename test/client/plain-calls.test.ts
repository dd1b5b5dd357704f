// Calls without auth flows, retries, hooks and cookies pass the layers of the client in one step, and
// wait for a small body together with its head. Nothing but the number of promises may differ.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { RequestOptions } from '../../src/index.ts'
import {
  ClientClosed,
  ReadTimeout,
  RemoteProtocolError,
  ResponseTooLarge,
} from '../../src/index.ts'
import { scriptedClient, settle } from './clients.ts'
import { reply, Web } from './scripted-web.ts'

const URL = 'http://h.test/'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'

describe('a call that reads the body', () => {
  test('resolves when a small body has arrived', async (t) => {
    const { client, backend } = scriptedClient(t)
    const call = client.get(URL)
    let isResolved = false
    call.then(() => {
      isResolved = true
    })
    await settle()
    backend.socket.receive(`${HEAD}he`)
    await settle()
    assert.equal(isResolved, false)
    backend.socket.receive('llo')
    const response = await call
    assert.equal(response.text(), 'hello')
    assert.equal((await response.read()).bytes(), response.bytes())
  })

  test('A2 follows a redirect whose body has not arrived', async () => {
    const web = new Web(({ target }) =>
      target === '/'
        ? 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 100\r\n\r\nstalls'
        : reply(200, [], 'hello'),
    )
    const client = web.client()
    const response = await web.during(client.get(URL))
    assert.equal(response.text(), 'hello')
    assert.deepEqual(
      response.history.map(({ status }) => status),
      [302],
    )
    await client.close()
  })

  test('stores cookies before the body has arrived', async (t) => {
    const { client, backend } = scriptedClient(t)
    client.get(URL).catch(() => {})
    await settle()
    backend.socket.receive('HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\n')
    await settle()
    assert.equal(client.cookies.get('a'), 'b')
  })

  test('fails with the head if the body is longer than maxResponseSize', async (t) => {
    const { client, backend } = scriptedClient(t, { maxResponseSize: 4 })
    const call = client.get(URL)
    await settle()
    backend.socket.receive(HEAD)
    await assert.rejects(call, ResponseTooLarge)
    assert.equal(backend.socket.destroyed, true)
  })

  test('reports each part to onDownloadProgress as it arrives', async (t) => {
    const { client, backend } = scriptedClient(t)
    const parts: number[] = []
    const call = client.get(URL, { onDownloadProgress: ({ bytes }) => void parts.push(bytes) })
    await settle()
    backend.socket.receive(`${HEAD}he`)
    await settle()
    assert.deepEqual(parts, [2])
    backend.socket.receive('llo')
    assert.equal((await call).text(), 'hello')
    assert.deepEqual(parts, [2, 5])
  })
})

test('an ordinary URL is not parsed, unless a caller reads it', async (t) => {
  const { client, backend } = scriptedClient(t, { baseUrl: 'http://h.test/api' })
  const { URL: Original } = globalThis
  let count = 0
  globalThis.URL = class extends Original {
    constructor(url: string | URL, base?: string | URL) {
      super(url, base)
      count++
    }
  }
  t.after(() => {
    globalThis.URL = Original
  })
  const send = async (method: string, options?: RequestOptions) => {
    const call = client.request(method, '/users/7', options)
    await settle()
    backend.socket.receive(reply(200, [], 'hello'))
    return call
  }
  await send('GET') // parses the origin for the pool
  count = 0
  const { signal } = new AbortController()
  const params = { q: 'a b' }
  await send('POST', { params, signal, json: {}, headers: { 'x-a': 'b' }, timeout: 1000 })
  const response = await send('GET')
  assert.equal(count, 0)
  assert.equal(response.url.href, 'http://h.test/api/users/7')
  assert.equal(response.url, response.request.url)
  assert.equal(count, 1)
})

test('stream() resolves with the head of a small body', async (t) => {
  const { client, backend } = scriptedClient(t)
  const call = client.stream('GET', URL)
  await settle()
  backend.socket.receive(HEAD)
  const response = await call
  backend.socket.receive('hello')
  assert.equal((await response.read()).text(), 'hello')
})

describe('a body that does not arrive completely fails the call', () => {
  test('when it stalls', async (t) => {
    const { client, backend, clock } = scriptedClient(t, { timeout: 100 })
    const call = client.get(URL)
    await settle()
    backend.socket.receive(`${HEAD}he`)
    const failed = assert.rejects(call, (error) => {
      assert.ok(error instanceof ReadTimeout)
      assert.equal(error.request?.method, 'GET')
      return true
    })
    await clock.advance(200)
    await failed
  })

  test('27 when the connection ends', async (t) => {
    const { client, backend } = scriptedClient(t)
    const call = client.get(URL)
    await settle()
    backend.socket.receive(`${HEAD}he`)
    backend.socket.receiveEnd()
    await assert.rejects(call, RemoteProtocolError)
  })
})

describe('50 a call ends although its body has arrived', () => {
  for (const coding of ['identity', 'gzip']) {
    const answer =
      coding === 'gzip'
        ? reply(200, ['Content-Encoding: gzip'], gzipSync('hello').latin1Slice())
        : reply(200, [], 'hello')

    test(`when its signal is aborted before the caller has it, ${coding}`, async (t) => {
      const { client, backend } = scriptedClient(t)
      const controller = new AbortController()
      const reason = { any: 'value' }
      const call = client.get(URL, { signal: controller.signal })
      await settle()
      backend.socket.receive(answer)
      controller.abort(reason)
      await assert.rejects(call, (error) => error === reason)
    })

    test(`when its client is closed before the caller has it, ${coding}`, async (t) => {
      const { client, backend } = scriptedClient(t)
      const call = client.get(URL)
      await settle()
      backend.socket.receive(answer)
      void client.close()
      await assert.rejects(call, ClientClosed)
    })
  }
})
