// A complete response is delivered at once, and the rest of its request is sent afterwards.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DispatchRequest, TimeoutInit } from '../../src/engine.ts'
import type { HandlerActions, RecordedDispatch } from '../support/pool-harness.ts'
import { OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import { contentOf, ManualSource } from './manual-source.ts'

const COMPLETE = ['head 200', 'data ok', 'end']

interface Started {
  readonly harness: PoolHarness
  readonly source: ManualSource
  readonly call: RecordedDispatch
}

/** Sends a request whose upload is unfinished when its response is complete. */
async function early(
  timeouts: TimeoutInit = { read: 1000, write: 1000 },
  request: Partial<DispatchRequest> = {},
  response = OK,
  actions: HandlerActions = {},
): Promise<Started> {
  const harness = new PoolHarness({ timeouts })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source, ...request }, actions)
  await harness.receive(response)
  return { harness, source, call }
}

test('44, S12 a response that is complete before the upload is delivered at once, and the upload continues', async () => {
  const { harness, source, call } = await early()
  assert.deepEqual(call.events, COMPLETE)
  assert.equal(harness.pool.stats().active, 1)
  assert.equal(harness.backend.holdCount, 1, 'the process could end before the upload')
  assert.throws(() => harness.pool.assertQuiescent(), /not quiescent/)
  for (let i = 0; i < 3; i++) {
    await harness.clock.advance(900)
    await source.give('abc')
  }
  await source.end()
  assert.equal(contentOf(harness.socket.written), '3\r\nabc\r\n3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n')
  assert.equal(harness.pool.stats().idle, 1)
  assert.equal(source.returnCalls, 0)
  harness.assertNothingInFlight()
  await harness.finish()
})

