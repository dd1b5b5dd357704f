// Responses that nobody reads: what they hold, and what they leave to other requests.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Response } from '../../src/engine.ts'
import { PoolTimeout, ReadError } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import { OK, PoolHarness } from '../support/pool-harness.ts'
import { assertEmpty, isOpen, ScriptedPool, settle } from './scripted-pool.ts'

const A = 'http://a.test'
const B = 'http://b.test'
const SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'
/** The beginning of a body that is longer than what is read ahead. */
const LARGE = `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(70_000)}`

/** Sends a request, and pauses its response after the first two bytes. */
async function pausedExchange(harness: PoolHarness, request: object = {}) {
  const call = await harness.send(request, { onData: () => false })
  await harness.receive(`${SIZED}ab`)
  assert.deepEqual(call.events, ['head 200', 'data ab'])
  return call
}

/** Reads the rest of an iterator. */
async function lengthOf(iterator: AsyncIterator<Uint8Array>): Promise<number> {
  let length = 0
  for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
    length += step.value.length
  }
  return length
}

describe('the memory of a chunk', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n'

  /** Starts to iterate over a response of which `first` has arrived. */
  async function startIterator(pool: ScriptedPool, first: string) {
    const promise = pool.request({ origin: A, path: '/chunks' })
    await settle()
    const socket = at(pool.sockets, 0)
    socket.receive(`${head}${first}`)
    await settle()
    return { socket, chunks: (await promise)[Symbol.asyncIterator]() }
  }

  test('38 is not read into again, because the caller may transfer it', async () => {
    const pool = new ScriptedPool()
    const { socket, chunks } = await startIterator(pool, 'ab')
    for (const length of [0, 40_000, 40_000, 10, 50_000]) {
      if (length > 0) socket.receive('x'.repeat(length))
      const chunk = (await chunks.next()).value as Uint8Array
      assert.notEqual(socket.handler.readTarget().buffer, chunk.buffer)
    }
    await chunks.return?.()
    await assertEmpty(pool)
  })
})

describe('the process', () => {
  test('42 is not kept alive by a response whose handler paused, and is again after resume', async () => {
    const harness = new PoolHarness()
    const call = await pausedExchange(harness)
    assert.equal(harness.backend.holdCount, 0)
    call.resume()
    assert.equal(harness.backend.holdCount, 1)
    await settle()
    assert.equal(harness.backend.holdCount, 1, 'it waits for the server')
    await harness.receive('cd') // pauses again, with the complete response
    assert.equal(harness.backend.holdCount, 0)
    assert.deepEqual(call.events, ['head 200', 'data ab', 'data cd'])
    call.resume()
    await settle()
    assert.equal(call.events.at(-1), 'end')
    await harness.finish()
  })

  test('42 is kept alive if resume was called before the handler returned false', async () => {
    const pool = new ScriptedPool()
    let body = ''
    const control = pool.dispatch(
      { origin: A, path: '/' },
      {
        onHead() {},
        onData(chunk) {
          body += String(Buffer.from(chunk))
          control.resume()
          return false
        },
        onEnd: () => {},
        onError: () => {},
      },
    )
    await settle()
    pool.backend.socket.receive(`${SIZED}ab`)
    await settle()
    const { active, unread } = pool.stats()
    assert.deepEqual({ active, unread }, { active: 1, unread: 0 })
    assert.equal(pool.backend.holdCount, 1)
    pool.backend.socket.receive('cd')
    await settle()
    assert.equal(body, 'abcd')
    await assertEmpty(pool)
  })

  test('42 is not kept alive by an unread response of pool.request, and is while it is read', async () => {
    const pool = new ScriptedPool()
    const promise = pool.request({ origin: A, path: '/' })
    await settle()
    assert.equal(pool.backend.holdCount, 1)
    pool.backend.socket.receive(LARGE)
    const response = await promise
    await settle()
    assert.equal(pool.backend.holdCount, 0)
    const bytes = response.bytes()
    assert.equal(pool.backend.holdCount, 1)
    await settle()
    pool.backend.socket.receive('x'.repeat(930_000))
    assert.equal((await bytes).length, 1_000_000)
    assert.equal(pool.backend.holdCount, 0)
    await assertEmpty(pool)
  })

  test('42 is not kept alive by an iterator that was left after one chunk', async () => {
    const pool = new ScriptedPool()
    const promise = pool.request({ origin: A, path: '/' })
    await settle()
    pool.backend.socket.receive('HTTP/1.1 200 OK\r\n\r\nfirst')
    const iterator = (await promise)[Symbol.asyncIterator]()
    assert.equal(String((await iterator.next()).value), 'first')
    assert.equal(pool.backend.holdCount, 1, 'it waits for the server')
    pool.backend.socket.receive('x'.repeat(70_000))
    await settle()
    assert.equal(pool.backend.holdCount, 0)
    const rest = lengthOf(iterator)
    await settle()
    assert.equal(pool.backend.holdCount, 1, 'the reader waits for more')
    pool.backend.socket.receiveEnd()
    assert.equal(await rest, 70_000)
    await assertEmpty(pool)
  })

  test('42 is kept alive by an upload whose source may still yield', async () => {
    const harness = new PoolHarness()
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    async function* source() {
      yield 'content'
      await finished
    }
    const call = await pausedExchange(harness, { method: 'POST', body: source() })
    assert.equal(harness.backend.holdCount, 1)
    finish()
    await settle()
    assert.equal(harness.backend.holdCount, 0)
    call.abort()
    await harness.finish()
  })

  test('42 is kept alive by a total timeout that is pending', async () => {
    const harness = new PoolHarness()
    const call = await pausedExchange(harness, { timeouts: { total: 1000 } })
    assert.equal(harness.backend.holdCount, 1)
    await harness.clock.advance(1000)
    assert.equal(call.events.at(-1), 'error TotalTimeout')
    await harness.finish()
  })

  test('42 is kept alive by another request, however an unread response ends', async () => {
    const harness = new PoolHarness()
    const aborted = await pausedExchange(harness)
    const broken = await pausedExchange(harness)
    harness.socket.reset()
    const waiting = await harness.send()
    assert.equal(harness.backend.holdCount, 1)
    aborted.abort()
    await settle()
    assert.equal(harness.backend.holdCount, 1)
    broken.resume()
    await settle()
    assert.ok(broken.error instanceof ReadError, inspect(broken.error))
    assert.equal(harness.backend.holdCount, 1)
    await harness.receive(OK)
    assert.equal(waiting.events.at(-1), 'end')
    await harness.finish()
  })
})

