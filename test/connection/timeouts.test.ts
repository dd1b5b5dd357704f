import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Phase, TimeoutInit } from '../../src/engine.ts'
import { ConnectTimeout, ReadTimeout, TotalTimeout, WriteTimeout } from '../../src/engine.ts'
import type { HandlerActions } from '../support/pool-harness.ts'
import { assertError, OK, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'

// --- connect

/** The steps of a dial in which the peer stops responding. */
const dials: Record<
  string,
  { phase: Phase; secure?: boolean; prepare: (harness: PoolHarness) => void }
> = {
  'the name': {
    phase: 'dns',
    prepare: ({ backend }) => {
      backend.autoLookup = false
    },
  },
  TCP: {
    phase: 'tcp',
    prepare: ({ backend }) => {
      backend.autoConnect = false
    },
  },
  'TCP of the last of three addresses': {
    phase: 'tcp',
    prepare: ({ backend }) => {
      backend.autoConnect = false
      backend.hosts.set(
        'h.test',
        ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((address) => ({ address, family: 4 })),
      )
    },
  },
  TLS: {
    phase: 'tls',
    secure: true,
    prepare: ({ backend }) => {
      backend.autoConnect = false
    },
  },
}

for (const [what, { phase, secure, prepare }] of Object.entries(dials)) {
  test(`8 connect timeout: ${what} takes too long`, async () => {
    const harness = new PoolHarness({ timeouts: { connect: 1000, read: 10, write: 10, pool: 10 } })
    prepare(harness)
    const call = await harness.send({ origin: secure ? 'https://h.test' : 'http://h.test' })
    await harness.clock.advance(400)
    if (secure) harness.socket.connected()
    await harness.clock.advance(599)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, ConnectTimeout, {
      phase,
      bytesSent: 0,
      responseStarted: false,
      reusedConnection: false,
      safeToRetry: true,
    })
    assert.match(
      (call.error as Error).message,
      /h\.test\S* within 1000 ms: timed out in phase \w+ \(GET http/,
    )
    assert.deepEqual(harness.closeReasons, ['dial-failed'])
    for (const socket of harness.backend.sockets) assert.ok(socket.destroyed)
    await harness.finish()
  })
}

test('6 a connect timer that is late by 700 ms is armed once more, for 700 ms', async () => {
  const harness = new PoolHarness({ timeouts: { connect: 1000 } })
  harness.backend.autoConnect = false
  const call = await harness.send()
  await harness.clock.stall(1700)
  await harness.clock.advance(699)
  assert.equal(call.hasEnded, false)
  await harness.clock.stall(5000) // the second delay is not added
  await harness.clock.flush()
  assertError(call.error, ConnectTimeout, { phase: 'tcp' })
  await harness.finish()
})

test('6 a connection that is delayed by a blocked loop is no timeout', async () => {
  const harness = new PoolHarness({ timeouts: { connect: 1000 } })
  harness.backend.autoConnect = false
  const call = await harness.send()
  await harness.clock.stall(1700)
  await harness.clock.advance(400)
  harness.socket.connected()
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('6 a connection that is established when the timer fires is no timeout', async () => {
  const harness = new PoolHarness({ timeouts: { connect: 1000 } })
  harness.backend.autoConnect = false
  const call = await harness.send()
  await harness.clock.stall(1000)
  harness.socket.connected() // before `afterPending` calls back
  await harness.clock.flush()
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

// --- read

test('6 a late read timer does not expire if data has arrived in time', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const call = await harness.send()
  await harness.clock.stall(8000)
  harness.socket.receive(HEAD)
  await harness.clock.flush()
  assert.deepEqual(call.events, ['head 200'])
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.stall(8000)
  await harness.receive('hello')
  await harness.clock.flush()
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('a late read timer expires if no data has arrived', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const call = await harness.send()
  await harness.clock.stall(8000)
  assert.equal(call.hasEnded, false) // pending data is delivered first
  await harness.clock.flush()
  assertError(call.error, ReadTimeout)
  await harness.finish()
})

test('a late read timer does not affect the next request on the connection', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 }, limits: { maxConnections: 1 } })
  const first = await harness.send()
  const second = harness.dispatch()
  await harness.clock.stall(1000)
  harness.socket.receive(OK) // the first request ends, the second is sent
  await harness.clock.flush()
  assert.equal(first.events.at(-1), 'end')
  await harness.clock.advance(999)
  assert.equal(second.hasEnded, false)
  await harness.clock.advance(1)
  assertError(second.error, ReadTimeout, { reusedConnection: true, safeToRetry: true })
  await harness.finish()
})

test('38 a pause of the reader is not a read timeout', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const call = await harness.send({}, { onData: () => false })
  await harness.receive(`${HEAD}he`)
  await harness.clock.advance(100_000)
  assert.equal(call.hasEnded, false)
  call.resume()
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.receive('l')
  await harness.clock.advance(50_000)
  call.resume()
  await harness.clock.advance(1000)
  assertError(call.error, ReadTimeout, { phase: 'read', responseStarted: true })
  await harness.finish()
})

