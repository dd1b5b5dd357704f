import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { ClientClosed, HawserError } from '../../src/errors.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'

describe('close', () => {
  test('fails what dials, is in flight, is being read, and waits; destroys what idles', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 4 } })
    const idle = await pool.warm(B)
    const sent = await pool.asked(A, '/sent')
    const read = await pool.asked(A, '/read')
    pool.socketOf('/read').receive('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    pool.backend.autoConnect = false
    const dialled = await pool.asked('http://c.test', '/dialled')
    const dialled2 = await pool.asked('http://d.test', '/dialled2')
    const waiting = await pool.asked(A, '/waiting')
    assert.equal(isOpen(idle), false)
    assert.equal(pool.counts(), '2 connecting, 2 active, 0 idle, 1 waiting')
    const closed = pool.close()
    const all = [sent, read, dialled, dialled2, waiting]
    assert.ok(
      all.every(({ ends }) => ends === 0),
      'told inside close',
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

  test('an idle connection', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    await pool.close()
    assert.equal(isOpen(socket), false)
    assert.deepEqual(pool.closed, [`${A} pool-closed`])
    await assertEmpty(pool)
  })

  test('opens nothing for those who wait', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    await pool.asked(A, '/active')
    for (let i = 0; i < 10; i++) pool.ask(i % 2 ? A : B, `/${i}`)
    await pool.close()
    await settle()
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  test('leaves no timer', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 }, timeouts: 5000 })
    pool.ask(A, '/', { timeouts: { total: 9000 } })
    pool.ask(B)
    await settle()
    assert.ok(pool.backend.clock.armedTimers > 0)
    await pool.close()
    assert.equal(pool.backend.clock.armedTimers, 0)
  })

  test('later dispatches fail with ClientClosed, later', async () => {
    const pool = new ScriptedPool()
    await pool.close()
    const told = pool.ask(A)
    assert.equal(told.ends, 0)
    await settle()
    assert.ok(told.error instanceof ClientClosed)
    assert.equal(told.error.message, 'The pool is closed')
    told.control?.abort()
    told.control?.resume()
    await assert.rejects(pool.request({ origin: A, path: '/' }), ClientClosed)
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('again, and by await using', async () => {
    const pool = new ScriptedPool()
    await pool.warm(A)
    await pool[Symbol.asyncDispose]()
    await pool.close()
    await assertEmpty(pool)
  })

  test('inside onEnd and onError', async () => {
    const pool = new ScriptedPool()
    const first = await pool.asked(A, '/1')
    const second = await pool.asked(A, '/2')
    first.atEnd = () => void pool.close()
    pool.socketOf('/1').receive(OK)
    await settle()
    assert.equal(first.body, 'ok')
    assert.ok(second.error instanceof ClientClosed)
    await assertEmpty(pool)
  })

  test('a response whose body is read', async () => {
    const pool = new ScriptedPool()
    const promise = pool.request({ origin: A, path: '/' })
    await settle()
    pool.sockets[0].receive('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
    const response = await promise
    const bytes = response.bytes()
    await pool.close()
    await assert.rejects(bytes, ClientClosed)
    await assertEmpty(pool)
  })
})

describe('hold and release', () => {
  test('the process is kept alive while a request is under way, and not by idle connections', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { backend } = pool
    assert.equal(backend.held, 0)
    const told = [pool.ask(A, '/1'), pool.ask(A, '/2'), pool.ask(A, '/3')]
    assert.equal(backend.held, 1)
    await settle()
    backend.socket.receive(OK)
    assert.equal(backend.held, 1)
    told[2].control?.abort()
    backend.socket.receive(OK)
    await settle()
    assert.equal(backend.held, 0)
    assert.equal(pool.stats().idle, 1)
    pool.ask(A, '/', { method: 'POST' }) // not sent again when the connection is lost
    assert.equal(backend.held, 1)
    backend.socket.reset()
    assert.equal(backend.held, 0)
    await assertEmpty(pool)
  })

  test('refused requests hold nothing', async () => {
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
      const told = pool.ask(A, '/', request)
      await settle()
      assert.equal(told.ends, 1, inspect(request))
      assert.equal(pool.backend.held, 0, inspect(request))
      assert.equal(pool.stats().origins, 0, inspect(request))
    }
    for (const request of [null, undefined, 7, {}] as never[]) {
      await assert.rejects(pool.request(request), inspect(request))
    }
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('what onEnd throws comes after the place was given back', async () => {
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
    const told = await pool.asked(A)
    told.atEnd = () => {
      throw new Error('mine')
    }
    pool.sockets[0].receive(OK)
    assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 0 waiting')
    await settle()
    assert.deepEqual(thrown.map(String), ['Error: mine'])
    await assertEmpty(pool)
  })
})

describe('assertQuiescent', () => {
  test('throws while something is held, and says what', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    pool.assertQuiescent()
    pool.backend.autoConnect = false
    pool.ask(A, '/1')
    pool.ask(A, '/2')
    const is = (message: RegExp) =>
      assert.throws(
        () => pool.assertQuiescent(),
        (error) => error instanceof HawserError && message.test(error.message),
      )
    is(/not quiescent: <ConnectionPool \[1 connections: 1 connecting, 0 active, 0 idle, 1 waiting/)
    await settle()
    pool.sockets[0].connected()
    is(/1 active, 0 idle, 1 waiting/)
    pool.sockets[0].receive(OK)
    is(/1 active, 0 idle\]/)
    pool.sockets[0].receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
    is(/1 active/)
    pool.sockets[0].receive('k')
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('says where it was dispatched', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const forgotten = () => pool.ask(A, '/1')
    const alsoForgotten = () => pool.ask(A, '/2')
    forgotten()
    const second = alsoForgotten()
    assert.throws(() => pool.assertQuiescent(), /at forgotten \(.*at alsoForgotten \(/s)
    await settle()
    pool.sockets[0].receive(OK)
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
  await pool.asked(A, '/1')
  assert.equal(
    inspect({ pool }),
    '{\n  pool: <ConnectionPool [2 connections: 0 connecting, 1 active, 1 idle]>\n}',
  )
  await pool.asked(A, '/2')
  await pool.asked(A, '/3')
  await pool.backend.clock.advance(1234)
  assert.equal(
    inspect(pool),
    '<ConnectionPool [2 connections: 0 connecting, 2 active, 0 idle, 1 waiting for up to 1234 ms]>',
  )
  await assertEmpty(pool)
})
