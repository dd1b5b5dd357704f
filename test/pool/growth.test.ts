import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { at } from '../support/at.ts'
import type { RecordedCall } from './scripted-pool.ts'
import { OK, ScriptedPool, settle } from './scripted-pool.ts'

// Own process: the engine must not record where each request was dispatched, which costs more than
// everything that is measured here, and it decides that when it is loaded.
delete process.env.NODE_TEST_CONTEXT

/** CPU time of the process in ms: a busy machine extends it less than the time of day. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Fails if the cost per waiter grows with the number of waiters. The best runs count. */
async function assertProportional(work: (waiters: number) => Promise<() => void>): Promise<void> {
  const cost = async (waiters: number, runs: number) => {
    let best = Infinity
    for (let run = 0; run < runs; run++) {
      const measured = await work(waiters)
      const start = cpuTime()
      measured()
      best = Math.min(best, cpuTime() - start)
    }
    return best / waiters
  }
  await cost(100, 10) // warm-up
  let each = [Infinity, Infinity, Infinity]
  // A busy machine may slow down some runs, but not as much as quadratic work would.
  const growth = () => at(each, 2) / at(each, 0)
  const isUnclear = () => !(growth() < 9 || growth() > 30)
  for (let round = 0; round < 5 && isUnclear(); round++) {
    const now = [await cost(100, 10), await cost(1000, 1), await cost(5000, 2)]
    each = each.map((ms, i) => Math.min(ms, at(now, i)))
  }
  const figures = each.map((ms) => `${(ms * 1000).toFixed(2)} us`).join(', ')
  // With quadratic work, each waiter would cost 50 times as much.
  assert.ok(growth() < 9, `per waiter with 100, 1,000 and 5,000 waiters: ${figures}`)
}

/** Creates a pool with busy connections. */
async function busyPool(connections: number, limits: object = {}): Promise<ScriptedPool> {
  const pool = new ScriptedPool({
    limits: { maxConnections: connections, ...limits },
    trace: () => {},
  })
  for (let i = 0; i < connections; i++) pool.start('http://10.0.0.1', '/busy')
  await settle()
  return pool
}

function startMany(pool: ScriptedPool, count: number, origin = (_: number) => 'http://10.0.0.1') {
  return Array.from({ length: count }, (_, i) => pool.start(origin(i), '/'))
}

const manyOrigins = (i: number) => `http://10.1.${i >> 8}.${i & 255}`

describe('2 the cost of a request does not grow with the number of waiting requests', () => {
  test('to join the queue', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      return () => startMany(pool, waiters)
    }))

  test('to be served', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      startMany(pool, waiters)
      const socket = at(pool.sockets, 0)
      return () => {
        for (let i = 0; i <= waiters; i++) socket.receive(OK)
        pool.assertQuiescent()
      }
    }))

  test('to be served, with as many connections as requests', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(waiters)
      startMany(pool, waiters)
      return () => {
        for (const socket of pool.sockets) socket.receive(OK)
        for (const socket of pool.sockets) socket.receive(OK)
      }
    }))

  test('to be served while its origin is at its limit', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1, { maxConnections: 100, maxConnectionsPerOrigin: 1 })
      startMany(pool, waiters)
      const socket = at(pool.sockets, 0)
      return () => {
        for (let i = 0; i <= waiters; i++) socket.receive(OK)
        pool.assertQuiescent()
      }
    }))

  for (const from of ['first', 'last', 'any']) {
    test(`to be cancelled, the ${from} first`, () =>
      assertProportional(async (waiters) => {
        const pool = await busyPool(1)
        const calls = startMany(pool, waiters)
        if (from === 'last') calls.reverse()
        if (from === 'any') calls.sort((x, y) => order(x) - order(y))
        return () => {
          for (const { control } of calls) control?.abort()
          assert.equal(pool.stats().waiting, 0)
        }
      }))
  }

  test('to time out, each for another origin', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      const pending: (() => void)[] = []
      const { clock } = pool.backend
      clock.afterPending = (callback) => void pending.push(callback)
      for (let i = 0; i < waiters; i++) {
        pool.start(manyOrigins(i), '/', { timeouts: { pool: 100 } })
      }
      await clock.advance(100)
      return () => {
        for (let next = pending.shift(); next !== undefined; next = pending.shift()) next()
        assert.equal(pool.stats().waiting, 0)
      }
    }))

  test('to be counted', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      startMany(pool, waiters, manyOrigins)
      return () => {
        for (let i = 0; i < waiters; i++) pool.stats() // used in the message of PoolTimeout
      }
    }))

  test('to fail when the pool is closed', () =>
    assertProportional(async (waiters) => {
      const pool = await busyPool(1)
      startMany(pool, waiters, manyOrigins)
      return () => {
        void pool.close()
        assert.equal(pool.stats().waiting, 0)
      }
    }))
})

describe('2 the cost of a request does not grow with the number of connections', () => {
  test('that are idle, of many origins', () =>
    assertProportional(async (origins) => {
      const pool = new ScriptedPool({ limits: { maxConnections: null }, trace: () => {} })
      startMany(pool, origins, manyOrigins)
      await settle()
      for (const socket of pool.sockets) socket.receive(OK)
      const { sockets } = pool
      return () => {
        for (let i = 0; i < origins; i++) {
          pool.start(manyOrigins(i), '/')
          at(sockets, i).receive(OK)
        }
        assert.equal(pool.sockets.length, origins)
      }
    }))

  test('that are replaced by connections to other origins', () =>
    assertProportional(async (origins) => {
      const pool = new ScriptedPool({ limits: { maxConnections: origins }, trace: () => {} })
      startMany(pool, origins, manyOrigins)
      await settle()
      for (const socket of pool.sockets) socket.receive(OK)
      return () => {
        for (let i = 0; i < origins; i++) pool.start('http://10.9.9.9', '/')
      }
    }))
})

const orders = new WeakMap<RecordedCall, number>()
function order(call: RecordedCall): number {
  const known = orders.get(call) ?? Math.random()
  orders.set(call, known)
  return known
}
