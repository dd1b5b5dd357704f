import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { at } from '../support/at.ts'
import { assertEmpty, isOpen, LAST, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'
const C = 'http://c.test'

describe('maxConnections', () => {
  test('one more request waits for the first connection that becomes free', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const calls = [pool.start(A, '/0'), pool.start(B, '/1'), pool.start(A, '/2')]
    await settle()
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 1 waiting')
    assert.equal(pool.wasSent('/2'), false)
    pool.socketOf('/0').receive(OK)
    assert.equal(at(calls, 0).body, 'ok')
    assert.equal(pool.socketOf('/2'), pool.socketOf('/0'))
    assert.equal(pool.sockets.length, 2)
    pool.socketOf('/2').receive(OK)
    assert.equal(at(calls, 2).body, 'ok')
    await assertEmpty(pool)
  })

  test('null: no limit', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: null } })
    for (let i = 0; i < 300; i++) pool.start(A, `/${i}`)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 300 active, 0 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('5 is 100 by default', async () => {
    const pool = new ScriptedPool()
    for (let i = 0; i < 101; i++) pool.start(A, `/${i}`)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 100 active, 0 idle, 1 waiting')
    await assertEmpty(pool)
  })

  test('includes connections that are being opened', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    pool.backend.autoConnect = false
    pool.start(A, '/0')
    pool.start(A, '/1')
    await settle()
    assert.equal(pool.counts(), '1 connecting, 0 active, 0 idle, 1 waiting')
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  test('the connection that has been idle longest is closed for a request to another origin', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const oldest = await pool.warm(A)
    const newest = await pool.warm(B)
    await pool.send(C, '/c')
    assert.deepEqual([isOpen(oldest), isOpen(newest)], [false, true])
    assert.deepEqual(pool.closed, [`${A} evicted`])
    assert.equal(pool.counts(), '0 connecting, 1 active, 1 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('1 a failed dial makes room for a waiting request', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    pool.backend.autoConnect = false
    const failing = pool.start(A, '/0')
    const waiting = pool.start(B, '/1')
    await settle()
    let counts = ''
    failing.whenEnded = () => {
      counts = pool.counts()
      pool.start(C, '/2') // waits after /1
    }
    at(pool.sockets, 0).reset()
    assert.equal(counts, '0 connecting, 0 active, 0 idle, 1 waiting')
    await pool.backend.clock.flush()
    assert.equal(pool.counts(), '1 connecting, 0 active, 0 idle, 1 waiting')
    at(pool.sockets, 1).connected()
    at(pool.sockets, 1).receive(OK)
    assert.equal(waiting.body, 'ok')
    await assertEmpty(pool)
  })
})

describe('maxConnectionsPerOrigin', () => {
  test('does not delay requests to other origins', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
    for (const path of ['/0', '/1', '/2']) pool.start(A, path)
    pool.start(B, '/b')
    await settle()
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 2 waiting')
    assert.ok(pool.wasSent('/b'))
    for (const path of ['/0', '/1', '/2']) {
      assert.equal(pool.socketOf(path), pool.sockets[0])
      at(pool.sockets, 0).receive(OK)
    }
    await assertEmpty(pool)
  })

  test('applies to scheme, host and port, however the origin is written', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
    const origins = [A, `${A}:81`, 'https://a.test', 'http://A.TEST:80/', new URL(A)]
    for (const origin of origins) pool.start(origin as string)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 3 active, 0 idle, 2 waiting')
    assert.equal(pool.stats().origins, 3)
    await assertEmpty(pool)
  })

  test('holds when two waiters of one origin replace connections of other origins', async () => {
    // A former bug: a waiter was not counted between waiting and connecting, so one more connected.
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    pool.start(A, '/a')
    pool.start(C, '/c')
    pool.start(B, '/b1')
    pool.start(B, '/b2')
    await settle()
    pool.socketOf('/a').receive(OK)
    await settle()
    pool.socketOf('/c').receive(OK)
    await settle()
    assert.equal(pool.wasSent('/b1'), true)
    assert.equal(pool.wasSent('/b2'), false)
    assert.equal(pool.counts(), '0 connecting, 1 active, 1 idle, 1 waiting')
    pool.socketOf('/b1').receive(OK)
    assert.equal(pool.socketOf('/b2'), pool.socketOf('/b1'))
    await assertEmpty(pool)
  })

  test('1 a request that waits for its origin moves up when one before it is aborted', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    pool.start(A, '/a')
    pool.start(C, '/c')
    const first = pool.start(B, '/b1')
    pool.start(B, '/b2')
    await settle()
    first.control?.abort()
    pool.socketOf('/a').receive(OK)
    await settle()
    assert.ok(pool.wasSent('/b2'))
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('1 a request that waits for its origin moves up when a connection of its origin is lost', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
    const lost = pool.start(A, '/0')
    pool.start(A, '/1')
    await settle()
    pool.socketOf('/0').reset()
    await settle()
    assert.match(lost.failure.message, /ECONNRESET/)
    assert.notEqual(pool.socketOf('/1'), pool.sockets[0])
    await assertEmpty(pool)
  })

  test('a request that waits for its origin does not block a later one to another origin', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    pool.start(A, '/a1')
    pool.start(B, '/b1')
    pool.start(A, '/a2')
    pool.start(C, '/c1')
    await settle()
    pool.socketOf('/b1').receive(OK)
    await settle()
    assert.ok(pool.wasSent('/c1'))
    assert.equal(pool.wasSent('/a2'), false)
    pool.socketOf('/a1').receive(LAST)
    await settle()
    assert.ok(pool.wasSent('/a2'))
    await assertEmpty(pool)
  })
})

