// Many deadlines that come at once, and the order in which waiting requests get connections.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DispatchRequest } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import type { RecordedCall } from './scripted-pool.ts'
import { assertEmpty, LAST, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'
const C = 'http://c.test'

/** How a request can end at a given time. */
const deadlines: [name: string, options: (ms: number) => Partial<DispatchRequest>][] = [
  ['total', (ms) => ({ timeouts: { total: ms } })],
  ['pool, and total of the active requests', (ms) => ({ timeouts: { pool: ms, total: ms } })],
]

/** Sends requests of which two are active. The others wait. */
async function stalledPool(count: number, options: Partial<DispatchRequest>) {
  const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
  const calls: RecordedCall[] = []
  for (let i = 0; i < count; i++) calls.push(pool.start(i % 2 === 0 ? A : B, `/${i}`, options))
  await settle()
  assert.equal(pool.sockets.length, 2)
  return { pool, calls }
}

describe('86 requests that end together open no connections for each other', () => {
  for (const scheme of ['http', 'https']) {
    for (const [name, options] of deadlines) {
      test(`${scheme}: ${name}`, async () => {
        const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
        const calls: RecordedCall[] = []
        for (let i = 0; i < 500; i++) {
          calls.push(pool.start(`${scheme}://h${i % 3}.test`, '/', options(1000)))
        }
        await settle()
        await pool.backend.clock.advance(1100)
        assert.ok(calls.every(({ endCount }) => endCount === 1))
        assert.equal(pool.backend.lookups.length, 2)
        assert.equal(pool.sockets.length, 2)
        await assertEmpty(pool)
      })
    }
  }

  test('signals that are aborted one after another, as AbortSignal.timeout does', async () => {
    const controllers = Array.from({ length: 500 }, () => new AbortController())
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    for (const { signal } of controllers) pool.start(A, '/', { signal })
    await settle()
    for (const controller of controllers) {
      controller.abort()
      for (let i = 0; i < 10; i++) await Promise.resolve()
    }
    await pool.backend.clock.advance(100)
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('also if their deadlines are some milliseconds apart', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const { clock } = pool.backend
    for (let ms = 0; ms < 15; ms++) {
      for (let i = 0; i < 10; i++) pool.start(A, '/', { timeouts: { total: 1000 } })
      await clock.advance(1)
    }
    await clock.advance(1100)
    assert.equal(pool.stats().waiting, 0)
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('dials that time out together with waiting requests', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    pool.backend.autoConnect = false
    for (let i = 0; i < 100; i++) pool.start(A, '/', { timeouts: { connect: 1000, pool: 1000 } })
    await settle()
    await pool.backend.clock.advance(1100)
    assert.equal(pool.sockets.length, 2)
    assert.equal(pool.stats().waiting, 0)
    await assertEmpty(pool)
  })

  test('a proxy: no tunnel is opened for a request that is about to end', async () => {
    const pool = new ScriptedPool({
      limits: { maxConnections: 2 },
      proxy: 'http://proxy.test:3128',
    })
    for (let i = 0; i < 100; i++) pool.start('https://a.test', '/', { timeouts: { total: 1000 } })
    await settle()
    await pool.backend.clock.advance(1100)
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('a waiting request with a later deadline gets a connection', async () => {
    const { pool, calls } = await stalledPool(20, { timeouts: { total: 1000 } })
    const late = pool.start(C, '/late')
    await pool.backend.clock.advance(1010)
    assert.ok(calls.every(({ endCount }) => endCount === 1))
    pool.socketOf('/late').receive(OK)
    assert.equal(late.body, 'ok')
    assert.equal(pool.sockets.length, 3)
    await assertEmpty(pool)
  })

  test('they cannot hold a connection back for more than 50 ms', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { clock } = pool.backend
    const active = await pool.send(A)
    pool.start(A, '/first')
    const others = Array.from({ length: 80 }, () => pool.start(A, '/other'))
    active.control?.abort()
    for (const { control } of others) {
      control?.abort()
      await clock.advance(1)
      if (pool.wasSent('/first')) break
    }
    assert.ok(clock.now() >= 2 && clock.now() <= 53, `${clock.now()} ms`)
    await assertEmpty(pool)
  })

  test('85 a new request does not take the connection that waiting requests will get', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const active = await pool.send(A, '/0')
    pool.start(A, '/1')
    active.control?.abort()
    pool.start(B, '/2')
    assert.equal(pool.counts(), '0 connecting, 0 active, 0 idle, 2 waiting')
    await pool.backend.clock.flush()
    assert.ok(pool.wasSent('/1'))
    assert.equal(pool.wasSent('/2'), false)
    await assertEmpty(pool)
  })

  test('a connection that becomes free meanwhile stays open', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2 } })
    const aborted = await pool.send(A, '/0')
    await pool.send(B, '/1')
    pool.start(C, '/2')
    aborted.control?.abort()
    pool.socketOf('/1').receive(OK)
    assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 1 waiting')
    await pool.backend.clock.flush()
    assert.ok(pool.wasSent('/2'))
    assert.equal(pool.counts(), '0 connecting, 1 active, 1 idle, 0 waiting')
    await assertEmpty(pool)
  })
})

