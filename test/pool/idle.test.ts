import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { at } from '../support/at.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'
const hinted = (hint: string) => OK.replace('\r\n', `\r\nKeep-Alive: ${hint}\r\n`)

async function warmAll(pool: ScriptedPool, count: number, origin = A) {
  const from = pool.sockets.length
  for (let i = 0; i < count; i++) pool.start(origin, `/${i}`)
  await settle()
  const sockets = pool.sockets.slice(from)
  for (const socket of sockets) socket.receive(OK)
  await settle()
  return sockets
}

describe('reuse', () => {
  test('the connection that was used last is used first', async () => {
    const pool = new ScriptedPool()
    const sockets = await warmAll(pool, 3)
    const first = at(sockets, 0)
    const second = at(sockets, 1)
    const third = at(sockets, 2)
    pool.start(A, '/x')
    assert.equal(pool.socketOf('/x'), third)
    await pool.send(A, '/y')
    assert.equal(pool.socketOf('/y'), second)
    third.receive(OK)
    await pool.backend.clock.flush()
    pool.start(A, '/z')
    assert.equal(pool.socketOf('/z'), third)
    pool.start(A, '/last')
    assert.equal(pool.socketOf('/last'), first)
    await assertEmpty(pool)
  })

  test('4 at once: the request is written inside dispatch', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    socket.takeWritten()
    pool.start(A, '/again')
    assert.match(socket.takeWritten(), /^GET \/again HTTP\/1\.1\r\n/)
    await assertEmpty(pool)
  })

  test('never for another origin', async () => {
    const pool = new ScriptedPool()
    await pool.warm(A)
    for (const origin of [B, 'https://a.test', `${A}:8080`]) await pool.send(origin, '/other')
    assert.equal(pool.sockets.length, 4)
    await assertEmpty(pool)
  })
})

describe('maxKeepaliveConnections', () => {
  test('limits the idle connections of all origins together', async () => {
    const pool = new ScriptedPool({ limits: { maxKeepaliveConnections: 2 } })
    await warmAll(pool, 2)
    await warmAll(pool, 2, B)
    assert.equal(pool.counts(), '0 connecting, 0 active, 2 idle, 0 waiting')
    assert.deepEqual(pool.closed, [`${B} too-many-idle`, `${B} too-many-idle`])
    await assertEmpty(pool)
  })

  test('0: no connection stays idle, but waiting requests are served', async () => {
    const pool = new ScriptedPool({ limits: { maxKeepaliveConnections: 0, maxConnections: 1 } })
    pool.start(A, '/0')
    pool.start(A, '/1')
    await settle()
    at(pool.sockets, 0).receive(OK)
    assert.equal(pool.socketOf('/1'), pool.sockets[0])
    at(pool.sockets, 0).receive(OK)
    assert.equal(pool.counts(), '0 connecting, 0 active, 0 idle, 0 waiting')
    assert.deepEqual(pool.closed, [`${A} too-many-idle`])
    await assertEmpty(pool)
  })
})

describe('keepaliveExpiry', () => {
  test('is 5 s by default, and starts again after each use', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    await pool.backend.clock.advance(4000)
    pool.start(A)
    socket.receive(OK)
    await pool.backend.clock.advance(4999)
    assert.ok(isOpen(socket))
    await pool.backend.clock.advance(1)
    assert.equal(isOpen(socket), false)
    assert.deepEqual(pool.closed, [`${A} keepalive-expired`])
    assert.equal(pool.stats().origins, 0)
    await assertEmpty(pool)
  })

  test('0: no connection stays idle', async () => {
    const pool = new ScriptedPool({ limits: { keepaliveExpiry: 0 } })
    const socket = await pool.warm(A)
    assert.equal(isOpen(socket), false)
    assert.deepEqual(pool.closed, [`${A} keepalive-expired`])
    await pool.send(A, '/again')
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('null: connections stay idle without limit', async () => {
    const pool = new ScriptedPool({ limits: { keepaliveExpiry: null } })
    const socket = await pool.warm(A)
    await pool.backend.clock.advance(30 * 86_400_000)
    assert.ok(isOpen(socket))
    await assertEmpty(pool)
  })

  test('3 an expired connection is not reused, even if its timer is late', async () => {
    const pool = new ScriptedPool()
    await warmAll(pool, 3)
    const { clock } = pool.backend
    Object.defineProperty(clock, 'now', { value: () => 5000 }) // no timer has fired
    await pool.send(A, '/late')
    assert.equal(pool.socketOf('/late'), pool.sockets[3])
    assert.equal(pool.counts(), '0 connecting, 1 active, 0 idle, 0 waiting')
    Reflect.deleteProperty(clock, 'now')
    await assertEmpty(pool)
  })

  test('10,000 expired connections cause no deep recursion', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: null } })
    await warmAll(pool, 10_000)
    const { clock } = pool.backend
    Object.defineProperty(clock, 'now', { value: () => 5000 })
    const call = await pool.send(A, '/late')
    pool.socketOf('/late').receive(OK)
    assert.equal(call.body, 'ok')
    await pool.close()
  })
})

