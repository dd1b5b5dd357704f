import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertEmpty, isOpen, LAST, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'
const C = 'http://c.test'

describe('maxConnections', () => {
  test('one more request waits, and is served by whoever is done first', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const told = [pool.ask(A, '/0'), pool.ask(B, '/1'), pool.ask(A, '/2')]
    await settle()
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 1 waiting')
    assert.equal(pool.wasSent('/2'), false)
    pool.socketOf('/0').receive(OK)
    assert.equal(told[0].body, 'ok')
    assert.equal(pool.socketOf('/2'), pool.socketOf('/0'))
    assert.equal(pool.sockets.length, 2)
    pool.socketOf('/2').receive(OK)
    assert.equal(told[2].body, 'ok')
    await assertEmpty(pool)
  })

  test('null: as many as are asked for', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: null } })
    for (let i = 0; i < 300; i++) pool.ask(A, `/${i}`)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 300 active, 0 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('5 100 if nobody says how many', async () => {
    const pool = new ScriptedPool()
    for (let i = 0; i < 101; i++) pool.ask(A, `/${i}`)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 100 active, 0 idle, 1 waiting')
    await assertEmpty(pool)
  })

  test('connections being dialled count', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    pool.backend.autoConnect = false
    pool.ask(A, '/0')
    pool.ask(A, '/1')
    await settle()
    assert.equal(pool.counts(), '1 connecting, 0 active, 0 idle, 1 waiting')
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  test("another origin's idle connection makes place, the one that has idled longest", async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const oldest = await pool.warm(A)
    const newest = await pool.warm(B)
    await pool.asked(C, '/c')
    assert.deepEqual([isOpen(oldest), isOpen(newest)], [false, true])
    assert.deepEqual(pool.closed, [`${A} place-needed`])
    assert.equal(pool.counts(), '0 connecting, 1 active, 1 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('1 a failed dial gives its place to who waits', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    pool.backend.autoConnect = false
    const failing = pool.ask(A, '/0')
    const waiting = pool.ask(B, '/1')
    await settle()
    let counts = ''
    failing.atEnd = () => {
      counts = pool.counts()
    }
    pool.sockets[0].reset()
    // The place is free, and given on, before its own request hears of the failure.
    assert.equal(counts, '1 connecting, 0 active, 0 idle, 0 waiting')
    await settle()
    pool.sockets[1].connected()
    pool.sockets[1].receive(OK)
    assert.equal(waiting.body, 'ok')
    await assertEmpty(pool)
  })
})

describe('maxConnectionsPerOrigin', () => {
  test('others are not held up', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
    for (const path of ['/0', '/1', '/2']) pool.ask(A, path)
    pool.ask(B, '/b')
    await settle()
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 2 waiting')
    assert.ok(pool.wasSent('/b'))
    for (const path of ['/0', '/1', '/2']) {
      assert.equal(pool.socketOf(path), pool.sockets[0])
      pool.sockets[0].receive(OK)
    }
    await assertEmpty(pool)
  })

  test('origins are told apart by scheme, host and port, not by how they are written', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
    const origins = [A, `${A}:81`, 'https://a.test', 'http://A.TEST:80/', new URL(A)]
    for (const origin of origins) pool.ask(origin as string)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 3 active, 0 idle, 2 waiting')
    assert.equal(pool.stats().origins, 3)
    await assertEmpty(pool)
  })

  test('is kept when waiters of one origin follow one another into places of others', async () => {
    // Seen: a waiter that got its place was no longer counted and not yet counted, and let one more in.
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    pool.ask(A, '/a')
    pool.ask(C, '/c')
    pool.ask(B, '/b1')
    pool.ask(B, '/b2')
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

  test('1 a parked request moves up when one before it is cancelled', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    pool.ask(A, '/a')
    pool.ask(C, '/c')
    const first = pool.ask(B, '/b1')
    pool.ask(B, '/b2')
    await settle()
    first.control?.abort()
    pool.socketOf('/a').receive(OK)
    await settle()
    assert.ok(pool.wasSent('/b2'))
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('1 a parked request moves up when a connection of its origin is lost', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
    const lost = pool.ask(A, '/0')
    pool.ask(A, '/1')
    await settle()
    pool.socketOf('/0').reset()
    await settle()
    assert.match(lost.failed.message, /ECONNRESET/)
    assert.notEqual(pool.socketOf('/1'), pool.sockets[0])
    await assertEmpty(pool)
  })

  test('a parked request does not take the place of one who came later and may use it', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    pool.ask(A, '/a1')
    pool.ask(B, '/b1')
    pool.ask(A, '/a2')
    pool.ask(C, '/c1')
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
  test('within an origin: first come, first served', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const order: number[] = []
    for (let i = 0; i < 20; i++) {
      pool.ask(A, `/${i}`).atEnd = () => order.push(i)
    }
    await settle()
    for (let i = 0; i < 20; i++) pool.sockets[0].receive(OK)
    assert.deepEqual(order, [...Array(20).keys()])
    await assertEmpty(pool)
  })

  test('across origins: a connection is given up for who has waited longer', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const order: string[] = []
    const asks = ['a0', 'b1', 'a2', 'a3', 'c4', 'b5', 'a6']
    for (const name of asks) {
      pool.ask(`http://${name[0]}.test`, `/${name}`).atEnd = () => order.push(name)
    }
    for (let i = 0; i < asks.length; i++) {
      await settle()
      assert.equal(pool.open.length, 1)
      pool.open[0].receive(OK)
    }
    assert.deepEqual(order, asks)
    // a2 and a3 share a connection; nobody else follows one of its own origin.
    assert.equal(pool.sockets.length, 6)
    assert.deepEqual(
      new Set(pool.closed.map((line) => line.split(' ')[1])),
      new Set(['place-needed']),
    )
    await assertEmpty(pool)
  })

  test('one freed connection wakes one waiter', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 3 } })
    for (let i = 0; i < 10; i++) pool.ask(A, `/${i}`)
    await settle()
    pool.sockets[1].receive(OK)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 3 active, 0 idle, 6 waiting')
    assert.ok(pool.wasSent('/3') && !pool.wasSent('/4'))
    await assertEmpty(pool)
  })

  test('a waiter is served before the end that freed its connection is told', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const first = pool.ask(A, '/0')
    pool.ask(A, '/1')
    await settle()
    first.atEnd = () => {
      pool.ask(A, '/2') // comes behind /1
      assert.ok(pool.wasSent('/1'))
    }
    pool.sockets[0].receive(OK)
    await settle()
    assert.equal(pool.counts(), '0 connecting, 1 active, 0 idle, 1 waiting')
    pool.sockets[0].receive(OK)
    assert.ok(pool.wasSent('/2'))
    await assertEmpty(pool)
  })
})

