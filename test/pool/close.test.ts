import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { ClientClosed, HawserError } from '../../src/errors.ts'
import { at } from '../support/at.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'

describe('close', () => {
  test('fails requests in every state, and closes idle connections', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 4 } })
    const idle = await pool.warm(B)
    const sent = await pool.send(A, '/sent')
    const read = await pool.send(A, '/read')
    pool.socketOf('/read').receive('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    pool.backend.autoConnect = false
    const dialled = await pool.send('http://c.test', '/dialled')
    const dialled2 = await pool.send('http://d.test', '/dialled2')
    const waiting = await pool.send(A, '/waiting')
    assert.equal(isOpen(idle), false)
    assert.equal(pool.counts(), '2 connecting, 2 active, 0 idle, 1 waiting')
    const closed = pool.close()
    const all = [sent, read, dialled, dialled2, waiting]
    assert.ok(
      all.every(({ endCount }) => endCount === 0),
      'a handler was called inside close',
    )
    await closed
    await settle()
    for (const { error } of all) {
      assert.ok(error instanceof ClientClosed)
      assert.match(
        error.message,
        /^The pool was closed \(GET http:\/\/[acd]\.test\/\w+, after 0 ms\)$/,
      )
    }
    assert.deepEqual(pool.open, [])
    assert.equal(read.body, 'half')
    await assertEmpty(pool)
  })

  test('closes an idle connection', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    await pool.close()
    assert.equal(isOpen(socket), false)
    assert.deepEqual(pool.closed, [`${A} pool-closed`])
    await assertEmpty(pool)
  })

  test('opens no connection for waiting requests', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    await pool.send(A, '/active')
    for (let i = 0; i < 10; i++) pool.start(i % 2 ? A : B, `/${i}`)
    await pool.close()
    await settle()
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  test('leaves no armed timer', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 }, timeouts: 5000 })
    pool.start(A, '/', { timeouts: { total: 9000 } })
    pool.start(B)
    await settle()
    assert.ok(pool.backend.clock.armedTimers > 0)
    await pool.close()
    assert.equal(pool.backend.clock.armedTimers, 0)
  })

  test('fails later requests with ClientClosed, after dispatch has returned', async () => {
    const pool = new ScriptedPool()
    await pool.close()
    const call = pool.start(A)
    assert.equal(call.endCount, 0)
    await settle()
    assert.ok(call.error instanceof ClientClosed)
    assert.equal(call.error.message, 'The pool is closed')
    call.control?.abort()
    call.control?.resume()
    await assert.rejects(pool.request({ origin: A, path: '/' }), ClientClosed)
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('can be called again, also as Symbol.asyncDispose', async () => {
    const pool = new ScriptedPool()
    await pool.warm(A)
    await pool[Symbol.asyncDispose]()
    await pool.close()
    await assertEmpty(pool)
  })

  test('can be called inside onEnd and onError', async () => {
    const pool = new ScriptedPool()
    const first = await pool.send(A, '/1')
    const second = await pool.send(A, '/2')
    first.whenEnded = () => void pool.close()
    pool.socketOf('/1').receive(OK)
    await settle()
    assert.equal(first.body, 'ok')
    assert.ok(second.error instanceof ClientClosed)
    await assertEmpty(pool)
  })

  test('fails the reading of a body', async () => {
    const pool = new ScriptedPool()
    const promise = pool.request({ origin: A, path: '/' })
    await settle()
    at(pool.sockets, 0).receive('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    const response = await promise
    const bytes = response.bytes()
    await pool.close()
    await assert.rejects(bytes, ClientClosed)
    await assertEmpty(pool)
  })
})

describe('hold and release', () => {
  test('requests in progress keep the process alive, idle connections do not', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { backend } = pool
    assert.equal(backend.holdCount, 0)
    const calls = [pool.start(A, '/1'), pool.start(A, '/2'), pool.start(A, '/3')]
    assert.equal(backend.holdCount, 1)
    await settle()
    backend.socket.receive(OK)
    assert.equal(backend.holdCount, 1)
    at(calls, 2).control?.abort()
    backend.socket.receive(OK)
    await settle()
    assert.equal(backend.holdCount, 0)
    assert.equal(pool.stats().idle, 1)
    pool.start(A, '/', { method: 'POST' }) // not sent again when the connection is lost
    await settle()
    assert.equal(backend.holdCount, 1)
    backend.socket.reset()
    assert.equal(backend.holdCount, 0)
    await assertEmpty(pool)
  })

  test('invalid requests do not keep the process alive', async () => {
    const pool = new ScriptedPool()
    const bad = [
      { origin: 'nonsense' },
      { path: 'no slash' },
      { headers: ['a', 'b\r\nc'] },
      { method: 'BAD METHOD' },
      { timeouts: { read: -1 } },
      { signal: AbortSignal.abort() },
      { signal: 'stop' as never },
      { signal: {} as never },
      { body: 7 as never },
    ]
    for (const request of bad) {
      const call = pool.start(A, '/', request)
      await settle()
      assert.equal(call.endCount, 1, inspect(request))
      assert.equal(pool.backend.holdCount, 0, inspect(request))
      assert.equal(pool.stats().origins, 0, inspect(request))
    }
    for (const request of [null, undefined, 7, {}] as never[]) {
      await assert.rejects(pool.request(request), inspect(request))
    }
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('an exception in onEnd is thrown after the connection became free', async () => {
    const pool = new ScriptedPool()
    const thrown: unknown[] = []
    const { clock } = pool.backend
    clock.microtask = (callback) =>
      queueMicrotask(() => {
        try {
          callback()
        } catch (error) {
          thrown.push(error)
        }
      })
    const call = await pool.send(A)
    call.whenEnded = () => {
      throw new Error('mine')
    }
    at(pool.sockets, 0).receive(OK)
    assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 0 waiting')
    await settle()
    assert.deepEqual(thrown.map(String), ['Error: mine'])
    await assertEmpty(pool)
  })
})

describe('assertQuiescent', () => {
  test('throws while the pool is in use, with its counts in the message', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    pool.assertQuiescent()
    pool.backend.autoConnect = false
    pool.start(A, '/1')
    pool.start(A, '/2')
    const assertThrows = (message: RegExp) =>
      assert.throws(
        () => pool.assertQuiescent(),
        (error) => error instanceof HawserError && message.test(error.message),
      )
    assertThrows(
      /not quiescent: <ConnectionPool \[1 connection: 1 connecting, 0 active, 0 idle, 1 waiting/,
    )
    await settle()
    const socket = at(pool.sockets, 0)
    socket.connected()
    assertThrows(/1 active, 0 idle, 1 waiting/)
    socket.receive(OK)
    assertThrows(/1 active, 0 idle\]/)
    socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
    assertThrows(/1 active/)
    socket.receive('k')
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('shows where the requests were dispatched', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const forgotten = () => pool.start(A, '/1')
    const alsoForgotten = () => pool.start(A, '/2')
    forgotten()
    const second = alsoForgotten()
    assert.throws(() => pool.assertQuiescent(), /at forgotten \(.*at alsoForgotten \(/s)
    await settle()
    at(pool.sockets, 0).receive(OK)
    assert.throws(
      () => pool.assertQuiescent(),
      ({ message }) => !/at forgotten/.test(message) && /at alsoForgotten/.test(message),
    )
    second.control?.abort()
    pool.assertQuiescent()
    await assertEmpty(pool)
  })
})

test('util.inspect shows the counts', async () => {
  const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
  assert.equal(inspect(pool), '<ConnectionPool [0 connections: 0 connecting, 0 active, 0 idle]>')
  await pool.warm(B)
  await pool.send(A, '/1')
  assert.equal(
    inspect({ pool }),
    '{\n  pool: <ConnectionPool [2 connections: 0 connecting, 1 active, 1 idle]>\n}',
  )
  await pool.send(A, '/2')
  await pool.send(A, '/3')
  await pool.backend.clock.advance(1234)
  assert.equal(
    inspect(pool),
    '<ConnectionPool [2 connections: 0 connecting, 2 active, 0 idle, 1 waiting for up to 1234 ms]>',
  )
  await assertEmpty(pool)
})