describe('the pool', () => {
  test('43 stats counts the connections of unread responses', async () => {
    const harness = new PoolHarness()
    const first = await pausedExchange(harness)
    const firstSocket = harness.socket
    await pausedExchange(harness)
    await harness.send()
    const { active, unread } = harness.pool.stats()
    assert.deepEqual({ active, unread }, { active: 3, unread: 2 })
    assert.match(inspect(harness.pool), /3 active \(2 unread\), 0 idle/)
    first.resume()
    assert.equal(harness.pool.stats().unread, 1, 'one of them is read again')
    await settle()
    firstSocket.receive('cd')
    await settle()
    first.resume()
    await settle()
    for (const call of harness.calls) call.abort()
    assert.equal(harness.pool.stats().unread, 0)
    await harness.finish()
  })

  test('43 a PoolTimeout names the number of unread responses, and the URL of the oldest', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 3 }, timeouts: { pool: 100 } })
    const paths = ['/busy', '/oldest?secret=1', '/newest']
    for (const path of paths) pool.request({ origin: A, path }).catch(() => {})
    await settle()
    for (const path of paths.slice(1)) pool.socketOf(path).receive(LARGE)
    await settle()
    const late = pool.start(B, '/late')
    await pool.backend.clock.advance(100)
    assert.ok(late.failure instanceof PoolTimeout)
    assert.match(late.failure.message, /3 active \(2 unread\), 0 idle, 1 waiting/)
    assert.match(
      late.failure.message,
      /, maxConnections 3; 2 connections are held by unread responses \(oldest: http:\/\/a\.test\/oldest\?…\); read or close each response \(GET http:\/\/b\.test\/late, after 100 ms\)$/,
    )
    assert.doesNotMatch(late.failure.message, /secret/)
    await assertEmpty(pool)
  })

  test('43 a PoolTimeout does not mention unread responses if there are none', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 }, timeouts: { pool: 100 } })
    await pool.send(A, '/busy')
    const late = pool.start(A, '/late')
    await pool.backend.clock.advance(100)
    assert.match(late.failure.message, /1 active, 0 idle, 1 waiting [^;]+, maxConnections 1 \(/)
    await assertEmpty(pool)
  })

  test('43 unread responses count for the limit of a pool', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const promise = pool.request({ origin: A, path: '/unread' })
    await settle()
    at(pool.sockets, 0).receive(LARGE)
    const response = await promise
    await pool.send(A, '/next')
    assert.equal(pool.stats().waiting, 1)
    response.close()
    await pool.backend.clock.flush()
    assert.ok(pool.wasSent('/next'))
    await assertEmpty(pool)
  })
})

