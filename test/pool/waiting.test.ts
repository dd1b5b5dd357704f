import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PoolTimeout } from '../../src/errors.ts'
import { at } from '../support/at.ts'
import { assertEmpty, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'

/** Creates a pool whose only connection is busy. */
async function busyPool(): Promise<ScriptedPool> {
  const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
  await pool.send(A, '/active')
  return pool
}

describe('PoolTimeout', () => {
  test('6, 18 its message has the URL, the elapsed time and the counts of the pool', async () => {
    const pool = await busyPool()
    const call = pool.start(B, '/secret?key=1', { timeouts: { pool: 300 } })
    pool.start(B, '/other')
    await pool.backend.clock.advance(299)
    assert.equal(call.endCount, 0)
    await pool.backend.clock.advance(1)
    assert.ok(call.error instanceof PoolTimeout)
    assert.equal(
      call.error.message,
      'No connection became available within 300 ms: 1 connection: 0 connecting, ' +
        '1 active, 0 idle, 2 waiting for up to 300 ms, maxConnections 1 ' +
        '(GET http://b.test/secret?…, after 300 ms)',
    )
    assert.equal(call.error.code, 'HAWSER_POOL_TIMEOUT')
    assert.equal(call.error.phase, 'queue')
    assert.equal(call.error.bytesSent, 0)
    assert.equal(call.error.safeToRetry, true)
    const { request } = call.error
    assert.deepEqual(
      { ...request, path: request?.path },
      { method: 'GET', origin: B, path: '/secret?key=1' },
    )
    assert.equal(pool.stats().waiting, 1)
    await assertEmpty(pool)
  })

  test('different timeouts expire independently', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    const late: string[] = []
    const ask = (name: string, timeout: number | null) => {
      pool.start(name.length % 2 === 0 ? A : B, `/${name}`, {
        timeouts: { pool: timeout },
      }).whenEnded = () => late.push(`${name} at ${clock.now()}`)
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

  test('equal timeouts expire in order of arrival', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    const late: number[] = []
    for (let i = 0; i < 5; i++) {
      pool.start(A, `/${i}`, { timeouts: { pool: 100 } }).whenEnded = () => late.push(i)
      await clock.advance(10)
    }
    await clock.advance(70) // now 120
    assert.deepEqual(late, [0, 1, 2])
    await clock.advance(100)
    assert.deepEqual(late, [0, 1, 2, 3, 4])
    await clock.advance(1000)
    assert.equal(clock.armedTimers, 0)
    await assertEmpty(pool)
  })

  test('works again after a time without waiting requests', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    for (let round = 0; round < 3; round++) {
      const call = pool.start(A, '/', { timeouts: { pool: 100 } })
      await clock.advance(99)
      assert.equal(call.endCount, 0)
      await clock.advance(round * 200 + 1)
      assert.equal(call.failure.name, 'PoolTimeout')
    }
    await assertEmpty(pool)
  })

  test('does not affect a request that was served or aborted', async () => {
    const pool = await busyPool()
    const served = pool.start(A, '/1', { timeouts: { pool: 100 } })
    const cancelled = pool.start(A, '/2', { timeouts: { pool: 100 } })
    cancelled.control?.abort(new Error('cancelled'))
    at(pool.sockets, 0).receive(OK)
    await pool.backend.clock.advance(200)
    assert.equal(served.endCount, 0)
    assert.equal(cancelled.failure.message, 'cancelled')
    await assertEmpty(pool)
  })

  for (const late of [0, 4900]) {
    test(`6 does not expire if a connection became free while the loop was blocked: ${late} ms`, async () => {
      const pool = await busyPool()
      const call = pool.start(A, '/1', { timeouts: { pool: 100 } })
      const { clock } = pool.backend
      await clock.stall(100 + late)
      assert.equal(call.endCount, 0)
      at(pool.sockets, 0).receive(OK)
      await clock.flush()
      assert.ok(pool.wasSent('/1'))
      at(pool.sockets, 0).receive(OK)
      assert.equal(call.body, 'ok')
      await assertEmpty(pool)
    })
  }

  test('a request sent in onError waits again', async () => {
    const pool = await busyPool()
    const { clock } = pool.backend
    const times: number[] = []
    const again = () => {
      pool.start(A, '/', { timeouts: { pool: 100 } }).whenEnded = () => {
        times.push(clock.now())
        if (times.length < 3) again()
      }
    }
    again()
    await clock.advance(1000)
    assert.deepEqual(times, [100, 200, 300])
    await assertEmpty(pool)
  })

  test('closing the pool in onError fails the other waiting requests', async () => {
    const pool = await busyPool()
    const first = pool.start(A, '/1', { timeouts: { pool: 100 } })
    const second = pool.start(A, '/2', { timeouts: { pool: 100 } })
    first.whenEnded = () => void pool.close()
    await pool.backend.clock.advance(100)
    assert.equal(first.failure.name, 'PoolTimeout')
    assert.equal(second.failure.name, 'ClientClosed')
    await assertEmpty(pool)
  })

  test('applies to requests that wait for their origin, too', async () => {
    const pool = new ScriptedPool({ limits: { maxConnectionsPerOrigin: 1 }, timeouts: 100 })
    await pool.send(A, '/active', { timeouts: null })
    const call = pool.start(A)
    await pool.backend.clock.advance(100)
    assert.equal(call.failure.name, 'PoolTimeout')
    await assertEmpty(pool)
  })

  test('the connect timeout starts after the time in the queue', async () => {
    const pool = await busyPool()
    pool.backend.autoConnect = false
    const call = pool.start(B, '/1', { timeouts: { pool: 1000, connect: 100 } })
    const { clock } = pool.backend
    await clock.advance(900)
    at(pool.sockets, 0).receive(OK)
    await clock.advance(99)
    assert.equal(call.endCount, 0)
    await clock.advance(1)
    assert.equal(call.failure.name, 'ConnectTimeout')
    await assertEmpty(pool)
  })
})

test('the timers of a request are cancelled when it ends', async () => {
  // A timer that stays armed would keep the memory of its request.
  const pool = new ScriptedPool()
  const { clock } = pool.backend
  await pool.warm(A)
  assert.equal(clock.armedTimers, 1, "the idle connection's own")
  for (let i = 0; i < 3; i++) {
    const call = await pool.send(A, '/', { timeouts: { total: 60_000, connect: 5000 } })
    assert.equal(clock.armedTimers, 2)
    at(pool.sockets, 0).receive(OK)
    assert.equal(call.body, 'ok')
    assert.equal(clock.armedTimers, 1)
  }
  await pool.send(B, '/', { timeouts: { total: 60_000, connect: 5000 } })
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
    unread: 0,
    idle: 0,
    waiting: 0,
    oldestWait: 0,
    origins: 0,
  }
  assert.deepEqual(pool.stats(), empty)
  for (const path of ['/0', '/1', '/2']) pool.start(A, path)
  await pool.backend.clock.advance(50)
  pool.start(B, '/b1')
  pool.start(B, '/b2')
  await settle()
  const full = { connections: 3, connecting: 3, waiting: 2, oldestWait: 50, origins: 2 }
  assert.deepEqual(pool.stats(), { ...empty, ...full })
  for (const socket of pool.sockets) socket.connected()
  assert.deepEqual(pool.stats(), { ...empty, ...full, connecting: 0, active: 3 })
  await pool.backend.clock.advance(10)
  at(pool.sockets, 0).receive(OK) // serves /2
  assert.equal(pool.stats().oldestWait, 10)
  for (const socket of pool.sockets) socket.receive(OK)
  await settle()
  assert.equal(pool.stats().waiting, 0)
  await assertEmpty(pool)
  assert.deepEqual(pool.stats(), empty)
})
