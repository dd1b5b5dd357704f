import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PoolTimeout } from '../../src/errors.ts'
import { assertEmpty, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'

/** A pool of one connection, which is busy. */
async function busyPool(): Promise<ScriptedPool> {
  const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
  await pool.asked(A, '/active')
  return pool
}

describe('PoolTimeout', () => {
  test('6, 18 says what, where, after how long, and how the pool stands', async () => {
    const pool = await busyPool()
    const told = pool.ask(B, '/secret?key=1', { timeouts: { pool: 300 } })
    pool.ask(B, '/other')
    await pool.backend.clock.advance(299)
    assert.equal(told.ends, 0)
    await pool.backend.clock.advance(1)
    assert.ok(told.error instanceof PoolTimeout)
    assert.equal(
      told.error.message,
      'No connection came free within 300 ms: 1 connections: 0 connecting, ' +
        '1 active, 0 idle, 2 waiting for up to 300 ms, at most 1 connections ' +
        '(GET http://b.test/secret?…, after 300 ms)',
    )
    assert.equal(told.error.code, 'HAWSER_POOL_TIMEOUT')
    assert.equal(told.error.phase, 'queue')
    assert.equal(told.error.bytesSent, 0)
    assert.equal(told.error.safeToRetry, true)
    assert.deepEqual(told.error.request, { method: 'GET', origin: B, path: '/secret?key=1' })
    assert.equal(pool.stats().waiting, 1)
    await assertEmpty(pool)
  })

  test('different timeouts side by side, each in its time', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    const late: string[] = []
    const ask = (name: string, timeout: number | null) => {
      pool.ask(name.length % 2 === 0 ? A : B, `/${name}`, {
        timeouts: { pool: timeout },
      }).atEnd = () => late.push(`${name} at ${clock.now()}`)
    }
    ask('long', 500)
    ask('short', 100)
    ask('never', null)
    await clock.advance(50)
    ask('short-too', 100)
    ask('long-too', 500)
    ask('middle', 200)
    await clock.advance(1000)
    assert.deepEqual(late, [
      'short at 100',
      'short-too at 150',
      'middle at 250',
      'long at 500',
      'long-too at 550',
    ])
    assert.equal(pool.stats().waiting, 1)
    await assertEmpty(pool)
  })

  test('the same timeout: in the order of arrival, and only who is late', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    const late: number[] = []
    for (let i = 0; i < 5; i++) {
      pool.ask(A, `/${i}`, { timeouts: { pool: 100 } }).atEnd = () => late.push(i)
      await clock.advance(10)
    }
    await clock.advance(70) // it is 120
    assert.deepEqual(late, [0, 1, 2])
    await clock.advance(100)
    assert.deepEqual(late, [0, 1, 2, 3, 4])
    await clock.advance(1000)
    assert.equal(clock.armedTimers, 0)
    await assertEmpty(pool)
  })

  test('starts again after nobody waited', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    for (let round = 0; round < 3; round++) {
      const told = pool.ask(A, '/', { timeouts: { pool: 100 } })
      await clock.advance(99)
      assert.equal(told.ends, 0)
      await clock.advance(round * 200 + 1)
      assert.equal(told.failed.name, 'PoolTimeout')
    }
    await assertEmpty(pool)
  })

  test('a served or cancelled waiter hears nothing of it', async () => {
    const pool = await busyPool()
    const served = pool.ask(A, '/1', { timeouts: { pool: 100 } })
    const cancelled = pool.ask(A, '/2', { timeouts: { pool: 100 } })
    cancelled.control?.abort(new Error('cancelled'))
    pool.sockets[0].receive(OK)
    await pool.backend.clock.advance(200)
    assert.equal(served.ends, 0)
    assert.equal(cancelled.failed.message, 'cancelled')
    await assertEmpty(pool)
  })

  test('6 a connection that came free while the loop was blocked comes first', async () => {
    const pool = await busyPool()
    const told = pool.ask(A, '/1', { timeouts: { pool: 100 } })
    const { clock } = pool.backend
    await clock.stall(5000)
    assert.equal(told.ends, 0)
    pool.sockets[0].receive(OK)
    await clock.flush()
    assert.ok(pool.wasSent('/1'))
    pool.sockets[0].receive(OK)
    assert.equal(told.body, 'ok')
    await assertEmpty(pool)
  })

  test('who asks again in onError waits again', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    const times: number[] = []
    const again = () => {
      pool.ask(A, '/', { timeouts: { pool: 100 } }).atEnd = () => {
        times.push(clock.now())
        if (times.length < 3) again()
      }
    }
    again()
    await clock.advance(1000)
    assert.deepEqual(times, [100, 200, 300])
    await assertEmpty(pool)
  })

  test('who closes the pool in onError fails the others', async () => {
    const pool = await busyPool()
    const first = pool.ask(A, '/1', { timeouts: { pool: 100 } })
    const second = pool.ask(A, '/2', { timeouts: { pool: 100 } })
    first.atEnd = () => void pool.close()
    await pool.backend.clock.advance(100)
    assert.equal(first.failed.name, 'PoolTimeout')
    assert.equal(second.failed.name, 'ClientClosed')
    await assertEmpty(pool)
  })

  test('waiting for a place of an origin counts, too', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 }, timeouts: 100 })
    await pool.asked(A, '/active', { timeouts: null })
    const told = pool.ask(A)
    await pool.backend.clock.advance(100)
    assert.equal(told.failed.name, 'PoolTimeout')
    await assertEmpty(pool)
  })

  test('time in the queue is not time of the connection', async () => {
    const pool = await busyPool()
    pool.backend.autoConnect = false
    const told = pool.ask(B, '/1', { timeouts: { pool: 1000, connect: 100 } })
    const { clock } = pool.backend
    await clock.advance(900)
    pool.sockets[0].receive(OK)
    await clock.advance(99)
    assert.equal(told.ends, 0)
    await clock.advance(1)
    assert.equal(told.failed.name, 'ConnectTimeout')
    await assertEmpty(pool)
  })
})