describe('90 thousands of deadlines at once', () => {
  const COUNT = 2000
  for (const [name, timeouts] of [
    ['pool', { pool: 1000 }],
    ['total', { total: 1000 }],
  ] as const) {
    test(`${name}: the event loop turns between them`, async () => {
      const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
      const { clock } = pool.backend
      await pool.send(A, '/active')
      let ended = 0
      const endedInTurn: number[] = []
      const countTurn = () => {
        endedInTurn.push(ended)
        ended = 0
        if (pool.stats().waiting > 0) clock.afterPending(countTurn)
      }
      for (let i = 0; i < COUNT; i++) {
        pool.start(A, '/', { timeouts }).whenEnded = () => {
          if (ended++ === 0 && endedInTurn.length === 0) clock.afterPending(countTurn)
        }
      }
      await clock.stall(1000) // All timers fire before anything else happens.
      await clock.flush()
      assert.equal(pool.stats().waiting, 0)
      assert.equal(
        endedInTurn.reduce((sum, count) => sum + count, 0),
        COUNT,
      )
      assert.ok(Math.max(...endedInTurn) <= 500, `${endedInTurn}`)
      await assertEmpty(pool)
    })
  }
})

describe('90 the pool timeout', () => {
  test('of requests that were served leaves no timer behind, whatever its values', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { clock } = pool.backend
    await pool.send(A, '/active')
    const before = clock.armedTimers
    for (let i = 1; i <= 100; i++) {
      const aborted = pool.start(A, '/aborted', { timeouts: { pool: 2000 + i } })
      pool.start(A, `/${i}`, { timeouts: { pool: 1000 + i } })
      aborted.control?.abort()
      at(pool.sockets, 0).receive(OK)
      assert.ok(pool.wasSent(`/${i}`))
      assert.ok(clock.armedTimers <= before + 1, `${clock.armedTimers} timers`)
    }
    await assertEmpty(pool)
    assert.equal(clock.armedTimers, 0)
  })

  test('is extended by the time for which the loop was blocked, once and at most by itself', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { clock } = pool.backend
    await pool.send(A, '/active')
    const early = pool.start(A, '/1', { timeouts: { pool: 100 } })
    await clock.stall(150) // 50 ms late
    await clock.advance(49)
    assert.equal(early.endCount, 0)
    await clock.advance(1)
    assert.equal(early.failure.name, 'PoolTimeout')

    const blocked = pool.start(A, '/2', { timeouts: { pool: 100 } })
    await clock.stall(5000)
    await clock.advance(99)
    assert.equal(blocked.endCount, 0)
    await clock.stall(50)
    await clock.flush()
    assert.equal(blocked.failure.name, 'PoolTimeout')
    await assertEmpty(pool)
  })

  test('of a request that arrives after the loop was blocked is not extended', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { clock } = pool.backend
    await pool.send(A, '/active')
    const blocked = pool.start(A, '/1', { timeouts: { pool: 100 } })
    await clock.stall(5000)
    const later = pool.start(A, '/2', { timeouts: { pool: 100 } })
    await clock.advance(100)
    assert.equal(blocked.failure.name, 'PoolTimeout')
    assert.equal(later.failure.name, 'PoolTimeout')
    await assertEmpty(pool)
  })

  test('that was extended does not keep the request from its connection', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const { clock } = pool.backend
    const active = await pool.send(A, '/active')
    pool.start(A, '/1', { timeouts: { pool: 100 } })
    await clock.stall(5000)
    active.control?.abort()
    await clock.flush()
    assert.ok(pool.wasSent('/1'))
    await assertEmpty(pool)
  })
})

