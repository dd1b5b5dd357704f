import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Phase, TimeoutInit } from '../../src/engine.ts'
import { ConnectTimeout, ReadTimeout, TotalTimeout, WriteTimeout } from '../../src/engine.ts'
import { settle } from '../support/scripted-clock.ts'
import type { Script } from '../support/stage.ts'
import { assertError, OK, Stage } from '../support/stage.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'

// --- connect

/** The steps of a dial in which the peer stops responding. */
const dials: Record<string, { phase: Phase; secure?: boolean; prepare: (stage: Stage) => void }> = {
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
    const stage = new Stage({ timeouts: { connect: 1000, read: 10, write: 10, pool: 10 } })
    prepare(stage)
    const call = await stage.send({ origin: secure ? 'https://h.test' : 'http://h.test' })
    await stage.clock.advance(400)
    if (secure) stage.socket.connected()
    await stage.clock.advance(599)
    assert.equal(call.over, false)
    await stage.clock.advance(1)
    assertError(call.error, ConnectTimeout, {
      phase,
      bytesSent: 0,
      responseStarted: false,
      reusedConnection: false,
      safeToRetry: true,
    })
    assert.match((call.error as Error).message, /h\.test\S* within 1000 ms, phase \w+ \(GET http/)
    assert.deepEqual(stage.closes, ['dial-failed'])
    for (const socket of stage.backend.sockets) assert.ok(socket.destroyed)
    await stage.done()
  })
}

test('6 a connect timer that is late by 700 ms is armed once more, for 700 ms', async () => {
  const stage = new Stage({ timeouts: { connect: 1000 } })
  stage.backend.autoConnect = false
  const call = await stage.send()
  await stage.clock.stall(1700)
  await stage.clock.advance(699)
  assert.equal(call.over, false)
  await stage.clock.stall(5000) // the second delay is not added
  await stage.clock.flush()
  assertError(call.error, ConnectTimeout, { phase: 'tcp' })
  await stage.done()
})

