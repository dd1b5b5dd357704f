// When the read timeout runs: for a head, while the reader pauses, and while a source is idle.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadTimeout, WriteTimeout } from '../../src/engine.ts'
import type { HandlerActions } from '../support/pool-harness.ts'
import { assertError, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import { ManualSource } from './manual-source.ts'

const COMPLETE = ['head 200', 'data ok', 'end']
const pausing: HandlerActions = { onData: () => false }

// --- the read timeout of the whole head

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'

test('46 a response head that arrives byte by byte: the read timeout runs from its first byte', async () => {
  for (const prefix of ['', '\r\n', 'HTTP/1.1 103 x\r\n\r\n']) {
    const harness = new PoolHarness({ timeouts: { read: 1000 } })
    const call = await harness.send()
    await harness.clock.advance(900) // the wait for the first byte is separate
    if (prefix.startsWith('H')) await harness.receive(prefix)
    let elapsed = 0
    for (const byte of `${prefix.startsWith('H') ? '' : prefix}${HEAD}`) {
      await harness.receive(byte)
      if (elapsed + 100 === 1000) break
      await harness.clock.advance(100)
      elapsed += 100
    }
    await harness.clock.advance(99)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, ReadTimeout, {
      phase: 'wait',
      responseStarted: true,
      safeToRetry: false,
    })
    assert.match(
      (call.error as Error).message,
      /^The response head was not complete after waiting for 1000 ms \(GET http:/,
    )
    await harness.finish()
  }
})

test('46 each 1xx head has its own time, and its number is limited', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const call = await harness.send()
  for (let i = 0; i < 5; i++) {
    await harness.clock.advance(999)
    await harness.receive('HTTP/1.1 103')
    await harness.clock.advance(999)
    await harness.receive(' x\r\n\r\nHTTP/1.1 1') // the next head begins in the same read
    await harness.clock.advance(999)
    await harness.receive('03 x\r\n\r\n')
  }
  await harness.clock.advance(999)
  await harness.receive(HEAD)
  await harness.clock.advance(999)
  await harness.receive('o')
  await harness.clock.advance(999)
  await harness.receive('k')
  assert.equal(call.events.at(-1), 'end')
  const endless = await harness.send()
  for (let i = 0; i < 101; i++) {
    await harness.clock.advance(999)
    if (!endless.hasEnded) await harness.receive('HTTP/1.1 103 x\r\n\r\n')
  }
  assert.match(String(endless.error), /more than 100 informational responses/)
  await harness.finish()
})

test('46 a head on a reused connection, after one that arrived in pieces', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const first = await harness.send()
  await harness.receive(HEAD.slice(0, 9))
  await harness.receive(`${HEAD.slice(9)}ok`)
  assert.equal(first.events.at(-1), 'end')
  await harness.clock.advance(3000)
  const second = await harness.send()
  await harness.clock.advance(999)
  await harness.receive(HEAD.slice(0, 9))
  await harness.clock.advance(999)
  assert.equal(second.hasEnded, false)
  await harness.receive(`${HEAD.slice(9)}ok`)
  assert.equal(second.events.at(-1), 'end')
  assert.equal(harness.backend.sockets.length, 1)
  await harness.finish()
})

test('46 a head that begins during an upload must arrive in time, whatever the upload does', async () => {
  for (const at of ['source', 'socket', 'continue'] as const) {
    const harness = new PoolHarness({ timeouts: { read: 900, write: 1000 } })
    const source = new ManualSource()
    const headers = at === 'continue' ? ['Expect', '100-continue'] : null
    const call = await harness.send({ method: 'POST', body: source, headers })
    if (at === 'socket') harness.socket.block()
    if (at !== 'continue') await source.give('a'.repeat(100))
    await harness.receive('HTTP/1.1 2')
    for (let i = 0; i < 8; i++) {
      await harness.clock.advance(100)
      if (at === 'source') await source.give('abc')
      if (at === 'socket') harness.socket.unblock(1)
    }
    await harness.clock.advance(99)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, ReadTimeout, { responseStarted: true }, at)
    await harness.finish()
  }
})

// --- pauses

const ECHO = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

test('83 while the reader pauses, a blocked upload is not a write timeout (an echo server)', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000, write: 1000 } })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source }, pausing)
  harness.socket.block()
  await source.give('abc')
  await harness.receive(`${ECHO}3\r\nabc\r\n`)
  assert.ok(call.isPaused)
  await harness.clock.advance(100_000)
  assert.equal(call.hasEnded, false)
  call.resume()
  await settle()
  await harness.clock.advance(999) // both timeouts start again with the end of the pause
  assert.equal(call.hasEnded, false)
  harness.socket.unblock()
  await source.end()
  await harness.receive('0\r\n\r\n')
  assert.deepEqual(call.events, ['head 200', 'data abc', 'end'])
  assert.equal(harness.pool.stats().idle, 1)
  await harness.finish()
})

test('83 after the pause, the write timeout runs again', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000, write: 1000 } })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source }, pausing)
  harness.socket.block()
  await source.give('abc')
  await harness.receive(`${ECHO}3\r\nabc\r\n`)
  await harness.clock.advance(7000)
  call.resume()
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, WriteTimeout, { phase: 'write', responseStarted: true })
  await harness.finish()
})

// --- a source that is idle

test('84 a server that stops in its response is noticed while the source is idle', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  await source.give('abc')
  await harness.clock.advance(900)
  await harness.receive(`${ECHO}3\r\nabc\r\n`)
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, { phase: 'read', responseStarted: true })
  assert.match(
    (call.error as Error).message,
    /^The response stalled: no data received for 1000 ms, and the request body yielded no data \(/,
  )
  assert.equal(source.returnCalls, 1)
  assert.equal(source.closeReason, call.error)
  await harness.finish()
})

test('84 a server that is silent is noticed while the source is idle, from the last byte sent', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  for (let i = 0; i < 5; i++) {
    await harness.clock.advance(999)
    await source.give('abc')
  }
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, {
    phase: 'wait',
    responseStarted: false,
    safeToRetry: false,
  })
  assert.match(
    (call.error as Error).message,
    /^No response received for 1000 ms, and the request body yielded no data \(/,
  )
  await harness.finish()
})

test('84 while bytes of the upload are sent, a server that has begun its response may wait', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const source = new ManualSource()
  const call = await harness.send({ method: 'POST', body: source })
  await harness.receive(ECHO)
  for (let i = 0; i < 5; i++) {
    await harness.clock.advance(999)
    await source.give('abc')
  }
  await source.end()
  await harness.receive('2\r\nok\r\n0\r\n\r\n')
  assert.deepEqual(call.events, COMPLETE)
  await harness.finish()
})