describe('85 order of arrival', () => {
  test('a request that waited for its origin is served before younger ones to other origins', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
    const names = ['a0', 'b0', 'a1', 'c0', 'a2', 'd0', 'e0']
    for (const name of names) pool.start(`http://${name[0]}.test`, `/${name}`)
    await settle()
    // The connection of a.test is closed, so a1 and later a2 may use any connection.
    const served: string[] = []
    for (const name of ['a0', 'b0', 'a1', 'c0', 'a2', 'd0', 'e0']) {
      assert.ok(pool.wasSent(`/${name}`), `${name} was not sent after ${served}`)
      served.push(name)
      pool.socketOf(`/${name}`).receive(LAST)
      await settle()
    }
    assert.deepEqual(served, names)
    await assertEmpty(pool)
  })

  for (const event of ['aborted', 'reset', 'closed by the server', 'replaced']) {
    test(`a connection that is ${event} serves the oldest request that may use it`, async () => {
      const pool = new ScriptedPool({ limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 } })
      const active = await pool.send(A, '/a0')
      await pool.send(B, '/b0')
      pool.start(A, '/old') // waits for its origin
      for (let i = 0; i < 5; i++) pool.start(`http://x${i}.test`, `/x${i}`)
      await settle()
      if (event === 'aborted') active.control?.abort()
      else if (event === 'reset') pool.socketOf('/a0').reset()
      else pool.socketOf('/a0').receive(event === 'replaced' ? OK : LAST)
      await pool.backend.clock.flush()
      assert.ok(pool.wasSent('/old'))
      assert.equal(pool.wasSent('/x0'), false)
      await assertEmpty(pool)
    })
  }

  test('tunnels through a proxy are opened in order of arrival, too', async () => {
    const pool = new ScriptedPool({
      limits: { maxConnections: 2, maxConnectionsPerOrigin: 1 },
      proxy: 'http://proxy.test:3128',
    })
    const requested = () =>
      pool.sockets.map(({ written }) => /CONNECT (\w+)/.exec(written)?.[1]).join(' ')
    const first = await pool.send('https://a.test', '/a0')
    await pool.send('https://b.test', '/b0')
    pool.start('https://a.test', '/a1')
    pool.start('https://c.test', '/c0')
    first.control?.abort()
    await pool.backend.clock.flush()
    assert.equal(requested(), 'a b a')
    await assertEmpty(pool)
  })

  for (const [name, close] of [
    [
      'a response with Connection: close',
      (pool: ScriptedPool) => pool.socketOf('/0').receive(LAST),
    ],
    ['an idle connection that is replaced', (pool: ScriptedPool) => void pool.start(C, '/c')],
  ] as const) {
    test(`a request that a listener of connection:close sends overtakes none: ${name}`, async () => {
      let pool: ScriptedPool
      let isSent = false
      pool = new ScriptedPool({
        limits: { maxConnections: 1 },
        trace: (event, _) => {
          if (event !== 'connection:close' || isSent) return
          isSent = true
          pool.start(B, '/listener')
        },
      })
      if (name.startsWith('an idle')) await pool.warm(A)
      else {
        await pool.send(A, '/0')
        pool.start(C, '/c')
      }
      close(pool)
      await pool.backend.clock.flush()
      assert.equal(pool.open.length, 1)
      assert.ok(pool.wasSent('/c'))
      assert.equal(pool.wasSent('/listener'), false)
      pool.socketOf('/c').receive(OK)
      await pool.backend.clock.flush()
      assert.ok(pool.wasSent('/listener'))
      await assertEmpty(pool)
    })
  }
})