describe('1 a cancelled waiter leaves no trace', () => {
  for (const cancelled of [0, 1, 2, 3, 4]) {
    test(`at position ${cancelled} of 5`, async () => {
      const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
      const order: number[] = []
      await pool.asked(A, '/active')
      const waiters = [0, 1, 2, 3, 4].map((i) => {
        const told = pool.ask(i % 2 === 0 ? A : B, `/${i}`)
        told.atEnd = () => order.push(i)
        return told
      })
      waiters[cancelled].control?.abort(new Error('changed my mind'))
      assert.equal(pool.stats().waiting, 4)
      await settle()
      assert.equal(waiters[cancelled].failed.message, 'changed my mind')
      order.length = 0
      for (let i = 0; i < 5; i++) {
        pool.open[0].receive(OK)
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

  test('parked, at every position', async () => {
    for (let cancelled = 0; cancelled < 4; cancelled++) {
      const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 } })
      await pool.asked(A, '/active')
      const waiters = [0, 1, 2, 3].map((i) => pool.ask(A, `/${i}`))
      waiters[cancelled].control?.abort()
      await settle()
      assert.equal((waiters[cancelled].failed as DOMException).name, 'AbortError')
      for (let i = 0; i < 4; i++) pool.sockets[0].receive(OK)
      await settle()
      assert.deepEqual(
        waiters.map(({ body }) => body),
        [0, 1, 2, 3].map((i) => (i === cancelled ? '' : 'ok')),
      )
      await assertEmpty(pool)
    }
  })

  test('by its signal, and by its total timeout', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    await pool.asked(A, '/active')
    const controller = new AbortController()
    const signalled = pool.ask(A, '/1', { signal: controller.signal })
    const late = pool.ask(A, '/2', { timeouts: { total: 100 } })
    controller.abort(new Error('no more'))
    await settle()
    assert.equal(signalled.failed.message, 'no more')
    await pool.backend.clock.advance(100)
    assert.equal(late.failed.name, 'TotalTimeout')
    assert.equal(pool.stats().waiting, 0)
    pool.sockets[0].receive(OK)
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('all 1,000 at once, in any order', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    await pool.asked(A, '/active')
    const waiters = Array.from({ length: 1000 }, (_, i) => pool.ask(`http://h${i % 7}.test`))
    waiters.sort((x, y) => Number(x.ends) - Number(y.ends) || Math.random() - 0.5)
    for (const { control } of waiters) control?.abort()
    await settle()
    assert.equal(pool.stats().waiting, 0)
    assert.equal(pool.stats().origins, 1)
    pool.sockets[0].receive(OK)
    await assertEmpty(pool)
  })

  test('a signal that was aborted before', async () => {
    const pool = new ScriptedPool()
    const told = await pool.asked(A, '/', { signal: AbortSignal.abort(new Error('before')) })
    assert.equal(told.failed.message, 'before')
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })
})