test('each request has its own read timeout, also on a reused connection', async () => {
  const harness = new PoolHarness({ timeouts: { read: 5000 } })
  await harness.openIdleConnection()
  const call = await harness.send({ timeouts: { read: 100 } })
  await harness.clock.advance(99)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, { reusedConnection: true })
  assert.match((call.error as Error).message, / for 100 ms /)

  await harness.openIdleConnection()
  const longer = await harness.send({ timeouts: { read: 9000 } })
  await harness.clock.advance(8999)
  assert.equal(longer.hasEnded, false)
  await harness.clock.advance(1)
  assertError(longer.error, ReadTimeout)
  await harness.finish()
})

const patient: Record<string, TimeoutInit> = {
  null: null,
  Infinity: Number.POSITIVE_INFINITY,
  'beyond 2^31-1': 2 ** 33,
}

for (const [name, timeouts] of Object.entries(patient)) {
  test(`with timeouts of ${name}, a request can wait for a year`, async () => {
    const harness = new PoolHarness({ timeouts })
    const call = await harness.send({ path: '/patient' })
    await harness.clock.advance(name === 'beyond 2^31-1' ? 2 ** 33 - 1 : 365 * 86_400_000)
    assert.equal(call.hasEnded, false)
    await harness.receive(OK)
    assert.equal(call.events.at(-1), 'end')
    await harness.finish()
  })
}

test('a timeout beyond 2^31-1 is exact', async () => {
  const harness = new PoolHarness({ timeouts: { read: 2 ** 33 } })
  const call = await harness.send()
  await harness.clock.advance(2 ** 33 - 1)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout)
  await harness.finish()
})

// --- write

const BIG = Buffer.alloc(3 << 20, 'x')

/** Requests that a blocked socket does not take. */
const uploads: Record<string, () => { body?: string | Buffer | AsyncIterable<string> }> = {
  nothing: () => ({}),
  'a small body': () => ({ body: 'abc' }),
  'large bytes': () => ({ body: BIG }),
  'an async iterable': () => ({ body: pieces() }),
}

async function* pieces(): AsyncGenerator<string> {
  for (let i = 0; i < 5; i++) {
    await null
    yield 'some'
  }
}

