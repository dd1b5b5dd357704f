import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HTTPProxy, PoolTimeout } from '../../src/engine.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { at } from '../support/at.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const POST = { method: 'POST', body: 'x' }

/** A pool in which a poll of the event loop ends only when the test ends it. */
function pollingPool(options: PoolOptions = {}): ScriptedPool {
  const pool = new ScriptedPool(options)
  pool.backend.clock.autoPoll = false
  return pool
}

async function endPoll(pool: ScriptedPool): Promise<void> {
  pool.backend.clock.endPoll()
  await settle()
}

/** Opens connections, and delivers a response on each. They are idle and not polled. */
async function openUnpolled(
  pool: ScriptedPool,
  count = 1,
  more = {},
  origin = A,
): Promise<ScriptedSocket[]> {
  const from = pool.sockets.length
  for (let i = 0; i < count; i++) pool.start(origin, `/first${i}`, more)
  await settle()
  const sockets = pool.sockets.slice(from)
  for (const socket of sockets) socket.receive(OK)
  return sockets
}

describe('40 a server that closes after its response without announcing it', () => {
  const bodies: [name: string, more: object][] = [
    ['POST', POST],
    ['PATCH', { method: 'PATCH', body: 'x' }],
    ['a streamed PUT', { method: 'PUT', body: (async function* () {})() }],
  ]
  for (const [name, more] of bodies) {
    test(`does not cost the next request: ${name}`, async () => {
      const pool = pollingPool()
      const [socket] = await openUnpolled(pool)
      const call = pool.start(A, '/next', more)
      await settle()
      assert.equal(pool.wasSent('/next'), false)
      assert.equal(pool.counts(), '0 connecting, 1 active, 0 idle, 0 waiting')
      socket?.receiveEnd()
      await settle()
      assert.equal(pool.sockets.length, 2)
      pool.socketOf('/next').receive(OK)
      await settle()
      assert.equal(call.body, 'ok')
      await endPoll(pool)
      await assertEmpty(pool)
    })
  }

  test('a request that cannot be sent again waits for one poll, and no longer', async () => {
    const pool = pollingPool()
    const sockets = await openUnpolled(pool)
    const call = pool.start(A, '/next', POST)
    await settle()
    assert.equal(pool.wasSent('/next'), false)
    await endPoll(pool)
    assert.equal(pool.socketOf('/next'), sockets[0])
    sockets[0]?.receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('a connection that became free during a poll needs the next one', async () => {
    const pool = pollingPool()
    const [first, second] = await openUnpolled(pool, 2)
    pool.start(A, '/a', POST)
    pool.start(A, '/b', POST)
    await endPoll(pool)
    pool.socketOf('/a').receive(OK)
    const third = pool.start(A, '/c', POST)
    pool.backend.clock.beginPoll()
    pool.socketOf('/b').receive(OK)
    pool.start(A, '/d', POST)
    await endPoll(pool)
    assert.ok(pool.wasSent('/c') && !pool.wasSent('/d'))
    await endPoll(pool)
    assert.ok(pool.wasSent('/d'))
    for (const socket of [first, second]) socket?.receive(OK)
    assert.equal(third.body, 'ok')
    await assertEmpty(pool)
  })

  test('a poll that is over counts: the request is written inside dispatch', async () => {
    const pool = pollingPool()
    await openUnpolled(pool)
    await pool.backend.clock.flush() // an idle connection is polled without a request
    await endPoll(pool)
    pool.start(A, '/next', POST)
    assert.ok(pool.wasSent('/next'))
    await assertEmpty(pool)
  })

  test('an older connection that was polled is used at once', async () => {
    const pool = pollingPool()
    const [older] = await openUnpolled(pool, 2)
    await pool.backend.clock.flush()
    await endPoll(pool)
    pool.start(A, '/get')
    const newer = pool.socketOf('/get')
    assert.notEqual(newer, older)
    newer.receive(OK)
    pool.start(A, '/next', POST)
    assert.equal(pool.socketOf('/next'), older)
    await assertEmpty(pool)
  })

  test('a single GET does not wait', async () => {
    const pool = pollingPool()
    const [socket] = await openUnpolled(pool)
    for (let i = 0; i < 3; i++) {
      const call = pool.start(A, `/${i}`)
      assert.ok(pool.wasSent(`/${i}`))
      socket?.receive(OK)
      assert.equal(call.body, 'ok')
    }
    assert.equal(pool.backend.clock.awaitedPolls, 0)
    await assertEmpty(pool)
  })

  test('the wait is part of the phase queue', async () => {
    const ends: unknown[] = []
    const pool = pollingPool({ trace: (event, info) => event === 'request:end' && ends.push(info) })
    const [socket] = await openUnpolled(pool)
    pool.start(A, '/next', POST)
    await settle()
    await pool.backend.clock.advance(7)
    await endPoll(pool)
    socket?.receive(OK)
    assert.deepEqual((ends[1] as { durations: object }).durations, { queue: 7, wait: 0, read: 0 })
    await assertEmpty(pool)
  })

  test('an aborted request gives the connection back', async () => {
    const pool = pollingPool()
    const [socket] = await openUnpolled(pool)
    const call = pool.start(A, '/next', POST)
    call.control?.abort('why')
    await settle()
    assert.equal(call.error, 'why')
    assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 0 waiting')
    pool.start(A, '/last', POST)
    await endPoll(pool)
    assert.equal(pool.socketOf('/last'), socket)
    assert.equal(pool.wasSent('/next'), false)
    await assertEmpty(pool)
  })

  test('an aborted request gives the connection to the next one that waits', async () => {
    const pool = pollingPool({ limits: { maxConnections: 1 } })
    const calls = [pool.start(A, '/0'), pool.start(A, '/1', POST), pool.start(A, '/2', POST)]
    await settle()
    pool.sockets[0]?.receive(OK)
    calls[1]?.control?.abort()
    await endPoll(pool)
    assert.ok(pool.wasSent('/2') && !pool.wasSent('/1'))
    await assertEmpty(pool)
  })

  test('the total timeout ends the wait', async () => {
    const pool = pollingPool()
    await openUnpolled(pool)
    const call = pool.start(A, '/next', { ...POST, timeouts: { total: 50 } })
    await pool.backend.clock.advance(50)
    assert.equal(call.failure.name, 'TotalTimeout')
    assert.equal(pool.stats().idle, 1)
    await endPoll(pool)
    assert.equal(pool.wasSent('/next'), false)
    await assertEmpty(pool)
  })

  test('close() ends the wait', async () => {
    const pool = pollingPool()
    const sockets = await openUnpolled(pool)
    const call = pool.start(A, '/next', POST)
    await pool.close()
    await settle()
    assert.equal(call.failure.name, 'ClientClosed')
    assert.equal(isOpen(at(sockets, 0)), false)
    await endPoll(pool)
    assert.equal(pool.backend.lookups.length, 1) // no other connection is begun
    await assertEmpty(pool)
  })

  test('requests are served in the order in which they came, and each once', async () => {
    const pool = pollingPool({ limits: { maxConnections: 2 } })
    const sent: string[] = []
    for (let i = 0; i < 8; i++) pool.start(A, `/${i}`, POST)
    await settle()
    for (let round = 0; round < 4; round++) {
      for (const socket of pool.sockets) {
        for (const [, path] of socket.takeWritten().matchAll(/POST (\S+) /g)) sent.push(path ?? '')
      }
      for (const socket of pool.sockets) socket.receive(OK)
      await endPoll(pool)
    }
    assert.deepEqual(sent, ['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7'])
    pool.assertQuiescent()
    await assertEmpty(pool)
  })

  test('the connection closes: the request is sent before those that came later', async () => {
    const pool = pollingPool({ limits: { maxConnections: 1 } })
    for (const path of ['/0', '/1', '/2']) pool.start(A, path, POST)
    await settle()
    const [socket] = pool.sockets
    socket?.receive(OK)
    await settle()
    socket?.receiveEnd()
    await settle()
    assert.ok(pool.wasSent('/1') && !pool.wasSent('/2'))
    assert.equal(pool.stats().connections, 1)
    await assertEmpty(pool)
  })

  test('the pool timeout counts while all connections are in use, not during a poll', async () => {
    const pool = pollingPool({ limits: { maxConnections: 1 } })
    await pool.send(A, '/0')
    const late = pool.start(A, '/1', { ...POST, timeouts: { pool: 100 } })
    await pool.backend.clock.advance(100)
    assert.ok(late.error instanceof PoolTimeout)
    assert.equal(late.error.phase, 'queue')
    const served = pool.start(A, '/2', { ...POST, timeouts: { pool: 100 } })
    pool.sockets[0]?.receive(OK)
    await pool.backend.clock.advance(200) // a blocked event loop
    assert.equal(served.error, undefined)
    await endPoll(pool)
    assert.ok(pool.wasSent('/2'))
    await assertEmpty(pool)
  })

  test('an idle pool waits for nothing', async () => {
    const pool = pollingPool()
    await openUnpolled(pool, 3)
    await pool.backend.clock.flush()
    await endPoll(pool)
    await pool.backend.clock.flush()
    assert.equal(pool.backend.clock.awaitedPolls, 0)
    await assertEmpty(pool)
  })
})

describe('40 after an unannounced close', () => {
  /** Lets the origin close a connection right after its response. */
  async function closeEarly(pool: ScriptedPool): Promise<void> {
    const [socket] = await openUnpolled(pool)
    socket?.receiveEnd()
    await settle()
  }

  test('a POST waits longer for the end, and is not lost', async () => {
    const pool = pollingPool()
    await closeEarly(pool)
    const [socket] = await openUnpolled(pool)
    const call = pool.start(A, '/next', POST)
    await endPoll(pool)
    await pool.backend.clock.advance(19)
    assert.equal(pool.wasSent('/next'), false)
    socket?.receiveEnd()
    await settle()
    pool.socketOf('/next').receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('a POST is sent if the connection stays open for 20 ms', async () => {
    const pool = pollingPool()
    await closeEarly(pool)
    const [socket] = await openUnpolled(pool)
    pool.start(A, '/next', POST)
    await endPoll(pool)
    await pool.backend.clock.advance(20)
    await endPoll(pool)
    assert.equal(pool.socketOf('/next'), socket)
    await assertEmpty(pool)
  })

  test('a POST waits twice as long as the end took to arrive, up to 50 ms', async () => {
    for (const [age, wait] of [
      [0, 20],
      [15, 30],
      [40, 50],
    ] as const) {
      const pool = pollingPool()
      const [first] = await openUnpolled(pool)
      await pool.backend.clock.advance(age)
      first?.receiveEnd()
      await openUnpolled(pool)
      pool.start(A, '/next', POST)
      await endPoll(pool)
      await pool.backend.clock.advance(wait - 1)
      await endPoll(pool)
      assert.equal(pool.wasSent('/next'), false, `${age} ms`)
      await pool.backend.clock.advance(1)
      await endPoll(pool)
      assert.ok(pool.wasSent('/next'), `${age} ms`)
      await assertEmpty(pool)
    }
  })

  test('a GET does not wait longer, nor a POST to another origin or 10 s later', async () => {
    const pool = pollingPool()
    await closeEarly(pool)
    const [socket] = await openUnpolled(pool)
    pool.start(A, '/get')
    assert.equal(pool.socketOf('/get'), socket)
    await openUnpolled(pool, 1, {}, 'http://b.test')
    pool.start('http://b.test', '/post', POST)
    await endPoll(pool)
    assert.ok(pool.wasSent('/post'))
    await pool.backend.clock.advance(10_000)
    await openUnpolled(pool)
    pool.start(A, '/late', POST)
    await endPoll(pool)
    assert.ok(pool.wasSent('/late'))
    await assertEmpty(pool)
  })

  test('a reused connection that ends before a response counts, a late end does not', async () => {
    for (const [wait, sent] of [
      [0, false],
      [1000, true],
    ] as const) {
      const pool = pollingPool()
      const [socket] = await openUnpolled(pool)
      await pool.backend.clock.advance(wait)
      pool.start(A, '/lost', POST)
      await endPoll(pool)
      socket?.receiveEnd()
      await openUnpolled(pool)
      pool.start(A, '/next', POST)
      await endPoll(pool)
      assert.equal(pool.wasSent('/next'), sent)
      await assertEmpty(pool)
    }
  })
})

describe('41 bytes behind a response never reach the next request', () => {
  const EVIL = OK.replace('ok', 'no')

  /** Checks that the request for `/next` is not written before a poll. */
  async function assertWaits(pool: ScriptedPool, socket: ScriptedSocket | undefined, origin = A) {
    const call = pool.start(origin, '/next')
    await settle()
    assert.equal(pool.wasSent('/next'), false)
    socket?.receive(EVIL)
    await settle()
    const { socket: other } = pool.backend
    assert.notEqual(other, socket)
    assert.ok(other.written.includes('/next'))
    other.receive(OK)
    assert.equal(call.body, 'ok')
  }

  async function headOnly(pool: ScriptedPool) {
    await pool.send(A, '/head', { method: 'HEAD' })
    const { socket } = pool.backend
    socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 37\r\n\r\n')
    return { socket }
  }

  test('after HEAD', async () => {
    const pool = pollingPool()
    const { socket } = await headOnly(pool)
    await assertWaits(pool, socket)
    await assertEmpty(pool)
  })

  test('while another request is in flight', async () => {
    const pool = pollingPool()
    await pool.send(A, '/slow')
    const [socket] = await openUnpolled(pool)
    await assertWaits(pool, socket)
    await assertEmpty(pool)
  })

  test('while requests are queued', async () => {
    const pool = pollingPool({ limits: { maxConnections: 1 } })
    pool.start(A, '/0')
    const call = pool.start(A, '/1')
    await settle()
    const [socket] = pool.sockets
    socket?.receive(OK)
    assert.equal(pool.wasSent('/1'), false)
    socket?.receive(EVIL)
    await settle()
    pool.socketOf('/1').receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('on a connection that a forward proxy shares between origins', async () => {
    const pool = pollingPool({ proxy: new HTTPProxy('http://p.test:3128') })
    const [socket] = await openUnpolled(pool)
    const call = pool.start('http://b.test', '/next')
    await settle()
    assert.equal(socket?.written.includes('/next'), false)
    socket?.receive(EVIL)
    await settle()
    pool.backend.socket.receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('if a poll takes a timer, only requests that need it wait', async () => {
    const pool = pollingPool({ limits: { maxConnections: 2 } })
    pool.backend.clock.isPollFast = false
    for (const path of ['/0', '/1', '/2']) pool.start(A, path)
    pool.start(A, '/3', POST)
    await settle()
    pool.socketOf('/0').receive(OK)
    assert.ok(pool.wasSent('/2'))
    pool.socketOf('/1').receive(OK)
    assert.equal(pool.wasSent('/3'), false)
    await endPoll(pool)
    assert.ok(pool.wasSent('/3'))
    pool.socketOf('/2').receive(OK)
    pool.start(A, '/4')
    assert.ok(pool.wasSent('/4'))
    await assertEmpty(pool)
  })

  test('no connection is opened instead of the wait', async () => {
    const pool = pollingPool()
    await openUnpolled(pool, 3)
    for (let i = 0; i < 3; i++) pool.start(A, `/${i}`, POST)
    await settle()
    assert.equal(pool.sockets.length, 3)
    pool.start(A, '/3', POST)
    await settle()
    assert.equal(pool.sockets.length, 4) // there are fewer connections than requests
    await assertEmpty(pool)
  })
})
