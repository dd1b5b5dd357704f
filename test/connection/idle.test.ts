// What closes an idle connection, and what prevents the reuse of a connection. Hazards 3 and 24
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CloseReason, DispatchRequest } from '../../src/engine.ts'
import { closeReasons } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import { settle } from '../support/scripted-clock.ts'
import { OK, Stage } from '../support/stage.ts'

const events: Record<string, { happen: (stage: Stage) => unknown; reason: CloseReason }> = {
  FIN: { happen: ({ socket }) => socket.receiveEnd(), reason: 'peer-ended' },
  reset: { happen: ({ socket }) => socket.reset(), reason: 'peer-reset' },
  'a late write error': {
    happen: ({ socket }) => socket.handler.onWriteError(new Error('write EPIPE')),
    reason: 'peer-reset',
  },
  'one byte': { happen: ({ socket }) => socket.receive('x'), reason: 'idle-data' },
  'an empty line': { happen: ({ socket }) => socket.receive('\r\n'), reason: 'idle-data' },
  'a response': { happen: ({ socket }) => socket.receive(OK), reason: 'idle-data' },
  '408 before a close': {
    happen: ({ socket }) => socket.receive('HTTP/1.1 408 Request Timeout\r\n\r\n'),
    reason: 'idle-data',
  },
  'the end of keepaliveExpiry': {
    happen: ({ clock }) => clock.advance(5000),
    reason: 'keepalive-expired',
  },
}

for (const [name, { happen, reason }] of Object.entries(events)) {
  test(`3, 24 an idle connection is closed by ${name}`, async () => {
    const stage = new Stage()
    const socket = await stage.warm()
    await happen(stage)
    assert.equal(stage.pool.stats().connections, 0) // at once
    assert.deepEqual(stage.closes, [reason])
    assert.ok(reason in closeReasons)
    await settle()
    assert.ok(socket.closed)
    const next = await stage.send({ path: '/next' })
    assert.equal(stage.backend.sockets.length, 2)
    await stage.receive(OK)
    assert.deepEqual(next.events, ['head 200', 'data ok', 'end'])
    await stage.done()
  })
}

test('an idle connection is open until keepaliveExpiry', async () => {
  const stage = new Stage()
  await stage.warm()
  await stage.clock.advance(4999)
  assert.equal(stage.pool.stats().idle, 1)
  await stage.clock.advance(1)
  assert.equal(stage.pool.stats().connections, 0)
  await stage.done()
})

test('keepaliveExpiry starts again after each use', async () => {
  const stage = new Stage()
  await stage.warm()
  for (let i = 0; i < 5; i++) {
    await stage.clock.advance(4000)
    await stage.warm()
  }
  assert.equal(stage.backend.sockets.length, 1)
  await stage.done()
})

/** Responses, and why their connection is not reused; null if it is. */
const responses: Record<
  string,
  { request?: Partial<DispatchRequest>; response: string; reason: CloseReason | null }
> = {
  'a plain response': { response: OK, reason: null },
  'another response after it': { response: OK + OK, reason: 'surplus-bytes' },
  'a byte after it': { response: `${OK}x`, reason: 'surplus-bytes' },
  'an empty line after it': { response: `${OK}\r\n`, reason: 'surplus-bytes' },
  'bytes after the response to HEAD': {
    request: { method: 'HEAD' },
    response: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    reason: 'surplus-bytes',
  },
  'a body after 204': { response: 'HTTP/1.1 204 x\r\n\r\nhello', reason: 'surplus-bytes' },
  'bytes after trailers': {
    response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\nHTTP',
    reason: 'surplus-bytes',
  },
  'Connection: close': {
    response: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
    reason: 'server-says-close',
  },
  'close among other options': {
    response: 'HTTP/1.1 200 OK\r\nConnection: x, Close , y\r\nContent-Length: 2\r\n\r\nok',
    reason: 'server-says-close',
  },
  'HTTP/1.0': {
    response: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    reason: 'server-says-close',
  },
  'HTTP/1.0 with keep-alive': {
    response: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    reason: null,
  },
  'close in the request': {
    request: { headers: ['Connection', 'close'] },
    response: OK,
    reason: 'client-says-close',
  },
  'a 1xx with Connection: close': {
    response: `HTTP/1.1 103 x\r\nConnection: close\r\n\r\n${OK}`,
    reason: null,
  },
  'Keep-Alive: timeout=0': {
    response: 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok',
    reason: 'keepalive-expired',
  },
}

for (const [name, { request, response, reason }] of Object.entries(responses)) {
  for (const waiting of [false, true]) {
    test(`24, 26, R12, S11 ${name}: ${reason ?? 'kept'}${waiting ? ', while another waits' : ''}`, async () => {
      const stage = new Stage({ limits: { maxConnections: 1 } })
      const call = await stage.send(request)
      const next = waiting ? stage.dispatch({ path: '/2' }) : null
      await stage.receive(response)
      assert.equal(call.events.at(-1), 'end')
      assert.deepEqual(stage.closes, reason === null ? [] : [reason])
      assert.equal(stage.backend.sockets.length, (reason !== null && waiting ? 1 : 0) + 1)
      if (next !== null) {
        assert.deepEqual(next.events, []) // the surplus bytes were not delivered
        await stage.receive(OK)
        assert.deepEqual(next.events, ['head 200', 'data ok', 'end'])
      }
      await stage.done()
    })
  }
}

test('24 surplus that arrives after the next request was sent is taken for its response', async () => {
  // Such bytes cannot be distinguished from a response, unlike those of the tests above.
  const stage = new Stage()
  await stage.warm()
  const next = await stage.send()
  await stage.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxx')
  assert.equal(next.body, 'xx')
  await stage.done()
})

test('24 the connection is closed if a full read may have hidden surplus bytes', async () => {
  for (const copy of [false, true]) {
    const stage = new Stage()
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n'
    const call = await stage.send({ copy })
    await stage.receive(head)
    let missing = 300_000
    while (missing > 0) {
      // The read fills its target, but never contains more than the body.
      const { length } = stage.socket.handler.readTarget()
      const size = Math.min(length, missing)
      await stage.receive(Buffer.alloc(size, 'x'))
      missing -= size
    }
    assert.equal(call.events.at(-1), 'end')
    await stage.done()
  }
  const stage = new Stage()
  const call = await stage.send()
  const { length } = stage.socket.handler.readTarget()
  const head = (size: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`
  const size = length - head(length).length
  await stage.receive(head(size) + 'x'.repeat(size))
  assert.equal(call.events.at(-1), 'end')
  assert.deepEqual(stage.closes, ['surplus-unknown'])
  await stage.done()
})

test('3, 24 nothing is sent on a connection with FIN in the same turn as a response', async () => {
  const stage = new Stage()
  const call = await stage.send()
  const next = stage.dispatch({ path: '/2' })
  await settle()
  at(stage.backend.sockets, 0).receive(OK)
  at(stage.backend.sockets, 0).receiveEnd()
  assert.equal(call.events.at(-1), 'end')
  assert.equal(stage.pool.stats().idle, 0)
  at(stage.backend.sockets, 1).receive(OK)
  assert.equal(next.events.at(-1), 'end')
  await stage.done()
})

test('a response that arrives with the connection is delivered', async () => {
  const stage = new Stage()
  stage.backend.autoConnect = false
  const call = await stage.send()
  stage.socket.connected()
  stage.socket.receive(OK) // before the server can have read the request
  await settle()
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})