describe('order', () => {
  test('within an origin: FIFO', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const order: number[] = []
    for (let i = 0; i < 20; i++) {
      pool.start(A, `/${i}`).whenEnded = () => order.push(i)
    }
    await settle()
    for (let i = 0; i < 20; i++) at(pool.sockets, 0).receive(OK)
    assert.deepEqual(order, [...Array(20).keys()])
    await assertEmpty(pool)
  })

  test('across origins: FIFO, for which connections are closed and replaced', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const order: string[] = []
    const asks = ['a0', 'b1', 'a2', 'a3', 'c4', 'b5', 'a6']
    for (const name of asks) {
      pool.start(`http://${name[0]}.test`, `/${name}`).whenEnded = () => order.push(name)
    }
    for (let i = 0; i < asks.length; i++) {
      await settle()
      assert.equal(pool.open.length, 1)
      at(pool.open, 0).receive(OK)
    }
    assert.deepEqual(order, asks)
    // Only a3 directly follows a request of its own origin (a2), and uses the same connection.
    assert.equal(pool.sockets.length, 6)
    assert.deepEqual(new Set(pool.closed.map((line) => line.split(' ')[1])), new Set(['evicted']))
    await assertEmpty(pool)
  })

  test('one free connection serves one waiting request', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 3 } })
    for (let i = 0; i < 10; i++) pool.start(A, `/${i}`)
    await settle()
    at(pool.sockets, 1).receive(OK)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 3 active, 0 idle, 6 waiting')
    assert.ok(pool.wasSent('/3') && !pool.wasSent('/4'))
    await assertEmpty(pool)
  })

  test('a waiting request gets the connection before onEnd of the previous one is called', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const first = pool.start(A, '/0')
    pool.start(A, '/1')
    await settle()
    first.whenEnded = () => {
      pool.start(A, '/2') // waits after /1
    }
    at(pool.sockets, 0).receive(OK)
    await settle()
    assert.ok(pool.wasSent('/1') && !pool.wasSent('/2'))
    assert.equal(pool.counts(), '0 connecting, 1 active, 0 idle, 1 waiting')
    at(pool.sockets, 0).receive(OK)
    assert.ok(pool.wasSent('/2'))
    await assertEmpty(pool)
  })
})

describe('1 an aborted request that waits leaves nothing behind', () => {
  for (const cancelled of [0, 1, 2, 3, 4]) {
    test(`at position ${cancelled} of 5`, async () => {
      const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
      const order: number[] = []
      await pool.send(A, '/active')
      const waiters = [0, 1, 2, 3, 4].map((i) => {
        const call = pool.start(i % 2 === 0 ? A : B, `/${i}`)
        call.whenEnded = () => order.push(i)
        return call
      })
      at(waiters, cancelled).control?.abort(new Error('changed my mind'))
      assert.equal(pool.stats().waiting, 4)
      await settle()
      assert.equal(at(waiters, cancelled).failure.message, 'changed my mind')
      order.length = 0
      for (let i = 0; i < 5; i++) {
        at(pool.open, 0).receive(OK)
        await settle()
      }
      assert.deepEqual(
        order,
        [0, 1, 2, 3, 4].filter((i) => i !== cancelled),
      )
      assert.equal(pool.wasSent(`/${cancelled}`), false)
      pool.assertQuiescent()
      await assertEmpty(pool)
    })
  }

  test('if it waits for its origin, at every position', async () => {
    for (let cancelled = 0; cancelled < 4; cancelled++) {
      const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
      await pool.send(A, '/active')
      const waiters = [0, 1, 2, 3].map((i) => pool.start(A, `/${i}`))
      at(waiters, cancelled).control?.abort()
      await settle()
      assert.equal((at(waiters, cancelled).failure as DOMException).name, 'AbortError')
      for (let i = 0; i < 4; i++) at(pool.sockets, 0).receive(OK)
      await settle()
      assert.deepEqual(
        waiters.map(({ body }) => body),
        [0, 1, 2, 3].map((i) => (i === cancelled ? '' : 'ok')),
      )
      await assertEmpty(pool)
    }
  })

  test('if its signal or its total timeout aborts it', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    await pool.send(A, '/active')
    const controller = new AbortController()
    const signalled = pool.start(A, '/1', { signal: controller.signal })
    const late = pool.start(A, '/2', { timeouts: { total: 100 } })
    controller.abort(new Error('no more'))
    await settle()
    assert.equal(signalled.failure.message, 'no more')
    await pool.backend.clock.advance(100)
    assert.equal(late.failure.name, 'TotalTimeout')
    assert.equal(pool.stats().waiting, 0)
    at(pool.sockets, 0).receive(OK)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('if 1,000 are aborted in any order', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    await pool.send(A, '/active')
    const waiters = Array.from({ length: 1000 }, (_, i) => pool.start(`http://h${i % 7}.test`))
    waiters.sort((x, y) => Number(x.endCount) - Number(y.endCount) || Math.random() - 0.5)
    for (const { control } of waiters) control?.abort()
    await settle()
    assert.equal(pool.stats().waiting, 0)
    assert.equal(pool.stats().origins, 1)
    at(pool.sockets, 0).receive(OK)
    await assertEmpty(pool)
  })

  test('if its signal was aborted before dispatch', async () => {
    const pool = new ScriptedPool()
    const call = await pool.send(A, '/', { signal: AbortSignal.abort(new Error('before')) })
    assert.equal(call.failure.message, 'before')
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })
})