test('a timer made for a single request goes with it', async () => {
  // One that stays around for as long as it was armed keeps all that its request holds.
  const pool = new ScriptedPool()
  const { clock } = pool.backend
  await pool.warm(A)
  assert.equal(clock.armedTimers, 1, "the idle connection's own")
  for (let i = 0; i < 3; i++) {
    const told = await pool.asked(A, '/', { timeouts: { total: 60_000, connect: 5000 } })
    assert.equal(clock.armedTimers, 2)
    pool.sockets[0].receive(OK)
    assert.equal(told.body, 'ok')
    assert.equal(clock.armedTimers, 1)
  }
  await pool.asked(B, '/', { timeouts: { total: 60_000, connect: 5000 } })
  pool.backend.socket.receive(OK)
  assert.equal(clock.armedTimers, 2)
  await assertEmpty(pool)
  assert.equal(clock.armedTimers, 0)
})

test('stats', async () => {
  const pool = new ScriptedPool({ limits: { maxConnections: 3, maxConnectionsPerOrigin: 2 } })
  pool.backend.autoConnect = false
  const empty = {
    connections: 0,
    connecting: 0,
    active: 0,
    idle: 0,
    waiting: 0,
    oldestWait: 0,
    origins: 0,
  }
  assert.deepEqual(pool.stats(), empty)
  for (const path of ['/0', '/1', '/2']) pool.ask(A, path)
  await pool.backend.clock.advance(50)
  pool.ask(B, '/b1')
  pool.ask(B, '/b2')
  await settle()
  const full = { connections: 3, connecting: 3, waiting: 2, oldestWait: 50, origins: 2 }
  assert.deepEqual(pool.stats(), { ...empty, ...full })
  for (const socket of pool.sockets) socket.connected()
  assert.deepEqual(pool.stats(), { ...empty, ...full, connecting: 0, active: 3 })
  await pool.backend.clock.advance(10)
  pool.sockets[0].receive(OK) // serves /2
  assert.equal(pool.stats().oldestWait, 10)
  for (const socket of pool.sockets) socket.receive(OK)
  await settle()
  assert.equal(pool.stats().waiting, 0)
  await assertEmpty(pool)
  assert.deepEqual(pool.stats(), empty)
})
