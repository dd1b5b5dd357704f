import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address } from '../../src/backends/backend.ts'
import type { DispatchRequest } from '../../src/engine.ts'
import { ConnectError, ConnectTimeout } from '../../src/errors.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import type { Told } from '../pool/scripted-pool.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from '../pool/scripted-pool.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'

const A = 'http://a.test'
const v4 = (n: number): Address => ({ address: `10.0.0.${n}`, family: 4 })
const v6 = (n: number): Address => ({ address: `fd00::${n}`, family: 6 })

/** A pool that has been asked for `origin`, whose sockets connect when the test says so. */
async function dial(
  addresses: readonly Address[] | Error,
  options: PoolOptions = {},
  request: Partial<DispatchRequest> & { origin?: string } = {},
): Promise<{ pool: ScriptedPool; told: Told }> {
  const backend = new ScriptedBackend()
  backend.autoConnect = false
  const { origin = A, ...more } = request
  backend.hosts.set(new URL(origin).hostname, addresses)
  const pool = new ScriptedPool(options, backend)
  const told = await pool.asked(origin, '/', more)
  return { pool, told }
}

const tried = ({ sockets }: ScriptedPool) => sockets.map(({ target }) => target.address)

const refused = (address: string) =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}:80`), { code: 'ECONNREFUSED' })

describe('7, A6 addresses are raced (RFC 8305)', () => {
  const orders: [given: Address[], order: Address[]][] = [
    [[v4(1)], [v4(1)]],
    [
      [v6(1), v6(2), v4(1), v4(2)],
      [v6(1), v4(1), v6(2), v4(2)],
    ],
    [
      [v4(1), v4(2), v6(1)],
      [v4(1), v6(1), v4(2)],
    ],
    [
      [v4(1), v6(1), v6(2), v6(3)],
      [v4(1), v6(1), v6(2), v6(3)],
    ],
    [
      [v4(1), v4(2), v4(3)],
      [v4(1), v4(2), v4(3)],
    ],
  ]
  for (const [given, order] of orders) {
    const name = (addresses: Address[]) => addresses.map(({ address }) => address).join(' ')
    test(`${name(given)}: in the order ${name(order)}, one every 250 ms`, async () => {
      const { pool } = await dial(given)
      for (let i = 1; i <= order.length; i++) {
        assert.deepEqual(
          tried(pool),
          order.slice(0, i).map(({ address }) => address),
        )
        await pool.backend.clock.advance(249)
        assert.equal(pool.sockets.length, i)
        await pool.backend.clock.advance(1)
      }
      // A slow attempt is not closed for a later one.
      assert.equal(pool.open.length, order.length)
      await assertEmpty(pool)
    })
  }

  test('the first to be connected wins, and the others are closed only then', async () => {
    const { pool, told } = await dial([v6(1), v4(1), v6(2)])
    await pool.backend.clock.advance(500)
    const [first, second, third] = pool.sockets
    assert.deepEqual(pool.sockets.map(isOpen), [true, true, true])
    first.connected()
    assert.deepEqual(pool.sockets.map(isOpen), [true, false, false])
    first.receive(OK)
    assert.equal(told.body, 'ok')
    assert.ok(second.destroyed && third.destroyed)
    await pool.backend.clock.advance(1000)
    assert.equal(pool.sockets.length, 3)
    await assertEmpty(pool)
  })

  test('a slow first one may win after a minute', async () => {
    const { pool, told } = await dial([v4(1), v4(2)], {}, { timeouts: null })
    await pool.backend.clock.advance(60_000)
    pool.sockets[0].connected()
    pool.sockets[0].receive(OK)
    assert.equal(told.body, 'ok')
    await assertEmpty(pool)
  })

  test('a failure starts the next at once', async () => {
    const { pool, told } = await dial([v4(1), v4(2), v4(3)])
    await pool.backend.clock.advance(100)
    pool.sockets[0].reset(refused('10.0.0.1'))
    assert.deepEqual(tried(pool), ['10.0.0.1', '10.0.0.2'])
    // And the delay counts anew from there.
    await pool.backend.clock.advance(249)
    assert.equal(pool.sockets.length, 2)
    await pool.backend.clock.advance(1)
    assert.equal(pool.sockets.length, 3)
    pool.sockets[2].connected()
    pool.sockets[2].receive(OK)
    assert.equal(told.body, 'ok')
    await assertEmpty(pool)
  })

  test('it fails when all have failed, with the first error and its own address', async () => {
    const { pool, told } = await dial([v4(1), v4(2)])
    pool.sockets[0].reset(refused('10.0.0.1'))
    assert.equal(told.ends, 0)
    pool.sockets[1].reset(
      Object.assign(new Error('connect EHOSTUNREACH 10.0.0.2:80'), { code: 'EHOSTUNREACH' }),
    )
    assert.ok(told.error instanceof ConnectError)
    assert.match(
      told.error.message,
      /^Connecting to a\.test \(10\.0\.0\.1\) failed: .*10\.0\.0\.1:80 /,
    )
    assert.equal((told.error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    await assertEmpty(pool)
  })

  test('a loser that connects or fails late changes nothing', async () => {
    const { pool, told } = await dial([v4(1), v4(2)])
    await pool.backend.clock.advance(250)
    const [loser, winner] = pool.sockets
    winner.connected()
    loser.handler.onConnect()
    loser.handler.onEnd()
    loser.handler.onClose(refused('10.0.0.1'))
    winner.receive(OK)
    assert.equal(told.body, 'ok')
    assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('100 that are refused are no deep recursion, nor 10,000', async () => {
    const addresses = Array.from({ length: 10_000 }, () => v4(1))
    const { pool, told } = await dial(addresses, {
      onConnect: () => {
        throw new Error('not there')
      },
    })
    assert.match(told.failed.message, /not there/)
    await assertEmpty(pool)
  })
})

describe('TLS', () => {
  const secure = { origin: 'https://a.test' }

  test('is spoken on each attempt; the race is decided by the transport', async () => {
    const { pool, told } = await dial([v4(1), v4(2)], {}, secure)
    await pool.backend.clock.advance(250)
    const [first, second] = pool.sockets
    assert.equal(first.tls?.host, 'a.test')
    second.connected()
    assert.deepEqual(pool.sockets.map(isOpen), [false, true])
    assert.equal(second.written, '')
    second.secured()
    assert.match(second.written, /^GET \/ HTTP\/1\.1\r\n/)
    second.receive(OK)
    assert.equal(told.body, 'ok')
    await assertEmpty(pool)
  })

  test('its failure is final: no other address would help', async () => {
    const { pool, told } = await dial([v4(1), v4(2)], {}, secure)
    pool.sockets[0].connected()
    pool.sockets[0].reset(new Error('certificate has expired'))
    assert.ok(told.error instanceof ConnectError)
    assert.match(
      told.error.message,
      /^TLS with a\.test \(10\.0\.0\.1\) failed: certificate has expired \(GET https:\/\/a\.test\/, after 0 ms\)$/,
    )
    assert.equal(told.error.phase, 'tls')
    assert.equal(pool.sockets.length, 1)
    await assertEmpty(pool)
  })

  test('the address in its message is the one that was connected', async () => {
    const { pool, told } = await dial([v4(1), v4(2)], {}, secure)
    await pool.backend.clock.advance(250)
    pool.sockets[0].connected()
    pool.sockets[0].reset(new Error('bad certificate'))
    assert.match(told.failed.message, /TLS with a\.test \(10\.0\.0\.1\)/)
    await assertEmpty(pool)
  })

  test('a peer that ends inside the handshake', async () => {
    const { pool, told } = await dial([v4(1)], {}, secure)
    pool.sockets[0].connected()
    pool.sockets[0].receiveEnd()
    await settle()
    assert.ok(told.error instanceof ConnectError)
    assert.match(told.error.message, /TLS with a\.test .* failed: .*closed/)
    await assertEmpty(pool)
  })

  test('33 a session is offered to the next connection of that origin, and to no other', async () => {
    const { pool } = await dial([v4(1)], { limits: { maxConnections: 10 } }, secure)
    const session = Buffer.from('ticket')
    pool.sockets[0].connected()
    pool.sockets[0].secured()
    pool.sockets[0].session(session)
    await pool.asked('https://a.test')
    await pool.asked('https://b.test')
    await pool.asked('https://a.test:444')
    await pool.asked('http://a.test')
    const [, again, otherHost, otherPort, clear] = pool.sockets
    assert.equal(again.offered, session)
    assert.equal(otherHost.offered, undefined)
    assert.equal(otherPort.offered, undefined)
    assert.equal(clear.tls, null)
    assert.equal(again.tls?.options, pool.sockets[0].tls?.options, 'one context for all')
    await assertEmpty(pool)
    const other = await dial([v4(1)], {}, secure)
    assert.equal(other.pool.sockets[0].offered, undefined)
    await assertEmpty(other.pool)
  })

  test("a resumed session's newer one takes its place; idle connections give theirs, too", async () => {
    const { pool, told } = await dial([v4(1)], {}, secure)
    pool.sockets[0].connected()
    pool.sockets[0].session(Buffer.from('early')) // TLS 1.2 has it before the handshake ends
    pool.sockets[0].secured()
    pool.sockets[0].receive(OK)
    assert.equal(told.body, 'ok')
    pool.sockets[0].session(Buffer.from('late'))
    pool.sockets[0].receiveEnd()
    await pool.asked('https://a.test')
    assert.equal(String(pool.sockets[1].offered), 'late')
    await assertEmpty(pool)
  })
})

describe('names', () => {
  for (const origin of [
    'http://127.0.0.1',
    'http://[::1]',
    'https://10.1.2.3:4444',
    'http://0x7f.1',
  ]) {
    test(`${origin} needs no lookup`, async () => {
      const { pool } = await dial(new Error('asked'), { lookup: () => assert.fail() }, { origin })
      const { host, port } = new URL(origin)
      assert.equal(pool.backend.lookups.length, 0)
      assert.equal(tried(pool)[0], new URL(origin).hostname.replace(/[[\]]/g, ''))
      assert.equal(pool.sockets[0].target.port, Number(port) || 80)
      if (!origin.startsWith('https')) {
        pool.sockets[0].connected()
        assert.ok(pool.sockets[0].written.includes(`\r\nHost: ${host}\r\n`))
      }
      await assertEmpty(pool)
    })
  }

  test('the backend resolves a name, asked for the bare host', async () => {
    const { pool } = await dial([v4(1)], {}, { origin: 'http://a.test:8080' })
    assert.deepEqual(
      pool.backend.lookups.map(({ host }) => host),
      ['a.test'],
    )
    assert.equal(pool.sockets[0].target.port, 8080)
    await assertEmpty(pool)
  })

  test('18 a name that is not there: host, phase and cause are told', async () => {
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND a.test'), { code: 'ENOTFOUND' })
    const { pool, told } = await dial(missing)
    assert.ok(told.error instanceof ConnectError)
    assert.equal(
      told.error.message,
      'Finding a.test failed: getaddrinfo ENOTFOUND a.test (GET http://a.test/, after 0 ms)',
    )
    assert.equal(told.error.phase, 'dns')
    assert.equal(told.error.cause, missing)
    assert.equal(told.error.safeToRetry, true)
    assert.equal(told.error.bytesSent, 0)
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('a name without addresses', async () => {
    const { pool, told } = await dial([])
    assert.match(told.failed.message, /^Finding a\.test failed: a\.test has no address/)
    await assertEmpty(pool)
  })
})

describe('a lookup of the caller', () => {
  type Lookup = NonNullable<PoolOptions['lookup']>
  const found: [name: string, lookup: Lookup, addresses: string[]][] = [
    ['one address', (_h, _o, done) => void setImmediate(done, null, '10.0.0.7', 4), ['10.0.0.7']],
    ['one address, at once', (_h, _o, done) => done(null, '10.0.0.7', 4), ['10.0.0.7']],
    ['one address without its family', (_h, _o, done) => done(null, 'fd00::7'), ['fd00::7']],
    ['one address, family 0', (_h, _o, done) => done(null, '10.0.0.7', 0), ['10.0.0.7']],
    ['all addresses', (_h, _o, done) => done(null, [v4(7), v6(8)]), ['10.0.0.7', 'fd00::8']],
    [
      'all addresses without families',
      (_h, _o, done) => done(null, [{ address: '10.0.0.7' }, { address: 'fd00::8' }] as never),
      ['10.0.0.7', 'fd00::8'],
    ],
    [
      'undefined for no error',
      (_h, _o, done) => done(undefined as never, '10.0.0.7', 4),
      ['10.0.0.7'],
    ],
  ]
  for (const [name, lookup, addresses] of found) {
    test(name, async () => {
      const { pool } = await dial(new Error('not asked'), { lookup })
      await settle()
      await pool.backend.clock.advance(250)
      assert.deepEqual(tried(pool), addresses)
      assert.equal(pool.backend.lookups.length, 0)
      await assertEmpty(pool)
    })
  }

  test('is asked with the host and for all addresses', async () => {
    const asked: unknown[] = []
    const lookup: Lookup = (host, options, done) => {
      asked.push(host, options)
      done(null, '10.0.0.7', 4)
    }
    const { pool } = await dial([], { lookup }, { origin: 'https://A.test:8443' })
    assert.deepEqual(asked, ['a.test', { all: true }])
    await assertEmpty(pool)
  })

  const failing: [name: string, lookup: Lookup, message: RegExp][] = [
    [
      'that throws',
      () => {
        throw new Error('thrown')
      },
      /^Finding a\.test failed: thrown \(/,
    ],
    [
      'that throws what is no error',
      () => {
        throw 'a string'
      },
      /^Finding a\.test failed: a string \(/,
    ],
    [
      'that fails',
      (_h, _o, done) => done(new Error('failed'), ''),
      /^Finding a\.test failed: failed \(/,
    ],
    [
      'that fails later',
      (_h, _o, done) => void setImmediate(done, new Error('failed'), ''),
      /failed: failed/,
    ],
    ['without an answer', (_h, _o, done) => done(null, []), /a\.test has no address/],
    [
      'with nonsense',
      (_h, _o, done) => done(null, undefined as never),
      /^Finding a\.test failed: /,
    ],
    [
      'with nonsense, later',
      (_h, _o, done) => void setImmediate(done, null, undefined as never),
      /^Finding a\.test failed: /,
    ],
    [
      'with nothing in its list',
      (_h, _o, done) => done(null, [null] as never),
      /^Finding a\.test failed: /,
    ],
    // A name would be resolved once more, past `onConnect`.
    [
      'with another name',
      (_h, _o, done) => done(null, 'evil.test', 4),
      /^Finding a\.test failed: .*evil\.test/,
    ],
    ['with an empty address', (_h, _o, done) => done(null, '', 4), /^Finding a\.test failed: /],
  ]
  for (const [name, lookup, message] of failing) {
    test(`${name} is a ConnectError`, async () => {
      const { pool, told } = await dial([], { lookup })
      await settle()
      assert.ok(told.error instanceof ConnectError)
      assert.match(told.error.message, message)
      assert.equal(told.error.phase, 'dns')
      assert.equal(pool.sockets.length, 0)
      await assertEmpty(pool)
    })
  }

  test('its first answer counts', async () => {
    const answers: Parameters<Lookup>[2][] = []
    const { pool, told } = await dial([], { lookup: (_h, _o, done) => void answers.push(done) })
    answers[0](null, '10.0.0.1', 4)
    answers[0](null, '10.0.0.2', 4)
    answers[0](new Error('again'), '')
    await pool.backend.clock.advance(1000)
    assert.deepEqual(tried(pool), ['10.0.0.1'])
    assert.equal(told.ends, 0)
    await assertEmpty(pool)
  })

  test('its answer after the deadline is ignored', async () => {
    const answers: Parameters<Lookup>[2][] = []
    const { pool, told } = await dial(
      [],
      { lookup: (_h, _o, done) => void answers.push(done) },
      { timeouts: { connect: 100 } },
    )
    await pool.backend.clock.advance(100)
    assert.ok(told.error instanceof ConnectTimeout)
    answers[0](null, '10.0.0.1', 4)
    await settle()
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })
})

describe('onConnect', () => {
  test('sees each address before it is connected to', async () => {
    const seen: object[] = []
    const { pool } = await dial(
      [v6(1), v4(1)],
      { onConnect: (facts) => void seen.push({ ...facts }) },
      { origin: 'https://a.test:444' },
    )
    await pool.backend.clock.advance(250)
    assert.deepEqual(seen, [
      { address: 'fd00::1', family: 6, port: 444, host: 'a.test' },
      { address: '10.0.0.1', family: 4, port: 444, host: 'a.test' },
    ])
    await assertEmpty(pool)
  })

  test('sees literal addresses too', async () => {
    const seen: object[] = []
    const options: PoolOptions = { onConnect: (facts) => void seen.push({ ...facts }) }
    const { pool } = await dial([], options, { origin: 'http://[::1]:81' })
    assert.deepEqual(seen, [{ address: '::1', family: 6, port: 81, host: '::1' }])
    await assertEmpty(pool)
  })

  test('refuses one address: the next is tried', async () => {
    const { pool } = await dial([v4(1), v4(2)], {
      onConnect: ({ address }) => {
        if (address === '10.0.0.1') throw new Error('private')
      },
    })
    assert.deepEqual(tried(pool), ['10.0.0.2'])
    await assertEmpty(pool)
  })

  for (const thrown of [new Error('private address'), 'private address']) {
    test(`refuses all by throwing ${typeof thrown}: a ConnectError says why`, async () => {
      const { pool, told } = await dial([v4(1), v4(2)], {
        onConnect: () => {
          throw thrown
        },
      })
      assert.ok(told.error instanceof ConnectError)
      assert.match(
        told.error.message,
        /^Connecting to a\.test \(10\.0\.0\.1\) failed: private address/,
      )
      assert.equal(told.error.cause, thrown)
      assert.equal(pool.sockets.length, 0)
      await assertEmpty(pool)
    })
  }

  test('may close the pool', async () => {
    const backend = new ScriptedBackend()
    const pool: ScriptedPool = new ScriptedPool({ onConnect: () => void pool.close() }, backend)
    const told = await pool.asked(A)
    assert.equal(told.failed.name, 'ClientClosed')
    assert.deepEqual(pool.open, [])
    await assertEmpty(pool)
  })
})

describe('a unix socket', () => {
  test('33 every origin leads there; Host, and whom TLS must find, stay', async () => {
    const { pool } = await dial([], { uds: '/run/x.sock' }, { origin: 'http://docker:99' })
    const { socket } = pool.backend
    assert.equal(socket.target.path, '/run/x.sock')
    assert.equal(socket.target.address, undefined)
    assert.equal(socket.target.tls, null)
    socket.connected()
    assert.ok(socket.written.includes('\r\nHost: docker:99\r\n'))
    await pool.asked('https://a.test')
    assert.equal(pool.backend.socket.target.path, '/run/x.sock')
    assert.equal(pool.backend.socket.tls?.host, 'a.test')
    assert.equal(pool.backend.lookups.length, 0)
    await assertEmpty(pool)
  })

  test('18 the message of a failure has its path', async () => {
    const { pool, told } = await dial([], { uds: '/run/x.sock' })
    pool.sockets[0].reset(new Error('connect ENOENT /run/x.sock'))
    assert.equal(
      told.failed.message,
      'Connecting to a.test (/run/x.sock) failed: connect ENOENT /run/x.sock (GET http://a.test/, after 0 ms)',
    )
    await assertEmpty(pool)
  })
})

test('localAddress is passed on', async () => {
  const { pool } = await dial([v4(1)], { localAddress: '127.0.0.9' })
  assert.equal(pool.sockets[0].target.localAddress, '127.0.0.9')
  await assertEmpty(pool)
})

describe('6, 8, 18 ConnectTimeout', () => {
  const timeouts = { connect: 400 }

  test('covers name, all addresses and TLS together; says the phase', async () => {
    const { pool, told } = await dial([v4(1), v4(2)], {}, { timeouts, origin: 'https://a.test' })
    await pool.backend.clock.advance(300)
    pool.sockets[1].connected()
    await pool.backend.clock.advance(99)
    assert.equal(told.ends, 0)
    await pool.backend.clock.advance(1)
    assert.ok(told.error instanceof ConnectTimeout)
    assert.equal(
      told.error.message,
      'No connection to a.test within 400 ms, at tls (GET https://a.test/, after 400 ms)',
    )
    assert.equal(told.error.phase, 'tls')
    assert.equal(told.error.safeToRetry, true)
    assert.deepEqual(pool.open, [])
    await assertEmpty(pool)
  })

  test('at dns', async () => {
    const backend = new ScriptedBackend()
    backend.autoLookup = false
    const pool = new ScriptedPool({}, backend)
    const told = await pool.asked(A, '/', { timeouts })
    await backend.clock.advance(400)
    assert.equal(
      told.failed.message,
      'No connection to a.test within 400 ms, at dns (GET http://a.test/, after 400 ms)',
    )
    backend.lookups[0].answer([v4(1)])
    await settle()
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('at tcp, whatever the number of addresses', async () => {
    const addresses = Array.from({ length: 20 }, (_, i) => v4(i))
    const { pool, told } = await dial(addresses, {}, { timeouts })
    await pool.backend.clock.advance(400)
    assert.match(told.failed.message, /at tcp/)
    assert.equal(pool.sockets.length, 2)
    assert.deepEqual(pool.open, [])
    await pool.backend.clock.advance(10_000)
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('a blocked loop is not held against the server', async () => {
    const { pool, told } = await dial([v4(1)], {}, { timeouts })
    const { clock } = pool.backend
    await clock.stall(3000) // 2,600 ms late: as many more
    assert.equal(told.ends, 0)
    await clock.advance(2599)
    assert.equal(told.ends, 0)
    pool.sockets[0].connected()
    pool.sockets[0].receive(OK)
    assert.equal(told.body, 'ok')
    await assertEmpty(pool)
  })

  test('though only once', async () => {
    const { pool, told } = await dial([v4(1)], {}, { timeouts })
    const { clock } = pool.backend
    await clock.stall(500)
    await clock.stall(500)
    await clock.flush()
    assert.ok(told.error instanceof ConnectTimeout)
    await assertEmpty(pool)
  })

  test('null is none', async () => {
    const { pool, told } = await dial([v4(1)], {}, { timeouts: { connect: null } })
    await pool.backend.clock.advance(86_400_000)
    assert.equal(told.ends, 0)
    await assertEmpty(pool)
  })
})

describe('1 abort', () => {
  const phases: [phase: string, reach: (pool: ScriptedPool) => Promise<void>][] = [
    ['at once', async () => {}],
    ['dns', () => settle()],
    [
      'tcp',
      async (pool) => {
        await settle()
        pool.backend.lookups[0].answer([v4(1), v4(2)])
      },
    ],
    [
      'two attempts',
      async (pool) => {
        await settle()
        pool.backend.lookups[0].answer([v4(1), v4(2)])
        await pool.backend.clock.advance(250)
      },
    ],
    [
      'tls',
      async (pool) => {
        await settle()
        pool.backend.lookups[0].answer([v4(1)])
        pool.sockets[0].connected()
      },
    ],
    [
      'wait',
      async (pool) => {
        await settle()
        pool.backend.lookups[0].answer([v4(1)])
        pool.sockets[0].connected()
        pool.sockets[0].secured()
      },
    ],
  ]
  for (const [phase, reach] of phases) {
    test(`${phase}: the place is given back, and the next one works`, async () => {
      const backend = new ScriptedBackend()
      backend.autoLookup = backend.autoConnect = false
      const pool = new ScriptedPool({ limits: { maxConnections: 1 } }, backend)
      const told = pool.ask('https://a.test', '/', { timeouts: 5000 })
      const waiting = pool.ask('https://b.test', '/waiting')
      await reach(pool)
      backend.autoLookup = backend.autoConnect = true
      told.control?.abort(new Error('enough'))
      assert.equal(told.ends, 0, 'told inside abort')
      assert.equal(pool.counts(), '1 connecting, 0 active, 0 idle, 0 waiting')
      await settle()
      assert.equal(told.failed.message, 'enough')
      assert.equal(pool.open.length, 1)
      for (const lookup of backend.lookups) if (!lookup.answered) lookup.answer([v4(9)])
      pool.socketOf('/waiting').receive(OK)
      assert.equal(waiting.body, 'ok')
      pool.assertQuiescent()
      await assertEmpty(pool)
      assert.equal(backend.clock.armedTimers, 0)
    })
  }
})

describe('nothing is told inside dispatch', () => {
  // Told checks it.
  test('where lookup answers and fails at once', async () => {
    const pool = new ScriptedPool({
      lookup: (_h, _o, done) => done(new Error('at once'), ''),
    })
    const told = pool.ask(A)
    assert.equal(told.ends, 0)
    await settle()
    assert.equal(told.ends, 1)
    await assertEmpty(pool)
  })

  test('where onConnect refuses a literal address', async () => {
    const pool = new ScriptedPool({
      onConnect: () => {
        throw new Error('no')
      },
    })
    const told = pool.ask('http://127.0.0.1')
    assert.equal(told.ends, 0)
    await settle()
    assert.equal(told.ends, 1)
    await assertEmpty(pool)
  })
})