test('6 a connection that is delayed by a blocked loop is no timeout', async () => {
  const stage = new Stage({ timeouts: { connect: 1000 } })
  stage.backend.autoConnect = false
  const call = await stage.send()
  await stage.clock.stall(1700)
  await stage.clock.advance(400)
  stage.socket.connected()
  await stage.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

test('6 a connection that is established when the timer fires is no timeout', async () => {
  const stage = new Stage({ timeouts: { connect: 1000 } })
  stage.backend.autoConnect = false
  const call = await stage.send()
  await stage.clock.stall(1000)
  stage.socket.connected() // before `afterPending` calls back
  await stage.clock.flush()
  await stage.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

// --- read

test('6 a late read timer does not expire if data has arrived in time', async () => {
  const stage = new Stage({ timeouts: { read: 1000 } })
  const call = await stage.send()
  await stage.clock.stall(8000)
  stage.socket.receive(HEAD)
  await stage.clock.flush()
  assert.deepEqual(call.events, ['head 200'])
  await stage.clock.advance(999)
  assert.equal(call.over, false)
  await stage.clock.stall(8000)
  await stage.receive('hello')
  await stage.clock.flush()
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

test('a late read timer expires if no data has arrived', async () => {
  const stage = new Stage({ timeouts: { read: 1000 } })
  const call = await stage.send()
  await stage.clock.stall(8000)
  assert.equal(call.over, false) // pending data is delivered first
  await stage.clock.flush()
  assertError(call.error, ReadTimeout)
  await stage.done()
})

test('a late read timer does not affect the next request on the connection', async () => {
  const stage = new Stage({ timeouts: { read: 1000 }, limits: { maxConnections: 1 } })
  const first = await stage.send()
  const second = stage.dispatch()
  await stage.clock.stall(1000)
  stage.socket.receive(OK) // the first request ends, the second is sent
  await stage.clock.flush()
  assert.equal(first.events.at(-1), 'end')
  await stage.clock.advance(999)
  assert.equal(second.over, false)
  await stage.clock.advance(1)
  assertError(second.error, ReadTimeout, { reusedConnection: true, safeToRetry: true })
  await stage.done()
})

test('38 a pause of the reader is not a read timeout', async () => {
  const stage = new Stage({ timeouts: { read: 1000 } })
  const call = await stage.send({}, { onData: () => false })
  await stage.receive(`${HEAD}he`)
  await stage.clock.advance(100_000)
  assert.equal(call.over, false)
  call.resume()
  await stage.clock.advance(999)
  assert.equal(call.over, false)
  await stage.receive('l')
  await stage.clock.advance(50_000)
  call.resume()
  await stage.clock.advance(1000)
  assertError(call.error, ReadTimeout, { phase: 'read', responseStarted: true })
  await stage.done()
})

test('each request has its own read timeout, also on a reused connection', async () => {
  const stage = new Stage({ timeouts: { read: 5000 } })
  await stage.warm()
  const call = await stage.send({ timeouts: { read: 100 } })
  await stage.clock.advance(99)
  assert.equal(call.over, false)
  await stage.clock.advance(1)
  assertError(call.error, ReadTimeout, { reusedConnection: true })
  assert.match((call.error as Error).message, / for 100 ms /)

  await stage.warm()
  const longer = await stage.send({ timeouts: { read: 9000 } })
  await stage.clock.advance(8999)
  assert.equal(longer.over, false)
  await stage.clock.advance(1)
  assertError(longer.error, ReadTimeout)
  await stage.done()
})

const patient: Record<string, TimeoutInit> = {
  null: null,
  Infinity: Number.POSITIVE_INFINITY,
  'beyond 2^31-1': 2 ** 33,
}

for (const [name, timeouts] of Object.entries(patient)) {
  test(`with timeouts of ${name}, a request can wait for a year`, async () => {
    const stage = new Stage({ timeouts })
    const call = await stage.send({ path: '/patient' })
    await stage.clock.advance(name === 'beyond 2^31-1' ? 2 ** 33 - 1 : 365 * 86_400_000)
    assert.equal(call.over, false)
    await stage.receive(OK)
    assert.equal(call.events.at(-1), 'end')
    await stage.done()
  })
}

test('a timeout beyond 2^31-1 is exact', async () => {
  const stage = new Stage({ timeouts: { read: 2 ** 33 } })
  const call = await stage.send()
  await stage.clock.advance(2 ** 33 - 1)
  assert.equal(call.over, false)
  await stage.clock.advance(1)
  assertError(call.error, ReadTimeout)
  await stage.done()
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
      const stage = new Stage({ timeouts: { write: 1000, read: 100 } })
      const socket = await stage.warm()
      if (blocked === 'at the head') socket.block()
      const call = stage.dispatch({ method: 'PUT', ...request() })
      socket.block()
      await stage.clock.advance(999)
      assert.equal(call.over, false)
      await stage.clock.advance(1)
      const phase = 'write'
      assertError(call.error, WriteTimeout, {
        phase,
        bytesSent: socket.written.length,
        responseStarted: false,
      })
      assert.match((call.error as Error).message, /for 1000 ms, \d+ bytes pending \(PUT http:/)
      assert.deepEqual(stage.closes, ['timeout'])
      await stage.done()
    })

    test(`no write timeout while bytes are taken: ${what}, blocked ${blocked}`, async () => {
      const stage = new Stage({ timeouts: { write: 1000, read: 1000 } })
      const socket = await stage.warm()
      if (blocked === 'at the head') socket.block()
      const call = stage.dispatch({ method: 'PUT', ...request() })
      socket.block()
      await settle()
      for (let i = 0; i < 30; i++) {
        await stage.clock.advance(600)
        socket.unblock(1)
        assert.equal(call.over, false, `after ${i}`)
      }
      await stage.clock.advance(900)
      socket.unblock()
      await stage.clock.advance(999) // the read timeout has started now
      await stage.receive(OK)
      assert.equal(call.events.at(-1), 'end')
      await stage.done()
    })
  }
}

test('a slow body is not a write timeout', async () => {
  const stage = new Stage({ timeouts: { write: 1000, read: 1000 } })
  let give: (value: string) => void = () => {}
  async function* slow(): AsyncGenerator<string> {
    for (let i = 0; i < 3; i++) yield await new Promise<string>((resolve) => (give = resolve))
  }
  const call = await stage.send({ method: 'PUT', body: slow() })
  for (let i = 0; i < 3; i++) {
    await stage.clock.advance(10_000)
    give('abc')
    await settle()
  }
  await stage.clock.advance(999)
  await stage.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

test('the write timeout starts when the socket blocks, not while the body is slow', async () => {
  const stage = new Stage({ timeouts: { write: 1000 } })
  let give: (value: string) => void = () => {}
  async function* slow(): AsyncGenerator<string> {
    yield await new Promise<string>((resolve) => (give = resolve))
  }
  const call = await stage.send({ method: 'PUT', body: slow() })
  await stage.clock.advance(10_000)
  stage.socket.block()
  give('abc')
  await stage.clock.advance(999)
  assert.equal(call.over, false)
  await stage.clock.advance(1)
  assertError(call.error, WriteTimeout, { phase: 'write' })
  await stage.done()
})

test('6 a late write timer does not expire if bytes were taken in time', async () => {
  const stage = new Stage({ timeouts: { write: 1000 } })
  const socket = await stage.warm()
  socket.block()
  const call = await stage.send({ method: 'PUT', body: BIG })
  await stage.clock.stall(9000)
  socket.unblock()
  await stage.clock.flush()
  await stage.receive(OK)
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

test('the read timeout starts when a large body was sent', async () => {
  const stage = new Stage({ timeouts: { read: 1000 } })
  const call = await stage.send({ method: 'PUT', body: BIG })
  await stage.clock.advance(999)
  assert.equal(call.over, false)
  await stage.clock.advance(1)
  assertError(call.error, ReadTimeout, { phase: 'wait', bytesSent: stage.socket.written.length })
  await stage.done()
})

// --- total

const inTotal: Record<string, { prepare?: (stage: Stage) => void; script?: Script }> = {
  'while it connects': {
    prepare: ({ backend }) => {
      backend.autoConnect = false
    },
  },
  'while it waits': {},
}

for (const [when, { prepare, script }] of Object.entries(inTotal)) {
  test(`total timeout ${when}`, async () => {
    const stage = new Stage({ timeouts: { total: 1000 } })
    prepare?.(stage)
    const call = await stage.send({}, script)
    await stage.clock.advance(999)
    assert.equal(call.over, false)
    await stage.clock.advance(1)
    assertError(call.error, TotalTimeout, { responseStarted: false })
    await stage.done()
  })
}

test('total timeout in the queue', async () => {
  const stage = new Stage({ limits: { maxConnections: 1 } })
  const busy = await stage.send()
  const call = await stage.send({ timeouts: { total: 1000, pool: null } })
  await stage.clock.advance(1000)
  assertError(call.error, TotalTimeout, { phase: 'queue', bytesSent: 0, safeToRetry: true })
  await stage.receive(OK)
  assert.equal(busy.events.at(-1), 'end')
  await stage.done()
})

test('8 the total timeout applies to a slow response, and to a pause', async () => {
  for (const script of [{}, { onData: () => false }]) {
    const stage = new Stage({ timeouts: { total: 1000 } })
    const call = await stage.send({}, script)
    await stage.receive(HEAD)
    for (const byte of 'hel') {
      await stage.clock.advance(300)
      stage.socket.receive(byte)
    }
    await stage.clock.advance(99)
    assert.equal(call.over, false)
    await stage.clock.advance(1)
    assertError(call.error, TotalTimeout, { phase: 'read', responseStarted: true })
    assert.match(
      (call.error as Error).message,
      /^The request did not complete within 1000 ms \(GET http:/,
    )
    await stage.done()
  }
})

test('6 a late total timer does not expire if the response has arrived in time', async () => {
  const stage = new Stage({ timeouts: { total: 1000 } })
  const call = await stage.send()
  await stage.clock.stall(8000)
  stage.socket.receive(OK)
  await stage.clock.flush()
  assert.equal(call.events.at(-1), 'end')
  await stage.done()
})

test('total of a request does not change its other timeouts', async () => {
  const stage = new Stage({ timeouts: { read: 500 } })
  const call = await stage.send({ timeouts: { total: 1000 } })
  await stage.clock.advance(500)
  assertError(call.error, ReadTimeout)
  await stage.done()
})

test('an invalid timeout is reported to onError, after dispatch has returned', async () => {
  const stage = new Stage()
  const call = stage.dispatch({ timeouts: { read: -1 } })
  await settle()
  assertError(call.error, TypeError)
  assert.equal(stage.backend.sockets.length, 0)
  await stage.done()
})
