// A reused connection turns out to be closed. RFC 9112 9.3.1; hazard 3
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DispatchRequest } from '../../src/engine.ts'
import {
  ConnectError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  WriteError,
} from '../../src/engine.ts'
import { assertError, OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'

const deaths: Record<string, (harness: PoolHarness) => void> = {
  FIN: ({ socket }) => socket.receiveEnd(),
  reset: ({ socket }) => socket.reset(),
  'EPIPE, then FIN': ({ socket }) => {
    socket.failWrites()
    socket.handler.onWriteError(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    socket.receiveEnd()
  },
}

async function* iterable(): AsyncGenerator<string> {
  yield 'abc'
}

class Repeatable {
  get isReplayable(): boolean {
    return true
  }

  *[Symbol.iterator](): Generator<string> {
    yield 'abc'
  }
}

const requests: Record<string, { request: () => Partial<DispatchRequest>; replayed: boolean }> = {
  GET: { request: () => ({}), replayed: true },
  HEAD: { request: () => ({ method: 'HEAD' }), replayed: true },
  OPTIONS: { request: () => ({ method: 'OPTIONS', path: '*' }), replayed: true },
  DELETE: { request: () => ({ method: 'DELETE' }), replayed: true },
  'PUT of small bytes': { request: () => ({ method: 'PUT', body: 'abc' }), replayed: true },
  'PUT of large bytes': {
    request: () => ({ method: 'PUT', body: Buffer.alloc(3 << 20, 'x') }),
    replayed: true,
  },
  'PUT that waits for 100': {
    request: () => ({ method: 'PUT', headers: ['Expect', '100-continue'], body: iterable() }),
    replayed: true,
  },
  'PUT of an iterable': { request: () => ({ method: 'PUT', body: iterable() }), replayed: false },
  'PUT of an array': { request: () => ({ method: 'PUT', body: ['abc', 'def'] }), replayed: true },
  'PUT of a set': { request: () => ({ method: 'PUT', body: new Set(['abc']) }), replayed: true },
  'PUT of an iterator of an array': {
    request: () => ({ method: 'PUT', body: ['abc'].values() }),
    replayed: false,
  },
  'PUT of content whose class has the getter isReplayable': {
    request: () => ({ method: 'PUT', body: new Repeatable() }),
    replayed: true,
  },
  'PUT of an iterable that can be read again': {
    request: () => ({
      method: 'PUT',
      body: { isReplayable: true, [Symbol.asyncIterator]: iterable } as never,
    }),
    replayed: true,
  },
  POST: { request: () => ({ method: 'POST' }), replayed: false },
  'POST of small bytes': { request: () => ({ method: 'POST', body: 'abc' }), replayed: false },
  PATCH: { request: () => ({ method: 'PATCH', body: 'abc' }), replayed: false },
  QUERY: { request: () => ({ method: 'QUERY', body: 'abc' }), replayed: true },
  LOCK: { request: () => ({ method: 'LOCK', body: 'abc' }), replayed: false },
  'an unknown method': { request: () => ({ method: 'PURGE' }), replayed: false },
  'get, which is not GET': { request: () => ({ method: 'get' }), replayed: false },
}

for (const [name, { request, replayed }] of Object.entries(requests)) {
  for (const [death, die] of Object.entries(deaths)) {
    test(`3, 49, R13 ${name} on a dead connection (${death}): ${replayed ? 'sent again' : 'an error'}`, async () => {
      const harness = new PoolHarness()
      const first = await harness.openIdleConnection()
      const call = await harness.send(request())
      const sent = first.written
      die(harness)
      await settle()
      if (replayed) {
        assert.deepEqual(call.events, [])
        assert.equal(harness.backend.sockets.length, 2)
        assert.equal(harness.socket.written, sent)
        assert.ok(first.destroyed || first.closed)
        await harness.receive(request().method === 'HEAD' ? OK.slice(0, -2) : OK)
        assert.equal(call.events[0], 'head 200')
        assert.equal(call.events.at(-1), 'end')
      } else {
        const type = { FIN: RemoteProtocolError, reset: ReadError }[death] ?? WriteError
        assertError(call.error, type, {
          phase: 'wait',
          bytesSent: sent.length,
          responseStarted: false,
          reusedConnection: true,
          safeToRetry: false,
        })
        assert.equal(harness.backend.sockets.length, 1)
      }
      await harness.finish()
    })
  }
}

for (const [death, die] of Object.entries(deaths)) {
  test(`3, R13 if the second connection is dead, too: an error: ${death}`, async () => {
    const harness = new PoolHarness()
    await harness.openIdleConnection()
    const call = await harness.send()
    die(harness)
    await settle()
    die(harness)
    await settle()
    assert.equal(harness.backend.sockets.length, 2)
    assertError(
      call.error,
      death === 'FIN' ? RemoteProtocolError : death === 'reset' ? ReadError : WriteError,
      {
        phase: 'wait',
        bytesSent: harness.socket.written.length,
        responseStarted: false,
        reusedConnection: false,
        safeToRetry: true,
      },
    )
    await harness.finish()
  })

  test(`3, R13 a request on a new connection is not sent again: ${death}`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send()
    die(harness)
    await settle()
    assert.equal(harness.backend.sockets.length, 1)
    assert.equal(call.hasEnded, true)
    await harness.finish()
  })

  test(`3, R13 after one byte of a response, the request is not sent again: ${death}`, async () => {
    for (const bytes of ['H', 'HTTP/1.1 103 x\r\n\r\n', '\r\n']) {
      const harness = new PoolHarness()
      await harness.openIdleConnection()
      const call = await harness.send()
      await harness.receive(bytes)
      die(harness)
      await settle()
      assert.equal(harness.backend.sockets.length, 1)
      assertError(call.error, Error, {
        responseStarted: true,
        reusedConnection: true,
        safeToRetry: false,
      })
      await harness.finish()
    }
  })
}

test('3, R13 after a timeout, the request is not sent again', async () => {
  const harness = new PoolHarness({ timeouts: { read: 100 } })
  await harness.openIdleConnection()
  const call = await harness.send()
  await harness.clock.advance(100)
  assertError(call.error, ReadTimeout, { reusedConnection: true, safeToRetry: true })
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
})

test('3 a request is sent again on a new connection, since other idle ones may be dead, too', async () => {
  const harness = new PoolHarness()
  const [a, b] = [await harness.send({ path: '/a' }), await harness.send({ path: '/b' })]
  for (const socket of harness.backend.sockets) socket.receive(OK)
  assert.ok(a.hasEnded && b.hasEnded)
  assert.equal(harness.pool.stats().idle, 2)
  const call = await harness.send({ path: '/again' })
  const used = harness.backend.sockets.find(({ written }) => written.includes('/again'))
  used?.receiveEnd()
  await settle()
  assert.equal(harness.backend.sockets.length, 3)
  assert.match(harness.socket.written, /^GET \/again /)
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('a request that is sent again goes before all waiting requests', async () => {
  const harness = new PoolHarness({ limits: { maxConnections: 1 } })
  await harness.openIdleConnection()
  const call = await harness.send({ path: '/1' })
  const waiting = await harness.send({ path: '/2' })
  harness.socket.receiveEnd()
  await settle()
  assert.equal(harness.pool.stats().waiting, 1)
  assert.match(harness.socket.takeWritten(), /^GET \/1 /)
  await harness.receive(OK)
  assert.match(harness.socket.takeWritten(), /^GET \/2 /)
  await harness.receive(OK)
  assert.ok(call.hasEnded && waiting.hasEnded)
  assert.equal(harness.backend.sockets.length, 2)
  await harness.finish()
})

test('a request that is sent again fails if it cannot connect', async () => {
  const harness = new PoolHarness()
  await harness.openIdleConnection()
  const call = await harness.send()
  harness.backend.autoConnect = false
  harness.socket.receiveEnd()
  await settle()
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  harness.socket.reset(refused)
  await settle()
  assertError(call.error, ConnectError, {
    cause: refused,
    phase: 'tcp',
    bytesSent: 0,
    reusedConnection: false,
    safeToRetry: true,
  })
  await harness.finish()
})

test('a request that is sent again can be aborted while it connects', async () => {
  const harness = new PoolHarness()
  await harness.openIdleConnection()
  const call = await harness.send()
  harness.backend.autoConnect = false
  harness.socket.receiveEnd()
  await settle()
  assert.equal(harness.pool.stats().connecting, 1)
  call.abort('enough')
  await settle()
  assert.deepEqual(call.events, ['error enough'])
  await harness.finish()
})

test('the total timeout includes both attempts', async () => {
  const harness = new PoolHarness({ timeouts: { total: 1000 } })
  await harness.openIdleConnection()
  const call = await harness.send()
  await harness.clock.advance(900)
  harness.socket.receiveEnd()
  await harness.clock.advance(99)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assert.deepEqual(call.events, ['error TotalTimeout'])
  await harness.finish()
})