for (const [what, request] of Object.entries(uploads)) {
  for (const blocked of ['at the head', 'after the head'] as const) {
    if (blocked === 'after the head' && (what === 'nothing' || what === 'a small body')) continue

    test(`write timeout: ${what}, blocked ${blocked}`, async () => {
      const harness = new PoolHarness({ timeouts: { write: 1000, read: 100 } })
      const socket = await harness.openIdleConnection()
      if (blocked === 'at the head') socket.block()
      const call = harness.dispatch({ method: 'PUT', ...request() })
      socket.block()
      await harness.clock.advance(999)
      assert.equal(call.hasEnded, false)
      await harness.clock.advance(1)
      const phase = 'write'
      assertError(call.error, WriteTimeout, {
        phase,
        bytesSent: socket.written.length,
        responseStarted: false,
      })
      assert.match(
        (call.error as Error).message,
        /for 1000 ms, and \d+ bytes are pending \(PUT http:/,
      )
      assert.deepEqual(harness.closeReasons, ['timeout'])
      await harness.finish()
    })

    test(`no write timeout while bytes are taken: ${what}, blocked ${blocked}`, async () => {
      const harness = new PoolHarness({ timeouts: { write: 1000, read: 1000 } })
      const socket = await harness.openIdleConnection()
      if (blocked === 'at the head') socket.block()
      const call = harness.dispatch({ method: 'PUT', ...request() })
      socket.block()
      await settle()
      for (let i = 0; i < 30; i++) {
        await harness.clock.advance(600)
        socket.unblock(1)
        assert.equal(call.hasEnded, false, `after ${i}`)
      }
      await harness.clock.advance(900)
      socket.unblock()
      await harness.clock.advance(999) // the read timeout has started now
      await harness.receive(OK)
      assert.equal(call.events.at(-1), 'end')
      await harness.finish()
    })
  }
}

test('a slow body is not a write timeout', async () => {
  const harness = new PoolHarness({ timeouts: { write: 1000, read: null } })
  let give: (value: string) => void = () => {}
  async function* slow(): AsyncGenerator<string> {
    for (let i = 0; i < 3; i++) yield await new Promise<string>((resolve) => (give = resolve))
  }
  const call = await harness.send({ method: 'PUT', body: slow() })
  for (let i = 0; i < 3; i++) {
    await harness.clock.advance(10_000)
    give('abc')
    await settle()
  }
  await harness.clock.advance(999)
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('the write timeout starts when the socket blocks, not while the body is slow', async () => {
  const harness = new PoolHarness({ timeouts: { write: 1000, read: null } })
  let give: (value: string) => void = () => {}
  async function* slow(): AsyncGenerator<string> {
    yield await new Promise<string>((resolve) => (give = resolve))
  }
  const call = await harness.send({ method: 'PUT', body: slow() })
  await harness.clock.advance(10_000)
  harness.socket.block()
  give('abc')
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, WriteTimeout, { phase: 'write' })
  await harness.finish()
})

test('6 a late write timer does not expire if bytes were taken in time', async () => {
  const harness = new PoolHarness({ timeouts: { write: 1000 } })
  const socket = await harness.openIdleConnection()
  socket.block()
  const call = await harness.send({ method: 'PUT', body: BIG })
  await harness.clock.stall(9000)
  socket.unblock()
  await harness.clock.flush()
  await harness.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('the read timeout starts when a large body was sent', async () => {
  const harness = new PoolHarness({ timeouts: { read: 1000 } })
  const call = await harness.send({ method: 'PUT', body: BIG })
  await harness.clock.advance(999)
  assert.equal(call.hasEnded, false)
  await harness.clock.advance(1)
  assertError(call.error, ReadTimeout, { phase: 'wait', bytesSent: harness.socket.written.length })
  await harness.finish()
})

// --- total

const inTotal: Record<
  string,
  { prepare?: (harness: PoolHarness) => void; actions?: HandlerActions }
> = {
  'while it connects': {
    prepare: ({ backend }) => {
      backend.autoConnect = false
    },
  },
  'while it waits': {},
}

for (const [when, { prepare, actions }] of Object.entries(inTotal)) {
  test(`total timeout ${when}`, async () => {
    const harness = new PoolHarness({ timeouts: { total: 1000 } })
    prepare?.(harness)
    const call = await harness.send({}, actions)
    await harness.clock.advance(999)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, TotalTimeout, { responseStarted: false })
    await harness.finish()
  })
}

test('total timeout in the queue', async () => {
  const harness = new PoolHarness({ limits: { maxConnections: 1 } })
  const busy = await harness.send()
  const call = await harness.send({ timeouts: { total: 1000, pool: null } })
  await harness.clock.advance(1000)
  assertError(call.error, TotalTimeout, { phase: 'queue', bytesSent: 0, safeToRetry: true })
  await harness.receive(OK)
  assert.equal(busy.events.at(-1), 'end')
  await harness.finish()
})

test('8 the total timeout applies to a slow response, and to a pause', async () => {
  for (const actions of [{}, { onData: () => false }]) {
    const harness = new PoolHarness({ timeouts: { total: 1000 } })
    const call = await harness.send({}, actions)
    await harness.receive(HEAD)
    for (const byte of 'hel') {
      await harness.clock.advance(300)
      harness.socket.receive(byte)
    }
    await harness.clock.advance(99)
    assert.equal(call.hasEnded, false)
    await harness.clock.advance(1)
    assertError(call.error, TotalTimeout, { phase: 'read', responseStarted: true })
    assert.match(
      (call.error as Error).message,
      /^The request did not complete within 1000 ms \(GET http:/,
    )
    await harness.finish()
  }
})

test('6 a late total timer does not expire if the response has arrived in time', async () => {
  const harness = new PoolHarness({ timeouts: { total: 1000 } })
  const call = await harness.send()
  await harness.clock.stall(8000)
  harness.socket.receive(OK)
  await harness.clock.flush()
  assert.equal(call.events.at(-1), 'end')
  await harness.finish()
})

test('total of a request does not change its other timeouts', async () => {
  const harness = new PoolHarness({ timeouts: { read: 500 } })
  const call = await harness.send({ timeouts: { total: 1000 } })
  await harness.clock.advance(500)
  assertError(call.error, ReadTimeout)
  await harness.finish()
})

test('an invalid timeout is reported to onError, after dispatch has returned', async () => {
  const harness = new PoolHarness()
  const call = harness.dispatch({ timeouts: { read: -1 } })
  await settle()
  assertError(call.error, TypeError)
  assert.equal(harness.backend.sockets.length, 0)
  await harness.finish()
})
