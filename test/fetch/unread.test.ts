// Responses of `fetch` that nobody reads do not block other calls.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FetchOptions } from '../../src/fetch/index.ts'
import { createFetch } from '../../src/fetch/index.ts'
import { HTTPProxy } from '../../src/index.ts'
import { at } from '../support/at.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

/** The default of `maxConnections`. */
const LIMIT = 100
const LARGE = `HTTP/1.1 500 Failed\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(70_000)}`
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Calls `fetch` `count` times, without a response yet. */
async function startCalls(options: FetchOptions, count: number, url = 'http://a.test/') {
  const backend = new ScriptedBackend()
  const fetch = createFetch({ trustEnv: false, ...options, backend })
  const calls = Array.from({ length: count }, () => fetch(url))
  await settle()
  await openTunnels(backend)
  return { backend, fetch, calls }
}

/** Waits for the responses of all calls, and reads none. */
async function leaveUnread(options: FetchOptions = {}, url?: string) {
  const started = await startCalls(options, LIMIT, url)
  for (const socket of started.backend.sockets) socket.receive(LARGE)
  const responses = await Promise.all(started.calls)
  await settle()
  return { ...started, responses }
}

/** Responds to each CONNECT. */
async function openTunnels({ sockets }: ScriptedBackend): Promise<void> {
  for (const socket of sockets) {
    const isOpen = socket.written.includes('GET ')
    if (socket.written.startsWith('CONNECT ') && !isOpen) socket.receive('HTTP/1.1 200 OK\r\n\r\n')
  }
  await settle()
}

/** The sockets that have received this request. */
function sentTo({ sockets }: ScriptedBackend, path: string): ScriptedSocket[] {
  return sockets.filter(({ written }) => written.includes(`${path} HTTP/1.1`))
}

describe('the limit of fetch', () => {
  const routes: Record<string, { options: FetchOptions; scheme: string }> = {
    direct: { options: {}, scheme: 'http' },
    TLS: { options: {}, scheme: 'https' },
    'a forwarding proxy': { options: { proxies: 'http://proxy.test' }, scheme: 'http' },
    'a tunnel': {
      options: { proxies: new HTTPProxy('http://proxy.test', { mode: 'TUNNEL_ONLY' }) },
      scheme: 'http',
    },
  }
  for (const [route, { options, scheme }] of Object.entries(routes)) {
    test(`43 does not count responses that nobody reads: ${route}`, async () => {
      const { backend, fetch, responses } = await leaveUnread(options, `${scheme}://a.test/`)
      for (const host of ['a.test', 'b.test']) {
        const next = fetch(`${scheme}://${host}/next`)
        await settle()
        await openTunnels(backend)
        const socket = sentTo(backend, '/next').at(-1)
        assert.ok(socket, 'the call waits for a connection')
        socket.receive(OK)
        assert.equal(await (await next).text(), 'ok')
      }
      assert.equal(responses.length, LIMIT) // they were not collected
      await fetch.close()
    })
  }

  test('43 serves calls that wait already when responses become unread', async () => {
    const { backend, fetch, calls } = await startCalls({}, LIMIT + 2)
    assert.equal(backend.sockets.length, LIMIT)
    at(backend.sockets, 0).receive(LARGE)
    at(backend.sockets, 1).receive(LARGE)
    await settle()
    assert.equal(backend.sockets.length, LIMIT + 2)
    const responses = await Promise.all(calls.slice(0, 2))
    assert.equal(responses.length, 2)
    for (const call of calls) call.catch(() => {})
    await fetch.close()
  })

  test('43 counts a response again while it is read', async () => {
    const { backend, fetch, responses } = await leaveUnread()
    const texts = responses.map((response) => response.text())
    const next = fetch('http://a.test/next')
    await settle()
    assert.equal(sentTo(backend, '/next').length, 0)
    at(backend.sockets, 0).receive('x'.repeat(930_000))
    await settle()
    assert.equal(sentTo(backend, '/next').length, 1)
    assert.equal((await at(texts, 0)).length, 1_000_000)
    for (const call of [...texts, next]) call.catch(() => {})
    await fetch.close()
  })

  test('43 counts unread responses if poolLimits is given', async () => {
    for (const poolLimits of [{}, { maxConnections: LIMIT }]) {
      const { backend, fetch, responses } = await leaveUnread({ poolLimits })
      const next = fetch('http://a.test/next')
      await settle()
      assert.equal(backend.sockets.length, LIMIT)
      await at(responses, 0).body?.cancel()
      await backend.clock.flush()
      assert.equal(sentTo(backend, '/next').length, 1)
      next.catch(() => {})
      await fetch.close()
    }
  })
})

describe('a 205 response', () => {
  async function receive205(...pieces: string[]) {
    const backend = new ScriptedBackend()
    const fetch = createFetch({ trustEnv: false, backend })
    const call = fetch('http://a.test/')
    await settle()
    for (const piece of pieces) backend.socket.receive(`HTTP/1.1 205 Reset Content\r\n${piece}`)
    const response = await call
    await settle()
    assert.equal(response.status, 205)
    assert.equal(response.body, null)
    assert.equal(await response.text(), '')
    return { backend, fetch }
  }

  const fields: Record<string, string> = {
    'a large length': `Content-Length: 1000000\r\n\r\n${'x'.repeat(100)}`,
    'no length': '\r\n',
    'unfinished chunks': 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
  }
  for (const [content, text] of Object.entries(fields)) {
    test(`48 does not keep its connection: ${content}`, async () => {
      const { backend, fetch } = await receive205(text)
      assert.ok(backend.socket.destroyed)
      assert.equal(backend.holdCount, 0)
      await fetch.close()
    })
  }

  test('48 keeps the connection for other calls after a small content', async () => {
    const { backend, fetch } = await receive205('Content-Length: 3\r\n\r\na')
    assert.ok(!backend.socket.destroyed)
    backend.socket.receive('bc')
    await settle()
    const next = fetch('http://a.test/next')
    await settle()
    assert.equal(backend.sockets.length, 1)
    backend.socket.receive(OK)
    assert.equal(await (await next).text(), 'ok')
    await fetch.close()
  })
})
