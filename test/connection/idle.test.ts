// What closes an idle connection, and what prevents the reuse of a connection. Hazards 3 and 24
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CloseReason, DispatchRequest } from '../../src/engine.ts'
import { closeReasons } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import { OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'

const events: Record<string, { happen: (harness: PoolHarness) => unknown; reason: CloseReason }> = {
  FIN: { happen: ({ socket }) => socket.receiveEnd(), reason: 'peer-ended' },
  reset: { happen: ({ socket }) => socket.reset(), reason: 'peer-reset' },
  'a late write error': {
    happen: ({ socket }) => socket.handler.onWriteError(new Error('write EPIPE')),
    reason: 'peer-reset',
  },
  'one byte': { happen: ({ socket }) => socket.receive('x'), reason: 'unsolicited-data' },
  'an empty line': { happen: ({ socket }) => socket.receive('\r\n'), reason: 'unsolicited-data' },
  'a response': { happen: ({ socket }) => socket.receive(OK), reason: 'unsolicited-data' },
  '408 before a close': {
    happen: ({ socket }) => socket.receive('HTTP/1.1 408 Request Timeout\r\n\r\n'),
    reason: 'unsolicited-data',
  },
  'the end of keepaliveExpiry': {
    happen: ({ clock }) => clock.advance(5000),
    reason: 'keepalive-expired',
  },
}

for (const [name, { happen, reason }] of Object.entries(events)) {
  test(`3, 24 an idle connection is closed by ${name}`, async () => {
    const harness = new PoolHarness()
    const socket = await harness.openIdleConnection()
    await happen(harness)
    assert.equal(harness.pool.stats().connections, 0) // at once
    assert.deepEqual(harness.closeReasons, [reason])
    assert.ok(reason in closeReasons)
    await settle()
    assert.ok(socket.closed)
    const next = await harness.send({ path: '/next' })
    assert.equal(harness.backend.sockets.length, 2)
    await harness.receive(OK)
    assert.deepEqual(next.events, ['head 200', 'data ok', 'end'])
    await harness.finish()
  })
}

test('an idle connection is open until keepaliveExpiry', async () => {
  const harness = new PoolHarness()
  await harness.openIdleConnection()
  await harness.clock.advance(4999)
  assert.equal(harness.pool.stats().idle, 1)
  await harness.clock.advance(1)
  assert.equal(harness.pool.stats().connections, 0)
  await harness.finish()
})

test('keepaliveExpiry starts again after each use', async () => {
  const harness = new PoolHarness()
  await harness.openIdleConnection()
  for (let i = 0; i < 5; i++) {
    await harness.clock.advance(4000)
    await harness.openIdleConnection()
  }
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
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
    reason: 'server-close',
  },
  'close among other options': {
    response: 'HTTP/1.1 200 OK\r\nConnection: x, Close , y\r\nContent-Length: 2\r\n\r\nok',
    reason: 'server-close',
  },
  'HTTP/1.0': {
    response: 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
    reason: 'server-close',
  },
  'HTTP/1.0 with keep-alive': {
    response: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
    reason: null,
  },
  'close in the request': {
    request: { headers: ['Connection', 'close'] },
    response: OK,
    reason: 'client-close',
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
      const harness = new PoolHarness({ limits: { maxConnections: 1 } })
      const call = await harness.send(request)
      const next = waiting ? harness.dispatch({ path: '/2' }) : null
      await harness.receive(response)
      assert.equal(call.events.at(-1), 'end')
      assert.deepEqual(harness.closeReasons, reason === null ? [] : [reason])
      assert.equal(harness.backend.sockets.length, (reason !== null && waiting ? 1 : 0) + 1)
      if (next !== null) {
        assert.deepEqual(next.events, []) // the surplus bytes were not delivered
        await harness.receive(OK)
        assert.deepEqual(next.events, ['head 200', 'data ok', 'end'])
      }
      await harness.finish()
    })
  }
}

test('24 surplus that arrives after the next request was sent is taken for its response', async () => {
  // Such bytes cannot be distinguished from a response, unlike those of the tests above.
  const harness = new PoolHarness()
  await harness.openIdleConnection()
  const next = await harness.send()
  await harness.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxx')
  assert.equal(next.body, 'xx')
  await harness.finish()
})

test('24 the connection is closed if a full read may have hidden surplus bytes', async () => {
  for (const copy of [false, true]) {
    const harness = new PoolHarness()
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n'
    const call = await harness.send({ copy })
    await harness.receive(head)
    let missing = 300_000
    while (missing > 0) {
      // The read fills its target, but never contains more than the body.
      const { length } = harness.socket.handler.readTarget()
      const size = Math.min(length, missing)
      await harness.receive(Buffer.alloc(size, 'x'))
      missing -= size
    }
    assert.equal(call.events.at(-1), 'end')
    await harness.finish()
  }
  const harness = new PoolHarness()
  const call = await harness.send()
  const { length } = harness.socket.handler.readTarget()
  const head = (size: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`
  const size = length - head(length).length
  await harness.receive(head(size) + 'x'.repeat(size))
  assert.equal(call.events.at(-1), 'end')
  assert.deepEqual(harness.closeReasons, ['surplus-unknown'])
  await harness.finish()
})

test('3, 24 nothing is sent on a connection with FIN in the same turn as a response', async () => {
  const harness = new PoolHarness()
  const call = await harness.send()
  const next = harness.dispatch({ path: '/2' })
  await settle()
  at(harness.backend.sockets, 0).receive(OK)
  at(harness.backend.sockets, 0).receiveEnd()
  assert.equal(call.events.at(-1), 'end')
  assert.equal(harness.pool.stats().idle, 0)
  at(harness.backend.sockets, 1).receive(OK)
  assert.equal(next.events.at(-1), 'end')
  await harness.finish()
})

test('a response that arrives with the connection is delivered', async () => {
  const harness = new PoolHarness()
  harness.backend.autoConnect = false
  const call = await harness.send()
  harness.socket.connected()
  harness.socket.receive(OK) // before the server can have read the request
  await settle()
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})