describe('43 a discarded body that arrives slowly', () => {
  /** A body of which one byte has arrived. */
  const SLOW = 'HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\nx'
  const SLOW_REDIRECT = 'HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'

  const waysToLeave: Record<string, (response: Response) => unknown> = {
    'close()': (response) => response.close(),
    'a break': async (response) => {
      for await (const _ of response) break
    },
  }

  /** Sends a request, and returns its response after the bytes `received`. */
  async function openSlow(pool: ScriptedPool, received = SLOW, read: number | null = 5000) {
    const promise = pool.request({ origin: A, path: '/slow', timeouts: { read } })
    await settle()
    pool.socketOf('/slow').receive(received)
    return promise
  }

  for (const [way, leave] of Object.entries(waysToLeave)) {
    for (const read of [5000, null]) {
      test(`43 closes its connection a second after ${way}, with the read timeout ${read}`, async () => {
        const pool = new ScriptedPool()
        leave(await openSlow(pool, SLOW, read))
        await settle()
        const { clock, socket } = pool.backend
        for (let passed = 300; passed < 1000; passed += 300) {
          await clock.advance(300)
          socket.receive('x')
        }
        assert.ok(isOpen(socket))
        await clock.advance(100)
        assert.deepEqual(pool.closed, [`${A} timeout`])
        pool.assertQuiescent()
        await assertEmpty(pool)
      })
    }
  }

  test('43 closes its connection a second after close() of a redirect of unknown length', async () => {
    const pool = new ScriptedPool()
    const response = await openSlow(pool, SLOW_REDIRECT)
    response.close()
    await pool.backend.clock.advance(999)
    pool.backend.socket.receive('1\r\nx\r\n')
    await pool.backend.clock.advance(1)
    assert.deepEqual(pool.closed, [`${A} timeout`])
    await assertEmpty(pool)
  })

  test('43 closes its connection a second after close() during a pause', async () => {
    const pool = new ScriptedPool()
    const response = await openSlow(
      pool,
      `HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n${'x'.repeat(70_000)}`,
    )
    await settle()
    assert.ok(pool.backend.socket.paused)
    response.close()
    await pool.backend.clock.advance(1000)
    assert.deepEqual(pool.closed, [`${A} timeout`])
    await assertEmpty(pool)
  })

  test('43 keeps its connection if the rest arrives in time, also for later slow responses', async () => {
    const pool = new ScriptedPool()
    const response = await openSlow(pool, `${SIZED}ab`)
    response.close()
    await pool.backend.clock.advance(900)
    pool.backend.socket.receive('cd')
    await settle()
    const next = pool.start(A, '/next', { timeouts: { read: 5000 } })
    await pool.backend.clock.advance(4000)
    pool.backend.socket.receive(OK)
    await settle()
    assert.equal(next.body, 'ok')
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  test('43 gives its place to a request to another origin that arrives later', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const response = await openSlow(pool)
    response.close()
    await pool.send(B, '/other')
    assert.deepEqual(pool.closed, [`${A} evicted`])
    pool.socketOf('/other').receive(OK)
    await assertEmpty(pool)
  })

  test('43 gives its place to a request to another origin that waits already', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const response = await openSlow(pool)
    const other = pool.start(B, '/other')
    await settle()
    assert.equal(pool.stats().waiting, 1)
    response.close()
    await settle()
    pool.socketOf('/other').receive(OK)
    await settle()
    assert.equal(other.body, 'ok')
    assert.deepEqual(pool.closed, [`${A} evicted`])
    await assertEmpty(pool)
  })

  test('43 keeps its connection for a request to the same origin', async () => {
    const pool = new ScriptedPool({ limits: { maxConnections: 1 } })
    const response = await openSlow(pool, `${SIZED}ab`)
    response.close()
    await pool.send(A, '/next')
    assert.equal(pool.stats().waiting, 1)
    pool.backend.socket.receive('cd')
    await pool.backend.clock.flush()
    assert.ok(pool.wasSent('/next'))
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })
})