test('44 a source that waits for the end of the response does not deadlock', async () => {
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  async function* waiting(): AsyncGenerator<string> {
    await ended
    yield 'abc'
  }
  const { harness } = await early(undefined, { body: waiting() }, OK, { onEnd: () => end() })
  await settle()
  assert.equal(contentOf(harness.socket.written), '3\r\nabc\r\n0\r\n\r\n')
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

test('44 the next request waits until the connection has sent the rest of the upload', async () => {
  const { harness, source } = await early()
  const next = await harness.send({ path: '/other' })
  assert.equal(harness.backend.sockets.length, 2) // the first connection is still sending
  await harness.receive(OK)
  assert.equal(next.events.at(-1), 'end')
  await source.end()
  assert.equal(harness.pool.stats().idle, 2)
  await harness.finish()
})

/** Ways in which the rest of an upload ends early, and the close reason of the connection. */
const ends: Record<string, { reason: string; end: (started: Started) => unknown }> = {
  'the source stalls for as long as the write timeout': {
    reason: 'timeout',
    end: ({ harness }) => harness.clock.advance(1000),
  },
  'the server stops reading': {
    reason: 'timeout',
    end: async ({ harness, source }) => {
      harness.socket.block()
      await source.give('abc')
      await harness.clock.advance(1000)
    },
  },
  'a write fails': {
    reason: 'upload-unfinished',
    end: async ({ harness, source }) => {
      harness.socket.failWrites()
      await source.give('abc')
    },
  },
  'the server closes': {
    reason: 'upload-unfinished',
    end: ({ harness }) => harness.socket.receiveEnd(),
  },
  'the server resets': {
    reason: 'upload-unfinished',
    end: ({ harness }) => harness.socket.reset(),
  },
  'the server sends more': {
    reason: 'surplus-bytes',
    end: ({ harness }) => harness.socket.receive('HTTP/1.1 408 Request Timeout\r\n\r\n'),
  },
  'the pool is closed': {
    reason: 'pool-closed',
    end: ({ harness }) => harness.pool.close(),
  },
  'the content is longer than its length': {
    reason: 'request-failed',
    end: ({ source }) => source.give('longer than ten bytes'),
  },
}

for (const [name, { reason, end }] of Object.entries(ends)) {
  for (const copy of [false, true]) {
    test(`44 the rest of an upload ends early without an error: ${name}${copy ? ', copied chunks' : ''}`, async () => {
      const headers = name.includes('length') ? { 'Content-Length': '10' } : null
      const started = await early(undefined, { headers, copy })
      await end(started)
      await settle()
      const { harness, source, call } = started
      assert.deepEqual(call.events, COMPLETE)
      assert.equal(source.returnCalls, 1, 'the source was not closed once')
      assert.equal(harness.backend.holdCount, 0)
      assert.equal(harness.pool.stats().connections, 0)
      if (name === 'the pool is closed') return
      assert.deepEqual(harness.closeReasons, [reason])
      await harness.finish()
    })
  }
}

test('44 a source that throws behind a complete response closes the connection', async () => {
  let fail = (_: unknown): void => {}
  async function* failing(): AsyncGenerator<string> {
    await new Promise((_, reject) => {
      fail = reject
    })
  }
  const { harness, call } = await early(undefined, { body: failing() })
  fail(new Error('boom'))
  await settle()
  assert.deepEqual(call.events, COMPLETE)
  assert.deepEqual(harness.closeReasons, ['request-failed'])
  await harness.finish()
})

test('44 the write timeout starts again with each chunk, and with the end of the response', async () => {
  const { harness, source } = await early({ read: null, write: 1000 })
  await harness.clock.advance(999)
  await source.give('abc')
  await harness.clock.advance(999)
  assert.equal(source.returnCalls, 0)
  await harness.clock.advance(1)
  assert.equal(source.returnCalls, 1)

  const slow = new ManualSource()
  const call = await harness.send({ method: 'POST', body: slow })
  await harness.clock.advance(50_000)
  await harness.receive(OK)
  await harness.clock.advance(999)
  assert.equal(slow.returnCalls, 0)
  await harness.clock.advance(1)
  assert.equal(slow.returnCalls, 1)
  assert.deepEqual(call.events, COMPLETE)
  await harness.finish()
})

test('44 without a write timeout, the rest of an upload may take any time', async () => {
  const { harness, source } = await early(null)
  await harness.clock.advance(365 * 86_400_000)
  await source.give('abc')
  await source.end()
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

test('44 signal and total end the rest of an upload, and its source gets the reason', async () => {
  const controller = new AbortController()
  const aborted = await early(undefined, { signal: controller.signal })
  controller.abort('enough')
  await settle()
  assert.deepEqual(aborted.call.events, COMPLETE)
  assert.equal(aborted.source.returnCalls, 1)
  assert.equal(aborted.source.closeReason, 'enough')
  assert.deepEqual(aborted.harness.closeReasons, ['aborted'])
  await aborted.harness.finish()

  const timed = await early({ write: null, total: 500 })
  await timed.harness.clock.advance(500)
  assert.deepEqual(timed.call.events, COMPLETE)
  assert.equal(timed.source.returnCalls, 1)
  assert.deepEqual(timed.harness.closeReasons, ['timeout'])
  await timed.harness.finish()
})

test('44 after the rest of an upload, signal and total have no effect on the next request', async () => {
  const controller = new AbortController()
  const { harness, source } = await early({ total: 500 }, { signal: controller.signal })
  await source.end()
  const next = await harness.send({ timeouts: { total: null } })
  controller.abort()
  await harness.clock.advance(500)
  await harness.receive(OK)
  assert.deepEqual(next.events, COMPLETE)
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
})

test('44 control.abort and control.resume have no effect after the end', async () => {
  const { harness, source, call } = await early()
  call.abort('late')
  call.resume()
  await source.end()
  assert.deepEqual(call.events, COMPLETE)
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

const CLOSE = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'
const OLD = 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'

for (const response of [CLOSE, OLD, OK.replace('200 OK', '413 x'), OK.replace('200 OK', '302 x')]) {
  test(`44, 15 the rest of the upload is not sent after ${response.slice(0, 12)} ${response.includes('close') ? 'with close' : ''}`, async () => {
    const { harness, source, call } = await early(undefined, {}, response)
    assert.equal(call.events.at(-1), 'end')
    assert.equal(source.returnCalls, 1)
    assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
    await harness.finish()
  })
}

test('44 a request with `Connection: close`: the rest is sent, then the connection is closed', async () => {
  const { harness, source, call } = await early(undefined, { headers: ['Connection', 'close'] })
  assert.deepEqual(call.events, COMPLETE)
  await source.give('abc')
  await source.end()
  assert.equal(contentOf(harness.socket.written), '3\r\nabc\r\n0\r\n\r\n')
  assert.deepEqual(harness.closeReasons, ['client-close'])
  await harness.finish()
})

test('44 large bytes that the socket has not taken', async () => {
  const harness = new PoolHarness({ timeouts: { write: 1000 } })
  const socket = await harness.openIdleConnection()
  socket.block()
  const call = await harness.send({ method: 'POST', body: Buffer.alloc(3 << 20) })
  await harness.receive(OK)
  assert.deepEqual(call.events, COMPLETE)
  for (let i = 0; i < 5; i++) {
    await harness.clock.advance(999)
    socket.unblock(1000)
  }
  socket.unblock()
  await settle()
  assert.equal(harness.pool.stats().idle, 1)
  assert.equal(contentOf(socket.written).length, 3 << 20)
  await harness.finish()
})

test('44 a small body that the socket has not taken: a stall is no error of the call', async () => {
  const harness = new PoolHarness({ timeouts: { write: 1000 } })
  const socket = await harness.openIdleConnection()
  socket.block()
  const call = await harness.send({ method: 'POST', body: 'small' })
  await harness.receive(OK)
  await harness.clock.advance(1000)
  assert.deepEqual(call.events, COMPLETE)
  assert.deepEqual(harness.closeReasons, ['timeout'])
  await harness.finish()
})

const pausing: HandlerActions = { onData: () => false }

for (const how of [
  'resume before the end',
  'resume after a stall',
  'a source that fails',
] as const) {
  test(`44 a complete response whose reader has paused: ${how}`, async () => {
    const { harness, source, call } = await early(undefined, {}, OK, pausing)
    assert.deepEqual(call.events, ['head 200', 'data ok'])
    if (how === 'resume after a stall') await harness.clock.advance(5000)
    if (how === 'a source that fails') await source.give(5 as unknown as string)
    assert.equal(source.returnCalls, how === 'resume before the end' ? 0 : 1)
    call.resume()
    await settle()
    assert.deepEqual(call.events, COMPLETE)
    if (how === 'resume before the end') {
      await source.end()
      assert.equal(harness.pool.stats().idle, 1)
    } else {
      assert.deepEqual(harness.closeReasons, ['upload-unfinished'])
    }
    await harness.finish()
  })
}

test('the response is complete and paused when the upload ends', async () => {
  const { harness, source, call } = await early(undefined, {}, OK, pausing)
  await source.end()
  assert.equal(call.hasEnded, false)
  call.resume()
  await settle()
  assert.equal(call.events.at(-1), 'end')
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})
