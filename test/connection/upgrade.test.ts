// Upgrade and CONNECT hand the connection to the handler. RFC 9110 7.8, 9.3.6
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { DispatchRequest } from '../../src/engine.ts'
import { RemoteProtocolError } from '../../src/engine.ts'
import { at } from '../support/at.ts'
import type { HandlerActions, RecordedDispatch } from '../support/pool-harness.ts'
import { assertError, OK, PoolHarness, uncaughtDuring } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import { takeUpgrade } from './samples.ts'

const UPGRADE = { headers: ['Connection', 'upgrade', 'Upgrade', 'x'] }
const CONNECT = { method: 'CONNECT', path: 'far.test:443' }
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'

const ways: Record<string, { request: Partial<DispatchRequest>; response: string }> = {
  Upgrade: { request: UPGRADE, response: SWITCH },
  CONNECT: { request: CONNECT, response: 'HTTP/1.1 200 OK\r\n\r\n' },
  'CONNECT with 201 and a meaningless Content-Length': {
    request: CONNECT,
    response: 'HTTP/1.1 201 OK\r\nContent-Length: 3\r\n\r\n',
  },
}

/** Records the events of a raw socket. */
class Raw {
  readonly events: string[] = []
  readonly socket: Duplex

  constructor(call: RecordedDispatch) {
    this.socket = call.socket as Duplex
    this.socket.on('data', (chunk: Buffer) => this.events.push(chunk.latin1Slice()))
    for (const event of ['end', 'close', 'finish']) {
      this.socket.on(event, () => this.events.push(`[${event}]`))
    }
    this.socket.on('error', (error: Error) => this.events.push(`[${error.message}]`))
  }
}

async function open(request: Partial<DispatchRequest>, response: string) {
  const harness = new PoolHarness()
  const call = await harness.send(request, takeUpgrade)
  await harness.receive(response)
  assert.match(call.events.at(-1) ?? '', /^upgrade/)
  return { harness, call, wire: harness.socket, raw: new Raw(call) }
}

for (const [name, { request, response }] of Object.entries(ways)) {
  test(`S13, S14 ${name}: bytes in both directions, the first ones as firstBytes`, async () => {
    const { harness, call, wire, raw } = await open(request, `${response}first`)
    assert.equal(call.firstBytes, 'first')
    wire.takeWritten()
    await settle()
    assert.deepEqual(raw.events, [])
    for (const bytes of ['second', 'third']) await harness.receive(bytes)
    assert.deepEqual(raw.events, ['second', 'third'])
    raw.socket.write('to')
    raw.socket.write(Buffer.from('fro'))
    raw.socket.write('')
    assert.equal(wire.takeWritten(), 'tofro')
    raw.socket.end('bye')
    await settle()
    assert.equal(wire.takeWritten(), 'bye')
    assert.ok(wire.ended)
    assert.ok(!wire.destroyed)
    await harness.receive('still here')
    wire.receiveEnd()
    await settle()
    assert.deepEqual(raw.events.slice(2), ['[finish]', 'still here', '[end]', '[close]'])
    assert.ok(wire.destroyed)
    await harness.finish()
  })
}

test('an upgraded connection leaves the pool and has no timeouts', async () => {
  const harness = new PoolHarness({ limits: { maxConnections: 1 }, timeouts: { read: 100 } })
  const states: unknown[] = []
  const call = await harness.send(UPGRADE, {
    onUpgrade: () => states.push(harness.pool.stats().connections, harness.backend.holdCount),
  })
  await harness.receive(`HTTP/1.1 103 x\r\n\r\n${SWITCH}`)
  assert.deepEqual(states, [0, 0])
  assert.deepEqual(call.events, ['103', 'upgrade 101'])
  assert.deepEqual(harness.closeReasons, ['upgraded'])
  assert.ok(harness.socket.keepsProcessAlive)
  assert.equal(harness.clock.armedTimers, 0)
  await harness.clock.advance(100_000)
  assert.ok(!harness.socket.destroyed)
  call.abort(new Error('too late'))
  call.resume()
  await settle()
  assert.ok(!harness.socket.destroyed)
  await harness.finish()
})

test('an upgraded connection stays open when the pool is checked', async () => {
  const { harness, call, wire } = await open(UPGRADE, SWITCH)
  await harness.finish()
  assert.ok(call.hasEnded)
  assert.ok(wire.destroyed) // `done` destroys the raw socket
})

test('pool.close does not close a raw socket', async () => {
  const { harness, wire, raw } = await open(UPGRADE, SWITCH)
  await harness.pool.close()
  await settle()
  assert.ok(!wire.destroyed)
  await harness.receive('more')
  assert.deepEqual(raw.events, ['more'])
  raw.socket.destroy()
  await settle()
  assert.ok(wire.closed)
})

test('S13, S14 bytes after the head belong to the new protocol, however the reads are split', async () => {
  const message = `${SWITCH}first`
  for (let at = 1; at < message.length; at++) {
    const harness = new PoolHarness()
    const call = await harness.send(UPGRADE, takeUpgrade)
    harness.socket.receive(message.slice(0, at))
    harness.socket.receive(message.slice(at))
    const raw = new Raw(call)
    await settle()
    assert.equal(`${call.firstBytes}${raw.events.join('')}`, 'first', `cut at ${at}`)
    await harness.finish()
  }
})

test('the first bytes are copied from the window', async () => {
  const harness = new PoolHarness()
  const call = await harness.send(UPGRADE, takeUpgrade)
  await harness.receive(`${SWITCH}first`)
  const { firstBytes } = call
  await harness.send()
  await harness.receive(OK)
  const raw = new Raw(call)
  await settle()
  assert.deepEqual(raw.events, [])
  assert.equal(firstBytes, 'first')
  at(harness.calls, 1).abort()
  await settle()
  await harness.finish()
})

