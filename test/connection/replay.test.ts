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
import { settle } from '../support/scripted-clock.ts'
import { assertError, OK, Stage } from '../support/stage.ts'

const deaths: Record<string, (stage: Stage) => void> = {
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
  'PUT of an array': { request: () => ({ method: 'PUT', body: ['abc'] }), replayed: false },
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
  'an unknown method': { request: () => ({ method: 'PURGE' }), replayed: false },
  'get, which is not GET': { request: () => ({ method: 'get' }), replayed: false },
}

for (const [name, { request, replayed }] of Object.entries(requests)) {
  for (const [death, die] of Object.entries(deaths)) {
    test(`3, R13 ${name} on a dead connection (${death}): ${replayed ? 'sent again' : 'an error'}`, async () => {
      const stage = new Stage()
      const first = await stage.warm()
      const call = await stage.send(request())
      const sent = first.written
      die(stage)
      await settle()
      if (replayed) {
        assert.deepEqual(call.events, [])
        assert.equal(stage.backend.sockets.length, 2)
        assert.equal(stage.socket.written, sent)
        assert.ok(first.destroyed || first.closed)
        await stage.receive(request().method === 'HEAD' ? OK.slice(0, -2) : OK)
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
        assert.equal(stage.backend.sockets.length, 1)
      }
      await stage.done()
    })
  }
}

for (const [death, die] of Object.entries(deaths)) {
  test(`3, R13 if the second connection is dead, too: an error: ${death}`, async () => {
    const stage = new Stage()
    await stage.warm()
    const call = await stage.send()
    die(stage)
    await settle()
    die(stage)
    await settle()
    assert.equal(stage.backend.sockets.length, 2)
    assertError(
      call.error,
      death === 'FIN' ? RemoteProtocolError : death === 'reset' ? ReadError : WriteError,
      {
        phase: 'wait',
        bytesSent: stage.socket.written.length,
        responseStarted: false,
        reusedConnection: false,
        safeToRetry: true,
      },
    )
    await stage.done()
  })

  test(`3, R13 a request on a new connection is not sent again: ${death}`, async () => {
    const stage = new Stage()
    const call = await stage.send()
    die(stage)
    await settle()
    assert.equal(stage.backend.sockets.length, 1)
    assert.equal(call.over, true)
    await stage.done()
  })

  test(`3, R13 after one byte of a response, the request is not sent again: ${death}`, async () => {
    for (const bytes of ['H', 'HTTP/1.1 103 x\r\n\r\n', '\r\n']) {
      const stage = new Stage()
      await stage.warm()
      const call = await stage.send()
      await stage.receive(bytes)
      die(stage)
      await settle()
      assert.equal(stage.backend.sockets.length, 1)
      assertError(call.error, Error, {
        responseStarted: true,
        reusedConnection: true,
        safeToRetry: false,
      })
      await stage.done()
    }
  })
}

test('3, R13 after a timeout, the request is not sent again', async () => {
  const stage = new Stage({ timeouts: { read: 100 } })
  await stage.warm()
  const call = await stage.send()
  await stage.clock.advance(100)
  assertError(call.error, ReadTimeout, { reusedConnection: true, safeToRetry: true })
  assert.equal(stage.backend.sockets.length, 1)
  await stage.done()
})

test('3 a request is sent again on a new connection, since other idle ones may be dead, too', async () => {
  const stage = new Stage()
  const [a, b] = [await stage.send({ path: '/a' }), await stage.send({ path: '/b' })]
  for (const socket of stage.backend.sockets) socket.receive(OK)
  assert.ok(a.over && b.over)
  assert.equal(stage.pool.stats().idle, 2)
  const call = await stage.send({ path: '/again' })
  const used = stage.backend.sockets.find(({ written }) => written.includes('/again'))
  used?.receiveEnd()
  await settle()
  assert.equal(stage.backend.sockets.length, 3)
  assert.match(stage.socket.written, /^GET \/again /)
  await stage.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

test('a request that is sent again goes before all waiting requests', async () => {
  const stage = new Stage({ limits: { maxConnections: 1 } })
  await stage.warm()
  const call = await stage.send({ path: '/1' })
  const waiting = await stage.send({ path: '/2' })
  stage.socket.receiveEnd()
  await settle()
  assert.equal(stage.pool.stats().waiting, 1)
  assert.match(stage.socket.takeWritten(), /^GET \/1 /)
  await stage.receive(OK)
  assert.match(stage.socket.takeWritten(), /^GET \/2 /)
  await stage.receive(OK)
  assert.ok(call.over && waiting.over)
  assert.equal(stage.backend.sockets.length, 2)
  await stage.done()
})

test('a request that is sent again fails if it cannot connect', async () => {
  const stage = new Stage()
  await stage.warm()
  const call = await stage.send()
  stage.backend.autoConnect = false
  stage.socket.receiveEnd()
  await settle()
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  stage.socket.reset(refused)
  await settle()
  assertError(call.error, ConnectError, {
    cause: refused,
    phase: 'tcp',
    bytesSent: 0,
    reusedConnection: false,
    safeToRetry: true,
  })
  await stage.done()
})

test('a request that is sent again can be aborted while it connects', async () => {
  const stage = new Stage()
  await stage.warm()
  const call = await stage.send()
  stage.backend.autoConnect = false
  stage.socket.receiveEnd()
  await settle()
  assert.equal(stage.pool.stats().connecting, 1)
  call.abort('enough')
  await settle()
  assert.deepEqual(call.events, ['error enough'])
  await stage.done()
})

test('the total timeout includes both attempts', async () => {
  const stage = new Stage({ timeouts: { total: 1000 } })
  await stage.warm()
  const call = await stage.send()
  await stage.clock.advance(900)
  stage.socket.receiveEnd()
  await stage.clock.advance(99)
  assert.equal(call.over, false)
  await stage.clock.advance(1)
  assert.deepEqual(call.events, ['error TotalTimeout'])
  await stage.done()
})
