import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Told } from './scripted-pool.ts'
import { OK, ScriptedPool, settle } from './scripted-pool.ts'

// Own process: the engine must not record where each request was dispatched, which costs more than
// everything that is measured here, and it decides that when it is loaded.
delete process.env.NODE_TEST_CONTEXT

/** Fails if 50 times the waiters cost much more than 50 times as much; the best runs count. */
async function assertProportional(work: (waiters: number) => Promise<() => void>): Promise<void> {
  const cost = async (waiters: number, runs: number) => {
    let best = Infinity
    for (let run = 0; run < runs; run++) {
      const timed = await work(waiters)
      const start = performance.now()
      timed()
      best = Math.min(best, performance.now() - start)
    }
    return best / waiters
  }
  await cost(100, 10) // warm
  let each = [Infinity, Infinity, Infinity]
  // A busy machine may spoil a few, but not as much as quadratic work does.
  const isUnclear = () => !(each[2] < each[0] * 9 || each[2] > each[0] * 30)
  for (let round = 0; round < 5 && isUnclear(); round++) {
    const now = [await cost(100, 10), await cost(1000, 1), await cost(5000, 2)]
    each = each.map((ms, i) => Math.min(ms, now[i]))
  }
  const figures = each.map((ms) => `${(ms * 1000).toFixed(2)} us`).join(', ')
  // Quadratic work would cost 50 times as much for each.
  assert.ok(each[2] < each[0] * 9, `for each of 100, 1,000, 5,000: ${figures}`)
}

/** A pool of `connections` busy connections. */
async function busyPool(connections: number, limits: object = {}): Promise<ScriptedPool> {
  const pool = new ScriptedPool({
    limits: { maxConnections: connections, ...limits },
    trace: () => {},
  })
  for (let i = 0; i < connections; i++) pool.ask('http://10.0.0.1', '/busy')
  await settle()
  return pool
}

function askMany(pool: ScriptedPool, count: number, origin = (_: number) => 'http://10.0.0.1') {
  return Array.from({ length: count }, (_, i) => pool.ask(origin(i), '/'))
}

const manyOrigins = (i: number) => `http://10.1.${i >> 8}.${i & 255}`

describe('2 the cost of a request does not grow with the number of those that wait', () => {
  test('to join the queue', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      return () => askMany(pool, waiters)
    }))

  test('to be served', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      askMany(pool, waiters)
      const [socket] = pool.sockets
      return () => {
        for (let i = 0; i <= waiters; i++) socket.receive(OK)
        pool.assertQuiescent()
      }
    }))

  test('to be served, on as many connections', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(waiters)
      askMany(pool, waiters)
      return () => {
        for (const socket of pool.sockets) socket.receive(OK)
        for (const socket of pool.sockets) socket.receive(OK)
      }
    }))

  test('to be let in where its origin has as many as it may', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1, { maxConnections: 100, maxConnectionsPerOrigin: 1 })
      askMany(pool, waiters)
      const [socket] = pool.sockets
      return () => {
        for (let i = 0; i <= waiters; i++) socket.receive(OK)
        pool.assertQuiescent()
      }
    }))

  for (const from of ['first', 'last', 'any']) {
    test(`to be cancelled, the ${from} first`, () =>
      assertProportional(async (waiters) => {
        const pool = await busyPool(1)
        const told = askMany(pool, waiters)
        if (from === 'last') told.reverse()
        if (from === 'any') told.sort((x, y) => order(x) - order(y))
        return () => {
          for (const { control } of told) control?.abort()
          assert.equal(pool.stats().waiting, 0)
        }
      }))
  }

  test('to time out, each for an origin of its own', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      let fire = () => {}
      const { clock } = pool.backend
      clock.afterPending = (callback) => {
        fire = callback
      }
      for (let i = 0; i < waiters; i++) {
        pool.ask(manyOrigins(i), '/', { timeouts: { pool: 100 } })
      }
      await clock.advance(100)
      return () => {
        fire()
        assert.equal(pool.stats().waiting, 0)
      }
    }))

  test('to be counted', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      askMany(pool, waiters, manyOrigins)
      return () => {
        for (let i = 0; i < waiters; i++) pool.stats() // as the message of PoolTimeout does
      }
    }))

  test('to fail when the pool is closed', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      askMany(pool, waiters, manyOrigins)
      return () => {
        void pool.close()
        assert.equal(pool.stats().waiting, 0)
      }
    }))
})

describe('2 the cost of a request does not grow with the number of connections', () => {
  test('of origins that idle', () =>
    assertProportional(async (origins) => {
      const pool = new ScriptedPool({ limits: { maxConnections: null }, trace: () => {} })
      askMany(pool, origins, manyOrigins)
      await settle()
      for (const socket of pool.sockets) socket.receive(OK)
      const { sockets } = pool
      return () => {
        for (let i = 0; i < origins; i++) {
          pool.ask(manyOrigins(i), '/')
          sockets[i].receive(OK)
        }
        assert.equal(pool.sockets.length, origins)
      }
    }))

  test('that make place for others', () =>
    assertProportional(async (origins) => {
      const pool = new ScriptedPool({ limits: { maxConnections: origins }, trace: () => {} })
      askMany(pool, origins, manyOrigins)
      await settle()
      for (const socket of pool.sockets) socket.receive(OK)
      return () => {
        for (let i = 0; i < origins; i++) pool.ask('http://10.9.9.9', '/')
      }
    }))
})

const orders = new WeakMap<Told, number>()
function order(told: Told): number {
  const known = orders.get(told) ?? Math.random()
  orders.set(told, known)
  return known
}