describe("the server's Keep-Alive hint", () => {
  const cases: [hint: string, lasts: number][] = [
    ['timeout=3', 2000],
    ['timeout=1', 500],
    ['timeout=0', 0],
    ['timeout=60', 5000],
    ['max=100, timeout=3', 2000],
    ['timeout = 3', 5000],
    ['max=5', 5000],
    ['TIMEOUT=3;max=1', 2000],
  ]
  for (const [hint, lasts] of cases) {
    test(`3 ${hint}: kept for ${lasts} ms`, async () => {
      const pool = new ScriptedPool()
      await pool.send(A)
      const { socket } = pool.backend
      socket.receive(hinted(hint))
      await settle()
      assert.equal(isOpen(socket), lasts > 0)
      if (lasts > 0) {
        await pool.backend.clock.advance(lasts - 1)
        assert.ok(isOpen(socket))
        await pool.backend.clock.advance(1)
        assert.equal(isOpen(socket), false)
      }
      await assertEmpty(pool)
    })
  }

  test('is taken from the last response', async () => {
    const pool = new ScriptedPool()
    await pool.send(A)
    const { socket } = pool.backend
    socket.receive(hinted('timeout=2'))
    pool.start(A)
    socket.receive(OK)
    await pool.backend.clock.advance(4999)
    assert.ok(isOpen(socket))
    await assertEmpty(pool)
  })
})

describe('maxLifetime', () => {
  test('an old connection serves no further request', async () => {
    const pool = new ScriptedPool({ limits: { maxLifetime: 10_000, maxConnections: 1 } })
    const first = await pool.warm(A)
    const { clock } = pool.backend
    await clock.advance(4000)
    await pool.send(A, '/1')
    first.receive(OK)
    await clock.advance(4000)
    const long = pool.start(A, '/2')
    const waiting = pool.start(A, '/3')
    await clock.advance(3000)
    first.receive(OK) // 11 s old: not reused, although a request waits
    await settle()
    assert.equal(long.body, 'ok')
    assert.equal(isOpen(first), false)
    assert.deepEqual(pool.closed, [`${A} max-lifetime`])
    const second = pool.socketOf('/3')
    assert.notEqual(second, first)
    second.receive(OK)
    assert.equal(waiting.body, 'ok')
    await assertEmpty(pool)
  })

  test('an idle connection is closed at that age', async () => {
    const pool = new ScriptedPool({ limits: { maxLifetime: 3000 } })
    const socket = await pool.warm(A)
    await pool.backend.clock.advance(2999)
    assert.ok(isOpen(socket))
    await pool.backend.clock.advance(1)
    assert.equal(isOpen(socket), false)
    await assertEmpty(pool)
  })
})

describe('3, 24 an idle connection is closed when', () => {
  test('the peer ends the stream', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    socket.receiveEnd()
    assert.equal(pool.stats().connections, 0)
    assert.deepEqual(pool.closed, [`${A} peer-ended`])
    await assertEmpty(pool)
  })

  test('it is reset', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    socket.reset()
    assert.equal(pool.stats().connections, 0)
    assert.deepEqual(pool.closed, [`${A} peer-reset`])
    await assertEmpty(pool)
  })

  test('a second response arrives, which is not delivered', async () => {
    const pool = new ScriptedPool()
    const socket = await pool.warm(A)
    socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    assert.deepEqual(pool.closed, [`${A} unsolicited-data`])
    const call = await pool.send(A, '/next')
    assert.notEqual(pool.backend.socket, socket)
    pool.backend.socket.receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('a second response arrives together with the first one', async () => {
    const pool = new ScriptedPool()
    const call = await pool.send(A)
    pool.start(A, '/next')
    at(pool.sockets, 0).receive(`${OK}${OK.replace('ok', 'ko')}`)
    await settle()
    assert.equal(call.body, 'ok')
    assert.deepEqual(pool.closed, [`${A} surplus-bytes`])
    await assertEmpty(pool)
  })
})