test('38 a slow reader pauses the socket, and bytes that still arrive are kept', async () => {
  const { harness, call, wire } = await open(UPGRADE, SWITCH)
  const socket = new Raw(call).socket.pause()
  const pieces = ['x', 'y'].map((letter) => Buffer.alloc(65_536, letter))
  for (const piece of pieces) wire.receive(piece)
  assert.ok(wire.paused)
  wire.receive('late', { late: true })
  const got: Buffer[] = []
  socket.on('data', (chunk: Buffer) => got.push(chunk))
  socket.resume()
  await settle()
  await settle()
  assert.ok(Buffer.concat([...pieces, Buffer.from('late')]).equals(Buffer.concat(got)))
  assert.ok(!wire.paused)
  await harness.finish()
})

test('a writer waits for a slow socket', async () => {
  const { harness, wire, raw } = await open(UPGRADE, SWITCH)
  wire.takeWritten()
  wire.block()
  let written = 0
  raw.socket.write('one', () => written++)
  raw.socket.write('two', () => written++)
  await settle()
  assert.equal(written, 0)
  wire.unblock()
  await settle()
  assert.equal(written, 2)
  assert.equal(wire.takeWritten(), 'onetwo')
  await harness.finish()
})

test('a reset, a failed write or destroy() emits one error or close event', async () => {
  const ends: Record<
    string,
    { end: (wire: PoolHarness['socket'], raw: Raw) => void; expected: string[] }
  > = {
    reset: { end: (wire) => wire.reset(), expected: ['[read ECONNRESET]', '[close]'] },
    EPIPE: {
      end: (wire, raw) => {
        wire.failWrites()
        raw.socket.write('x')
      },
      expected: ['[write EPIPE]', '[close]'],
    },
    destroy: { end: (_, raw) => void raw.socket.destroy(), expected: ['[close]'] },
    'destroy with an error': {
      end: (_, raw) => void raw.socket.destroy(new Error('mine')),
      expected: ['[mine]', '[close]'],
    },
  }
  for (const [name, { end, expected }] of Object.entries(ends)) {
    const { harness, wire, raw } = await open(UPGRADE, SWITCH)
    end(wire, raw)
    await settle()
    await settle()
    assert.deepEqual(raw.events, expected, name)
    assert.ok(wire.closed, name)
    await harness.finish()
  }
})

test('`onUpgrade` runs in the context of `dispatch`', async () => {
  const storage = new AsyncLocalStorage<string>()
  const harness = new PoolHarness()
  let seen: string | undefined
  await storage.run('mine', () =>
    harness.send(UPGRADE, {
      onUpgrade: () => {
        seen = storage.getStore()
      },
    }),
  )
  await storage.run('other', () => harness.receive(SWITCH))
  assert.equal(seen, 'mine')
  await harness.finish()
})

test('an exception of `onUpgrade` is uncaught, and thrown after the connection left the pool', async () => {
  const harness = new PoolHarness()
  const boom = new Error('boom')
  const thrown = await uncaughtDuring(async () => {
    const call = await harness.send(UPGRADE, {
      onUpgrade: () => {
        throw boom
      },
    })
    await harness.receive(SWITCH)
    assert.deepEqual(call.events, ['upgrade 101'])
  })
  assert.deepEqual(thrown, [boom])
  await harness.finish()
})

// --- refused

const refusals: Record<
  string,
  { request: Partial<DispatchRequest>; actions?: HandlerActions; response: string }
> = {
  'an unrequested 101': { request: {}, actions: takeUpgrade, response: SWITCH },
  'an unrequested 101 to POST': {
    request: { method: 'POST', body: 'x' },
    actions: takeUpgrade,
    response: SWITCH,
  },
  '101 without onUpgrade': { request: UPGRADE, response: SWITCH },
  '200 to CONNECT without onUpgrade': { request: CONNECT, response: 'HTTP/1.1 200 OK\r\n\r\n' },
}

for (const [name, { request, actions, response }] of Object.entries(refusals)) {
  test(`S13 refused: ${name}`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send(request, actions)
    await harness.receive(`${response}first`)
    assertError(call.error, RemoteProtocolError, { responseStarted: true, safeToRetry: false })
    assert.deepEqual(call.events, ['error RemoteProtocolError'])
    assert.match((call.error as Error).message, /101|200/)
    assert.deepEqual(harness.closeReasons, ['protocol-error'])
    await harness.finish()
  })
}

test('101 during the upload is refused', async () => {
  const harness = new PoolHarness()
  let closed = false
  async function* content(): AsyncGenerator<string> {
    try {
      yield 'abc'
      await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
      yield 'def'
    } finally {
      closed = true
    }
  }
  const call = await harness.send({ ...UPGRADE, method: 'POST', body: content() }, takeUpgrade)
  await harness.receive(SWITCH)
  assertError(call.error, RemoteProtocolError, { phase: 'write' })
  for (let i = 0; i < 4; i++) await settle()
  assert.ok(closed)
  assert.ok(!harness.socket.written.includes('def'))
  await harness.finish()
})

test('S13 a response that does not switch protocols is delivered', async () => {
  for (const request of [UPGRADE, CONNECT]) {
    const harness = new PoolHarness()
    const call = await harness.send(request, takeUpgrade)
    const status = request === CONNECT ? 403 : 200
    await harness.receive(`HTTP/1.1 ${status} x\r\nContent-Length: 2\r\n\r\nok`)
    assert.deepEqual(call.events, [`head ${status}`, 'data ok', 'end'])
    assert.equal(harness.pool.stats().idle, 1)
    await harness.finish()
  }
})
