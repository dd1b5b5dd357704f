import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Address } from '../../src/backends/backend.ts'
import type { DispatchRequest } from '../../src/engine.ts'
import { ConnectError, ConnectTimeout } from '../../src/errors.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import type { RecordedCall } from '../pool/scripted-pool.ts'
import { assertEmpty, isOpen, OK, ScriptedPool, settle } from '../pool/scripted-pool.ts'
import { at } from '../support/at.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

const A = 'http://a.test'
const v4 = (n: number): Address => ({ address: `10.0.0.${n}`, family: 4 })
const v6 = (n: number): Address => ({ address: `fd00::${n}`, family: 6 })

/** Sends a request with a new pool. Its sockets connect when the test calls `connected()`. */
async function dial(
  addresses: readonly Address[] | Error,
  options: PoolOptions = {},
  request: Partial<DispatchRequest> & { origin?: string } = {},
): Promise<{ pool: ScriptedPool; call: RecordedCall }> {
  const backend = new ScriptedBackend()
  backend.autoConnect = false
  const { origin = A, ...more } = request
  backend.hosts.set(new URL(origin).hostname, addresses)
  const pool = new ScriptedPool(options, backend)
  const call = await pool.send(origin, '/', more)
  return { pool, call }
}

const triedAddresses = ({ sockets }: ScriptedPool) => sockets.map(({ target }) => target.address)

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
    test(`${name(given)}: in the order ${name(order)}, every 250 ms`, async () => {
      const { pool } = await dial(given)
      for (let i = 1; i <= order.length; i++) {
        assert.deepEqual(
          triedAddresses(pool),
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

  test('the first address to connect wins, and only then are the others closed', async () => {
    const { pool, call } = await dial([v6(1), v4(1), v6(2)])
    await pool.backend.clock.advance(500)
    const first = at(pool.sockets, 0)
    const second = at(pool.sockets, 1)
    const third = at(pool.sockets, 2)
    assert.deepEqual(pool.sockets.map(isOpen), [true, true, true])
    first.connected()
    assert.deepEqual(pool.sockets.map(isOpen), [true, false, false])
    first.receive(OK)
    assert.equal(call.body, 'ok')
    assert.ok(second.destroyed && third.destroyed)
    await pool.backend.clock.advance(1000)
    assert.equal(pool.sockets.length, 3)
    await assertEmpty(pool)
  })

  const delays: [connect: number, delay: number][] = [
    [30, 10],
    [200, 66],
    [749, 249],
    [60_000, 250],
  ]
  for (const [connect, delay] of delays) {
    for (const origin of ['http://a.test', 'https://a.test']) {
      test(`89 the next address of ${origin} is tried after ${delay} ms if connect is ${connect}`, async () => {
        const { pool, call } = await dial([v4(1), v4(2)], {}, { origin, timeouts: { connect } })
        await pool.backend.clock.advance(delay - 1)
        assert.equal(pool.sockets.length, 1)
        await pool.backend.clock.advance(1)
        const second = at(pool.sockets, 1)
        second.connected()
        if (second.tls !== null) second.secured()
        second.receive(OK)
        assert.equal(call.body, 'ok')
        await assertEmpty(pool)
      })
    }
  }

  test('89 the delay is a third of the time that the lookup has left', async () => {
    const backend = new ScriptedBackend()
    backend.autoLookup = backend.autoConnect = false
    const pool = new ScriptedPool({}, backend)
    await pool.send(A, '/', { timeouts: { connect: 300 } })
    await backend.clock.advance(270)
    at(backend.lookups, 0).answer([v4(1), v4(2)])
    await backend.clock.advance(10)
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('a slow first address may win after a minute', async () => {
    const { pool, call } = await dial([v4(1), v4(2)], {}, { timeouts: null })
    await pool.backend.clock.advance(60_000)
    at(pool.sockets, 0).connected()
    at(pool.sockets, 0).receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('a failure starts the next attempt immediately', async () => {
    const { pool, call } = await dial([v4(1), v4(2), v4(3)])
    await pool.backend.clock.advance(100)
    at(pool.sockets, 0).reset(refused('10.0.0.1'))
    assert.deepEqual(triedAddresses(pool), ['10.0.0.1', '10.0.0.2'])
    // The delay starts again.
    await pool.backend.clock.advance(249)
    assert.equal(pool.sockets.length, 2)
    await pool.backend.clock.advance(1)
    assert.equal(pool.sockets.length, 3)
    at(pool.sockets, 2).connected()
    at(pool.sockets, 2).receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('the dial fails when all addresses have failed, with the first error and its address', async () => {
    const { pool, call } = await dial([v4(1), v4(2)])
    at(pool.sockets, 0).reset(refused('10.0.0.1'))
    assert.equal(call.endCount, 0)
    at(pool.sockets, 1).reset(
      Object.assign(new Error('connect EHOSTUNREACH 10.0.0.2:80'), { code: 'EHOSTUNREACH' }),
    )
    assert.ok(call.error instanceof ConnectError)
    assert.match(
      call.error.message,
      /^Could not connect to a\.test \(10\.0\.0\.1\): .*10\.0\.0\.1:80 /,
    )
    assert.equal((call.error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    await assertEmpty(pool)
  })

  test('a losing attempt that connects or fails later has no effect', async () => {
    const { pool, call } = await dial([v4(1), v4(2)])
    await pool.backend.clock.advance(250)
    const loser = at(pool.sockets, 0)
    const winner = at(pool.sockets, 1)
    winner.connected()
    loser.handler.onConnect()
    loser.handler.onEnd()
    loser.handler.onClose(refused('10.0.0.1'))
    winner.receive(OK)
    assert.equal(call.body, 'ok')
    assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 0 waiting')
    await assertEmpty(pool)
  })

  test('10,000 refused addresses cause no deep recursion', async () => {
    const addresses = Array.from({ length: 10_000 }, () => v4(1))
    const { pool, call } = await dial(addresses, {
      onConnect: () => {
        throw new Error('not there')
      },
    })
    assert.match(call.failure.message, /not there/)
    await assertEmpty(pool)
  })
})

describe('TLS', () => {
  const secure = { origin: 'https://a.test' }

  /** The reason of a failed handshake. */
  const expired = new Error('certificate has expired')

  test('89 is part of the race: the first address that completes the handshake wins', async () => {
    const { pool, call } = await dial([v4(1), v4(2), v4(3)], {}, secure)
    await pool.backend.clock.advance(500)
    const first = at(pool.sockets, 0)
    const second = at(pool.sockets, 1)
    assert.equal(first.tls?.host, 'a.test')
    first.connected()
    second.connected()
    assert.deepEqual(pool.sockets.map(isOpen), [true, true, true])
    assert.equal(second.written, '')
    second.secured()
    assert.deepEqual(pool.sockets.map(isOpen), [false, true, false])
    assert.match(second.written, /^GET \/ HTTP\/1\.1\r\n/)
    second.receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
    assert.equal(pool.backend.clock.armedTimers, 0)
  })

  test('89 an address that accepts and then stalls: the next one is tried after the delay', async () => {
    const { pool, call } = await dial([v4(1), v4(2)], {}, secure)
    at(pool.sockets, 0).connected()
    await pool.backend.clock.advance(249)
    assert.equal(pool.sockets.length, 1)
    await pool.backend.clock.advance(1)
    at(pool.sockets, 1).connected()
    at(pool.sockets, 1).secured()
    at(pool.sockets, 1).receive(OK)
    assert.equal(call.body, 'ok')
    assert.equal(isOpen(at(pool.sockets, 0)), false)
    await assertEmpty(pool)
  })

  const failures: [name: string, fail: (socket: ScriptedSocket) => void][] = [
    ['is closed', (socket) => socket.receiveEnd()],
    ['is reset', (socket) => socket.reset()],
    ['has an invalid certificate', (socket) => socket.reset(expired)],
  ]
  for (const [name, fail] of failures) {
    test(`89 an address whose handshake ${name}: the next one is tried at once`, async () => {
      const { pool, call } = await dial([v4(1), v4(2)], {}, secure)
      at(pool.sockets, 0).connected()
      fail(at(pool.sockets, 0))
      await settle()
      assert.deepEqual(triedAddresses(pool), ['10.0.0.1', '10.0.0.2'])
      at(pool.sockets, 1).connected()
      at(pool.sockets, 1).secured()
      at(pool.sockets, 1).receive(OK)
      assert.equal(call.body, 'ok')
      await assertEmpty(pool)
    })
  }

  test('89 a proxy with https: an address that stalls in the handshake does not fail the call', async () => {
    const backend = new ScriptedBackend()
    backend.autoConnect = false
    backend.hosts.set('proxy.test', [v4(1), v4(2)])
    const pool = new ScriptedPool({ proxy: 'https://proxy.test:3128' }, backend)
    await pool.send('https://a.test', '/')
    at(pool.sockets, 0).connected()
    await backend.clock.advance(250)
    at(pool.sockets, 1).connected()
    at(pool.sockets, 1).secured()
    assert.match(at(pool.sockets, 1).written, /^CONNECT a\.test:443 /)
    assert.equal(isOpen(at(pool.sockets, 0)), false)
    await assertEmpty(pool)
  })

  const reported: [name: string, outcomes: (Error | 'refused')[], shown: RegExp][] = [
    [
      'a failed handshake rather than a refused connection',
      ['refused', new Error('read ECONNRESET')],
      /^TLS handshake with a\.test \(10\.0\.0\.2\) failed: read ECONNRESET \(GET https:\/\/a\.test\/, after 0 ms\)$/,
    ],
    [
      'a failed handshake also if the last address refuses',
      [expired, 'refused'],
      /^TLS handshake with a\.test \(10\.0\.0\.1\) failed: certificate has expired /,
    ],
    [
      'the refused certificate rather than another failure',
      [new Error('read ECONNRESET'), expired, new Error('read ECONNRESET')],
      /^TLS handshake with a\.test \(10\.0\.0\.2\) failed: certificate has expired /,
    ],
    [
      'the first of two refused certificates',
      [expired, new Error('self-signed certificate')],
      /^TLS handshake with a\.test \(10\.0\.0\.1\) failed: certificate has expired /,
    ],
  ]
  for (const [name, outcomes, shown] of reported) {
    test(`89 if all addresses fail, the error is ${name}`, async () => {
      const { pool, call } = await dial(
        outcomes.map((_, i) => v4(i + 1)),
        {},
        secure,
      )
      for (const [i, outcome] of outcomes.entries()) {
        assert.equal(call.endCount, 0)
        const socket = at(pool.sockets, i)
        if (outcome !== 'refused') socket.connected()
        socket.reset(outcome === 'refused' ? refused(`10.0.0.${i + 1}`) : outcome)
      }
      assert.ok(call.error instanceof ConnectError)
      assert.match(call.error.message, shown)
      assert.equal(call.error.phase, 'tls')
      await assertEmpty(pool)
    })
  }

  test('89 the session of an attempt that loses is not stored', async () => {
    const { pool } = await dial([v4(1), v4(2)], {}, secure)
    const loser = at(pool.sockets, 0)
    loser.connected()
    loser.session(Buffer.from('of the loser'))
    await pool.backend.clock.advance(250)
    const winner = at(pool.sockets, 1)
    winner.connected()
    winner.session(Buffer.from('of the winner'))
    winner.secured()
    loser.tls?.sessions?.set(Buffer.from('late'))
    await pool.send('https://a.test')
    assert.equal(String(at(pool.sockets, 2).offeredSession), 'of the winner')
    await assertEmpty(pool)
  })

  test('the peer closes during the handshake', async () => {
    const { pool, call } = await dial([v4(1)], {}, secure)
    at(pool.sockets, 0).connected()
    at(pool.sockets, 0).receiveEnd()
    await settle()
    assert.ok(call.error instanceof ConnectError)
    assert.match(call.error.message, /TLS handshake with a\.test .* failed: .*closed/)
    await assertEmpty(pool)
  })

  test('33 a session is offered only to later connections of the same origin', async () => {
    const { pool } = await dial([v4(1)], { limits: { maxConnections: 10 } }, secure)
    const session = Buffer.from('ticket')
    const first = at(pool.sockets, 0)
    first.connected()
    first.secured()
    first.session(session)
    await pool.send('https://a.test')
    await pool.send('https://b.test')
    await pool.send('https://a.test:444')
    await pool.send('http://a.test')
    const again = at(pool.sockets, 1)
    const otherHost = at(pool.sockets, 2)
    const otherPort = at(pool.sockets, 3)
    const clear = at(pool.sockets, 4)
    assert.equal(again.offeredSession, session)
    assert.equal(otherHost.offeredSession, undefined)
    assert.equal(otherPort.offeredSession, undefined)
    assert.equal(clear.tls, null)
    assert.equal(again.tls?.options, first.tls?.options, 'more than one TLS context')
    await assertEmpty(pool)
    const other = await dial([v4(1)], {}, secure)
    assert.equal(at(other.pool.sockets, 0).offeredSession, undefined)
    await assertEmpty(other.pool)
  })

  test('a newer session replaces the older one, also from an idle connection', async () => {
    const { pool, call } = await dial([v4(1)], {}, secure)
    const first = at(pool.sockets, 0)
    first.connected()
    first.session(Buffer.from('early')) // in TLS 1.2, before the handshake ends
    first.secured()
    first.receive(OK)
    assert.equal(call.body, 'ok')
    first.session(Buffer.from('late'))
    first.receiveEnd()
    await pool.send('https://a.test')
    assert.equal(String(at(pool.sockets, 1).offeredSession), 'late')
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
      assert.equal(triedAddresses(pool)[0], new URL(origin).hostname.replace(/[[\]]/g, ''))
      const socket = at(pool.sockets, 0)
      assert.equal(socket.target.port, Number(port) || 80)
      if (!origin.startsWith('https')) {
        socket.connected()
        assert.ok(socket.written.includes(`\r\nHost: ${host}\r\n`))
      }
      await assertEmpty(pool)
    })
  }

  test('the backend resolves the host name', async () => {
    const { pool } = await dial([v4(1)], {}, { origin: 'http://a.test:8080' })
    assert.deepEqual(
      pool.backend.lookups.map(({ host }) => host),
      ['a.test'],
    )
    assert.equal(at(pool.sockets, 0).target.port, 8080)
    await assertEmpty(pool)
  })

  test('18 the error for an unknown name has host, phase and cause', async () => {
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND a.test'), { code: 'ENOTFOUND' })
    const { pool, call } = await dial(missing)
    assert.ok(call.error instanceof ConnectError)
    assert.equal(
      call.error.message,
      'Could not resolve a.test: getaddrinfo ENOTFOUND a.test (GET http://a.test/, after 0 ms)',
    )
    assert.equal(call.error.phase, 'dns')
    assert.equal(call.error.cause, missing)
    assert.equal(call.error.safeToRetry, true)
    assert.equal(call.error.bytesSent, 0)
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('a name without addresses', async () => {
    const { pool, call } = await dial([])
    assert.match(call.failure.message, /^Could not resolve a\.test: a\.test has no address/)
    await assertEmpty(pool)
  })
})

describe('a custom lookup', () => {
  type Lookup = NonNullable<PoolOptions['lookup']>
  const found: [name: string, lookup: Lookup, addresses: string[]][] = [
    ['one address', (_h, _o, done) => void setImmediate(done, null, '10.0.0.7', 4), ['10.0.0.7']],
    ['one address, synchronously', (_h, _o, done) => done(null, '10.0.0.7', 4), ['10.0.0.7']],
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
      assert.deepEqual(triedAddresses(pool), addresses)
      assert.equal(pool.backend.lookups.length, 0)
      await assertEmpty(pool)
    })
  }

  test('is called with the host and the option all', async () => {
    const asked: unknown[] = []
    const lookup: Lookup = (host, options, done) => {
      asked.push(host, options)
      done(null, '10.0.0.7', 4)
    }
    const { pool } = await dial([], { lookup }, { origin: 'https://A.test:8443' })
    assert.deepEqual(asked, ['a.test', { __proto__: null, all: true }])
    await assertEmpty(pool)
  })

  const failing: [name: string, lookup: Lookup, message: RegExp][] = [
    [
      'that throws',
      () => {
        throw new Error('thrown')
      },
      /^Could not resolve a\.test: thrown \(/,
    ],
    [
      'that throws a string',
      () => {
        throw 'a string'
      },
      /^Could not resolve a\.test: a string \(/,
    ],
    [
      'that is async and rejects',
      async () => {
        throw new Error('rejected')
      },
      /^Could not resolve a\.test: rejected \(/,
    ],
    [
      'that fails',
      (_h, _o, done) => done(new Error('failed'), ''),
      /^Could not resolve a\.test: failed \(/,
    ],
    [
      'that fails later',
      (_h, _o, done) => void setImmediate(done, new Error('failed'), ''),
      /Could not resolve a\.test: failed/,
    ],
    ['without a result', (_h, _o, done) => done(null, []), /a\.test has no address/],
    [
      'with an invalid result',
      (_h, _o, done) => done(null, undefined as never),
      /^Could not resolve a\.test: /,
    ],
    [
      'with an invalid result, later',
      (_h, _o, done) => void setImmediate(done, null, undefined as never),
      /^Could not resolve a\.test: /,
    ],
    [
      'with null in its list',
      (_h, _o, done) => done(null, [null] as never),
      /^Could not resolve a\.test: /,
    ],
    // A name would be resolved again, without a call of `onConnect`.
    [
      'with another name',
      (_h, _o, done) => done(null, 'evil.test', 4),
      /^Could not resolve a\.test: .*evil\.test/,
    ],
    ['with an empty address', (_h, _o, done) => done(null, '', 4), /^Could not resolve a\.test: /],
  ]
  for (const [name, lookup, message] of failing) {
    test(`${name} is a ConnectError`, async () => {
      const { pool, call } = await dial([], { lookup })
      await settle()
      assert.ok(call.error instanceof ConnectError)
      assert.match(call.error.message, message)
      assert.equal(call.error.phase, 'dns')
      assert.equal(pool.sockets.length, 0)
      await assertEmpty(pool)
    })
  }

  test('its first result counts', async () => {
    const answers: Parameters<Lookup>[2][] = []
    const { pool, call } = await dial([], { lookup: (_h, _o, done) => void answers.push(done) })
    at(answers, 0)(null, '10.0.0.1', 4)
    at(answers, 0)(null, '10.0.0.2', 4)
    at(answers, 0)(new Error('again'), '')
    await pool.backend.clock.advance(1000)
    assert.deepEqual(triedAddresses(pool), ['10.0.0.1'])
    assert.equal(call.endCount, 0)
    await assertEmpty(pool)
  })

  test('its result after the deadline is ignored', async () => {
    const answers: Parameters<Lookup>[2][] = []
    const { pool, call } = await dial(
      [],
      { lookup: (_h, _o, done) => void answers.push(done) },
      { timeouts: { connect: 100 } },
    )
    await pool.backend.clock.advance(100)
    assert.ok(call.error instanceof ConnectTimeout)
    at(answers, 0)(null, '10.0.0.1', 4)
    await settle()
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })
})

describe('onConnect', () => {
  test('is called with each address before a connection is opened', async () => {
    const seen: object[] = []
    const { pool } = await dial(
      [v6(1), v4(1)],
      { onConnect: (facts) => void seen.push({ ...facts }) },
      { origin: 'https://a.test:444' },
    )
    await pool.backend.clock.advance(250)
    assert.deepEqual(seen, [
      { address: 'fd00::1', family: 6, port: 444, host: 'a.test', through: 'direct' },
      { address: '10.0.0.1', family: 4, port: 444, host: 'a.test', through: 'direct' },
    ])
    await assertEmpty(pool)
  })

  test('is called with literal addresses, too', async () => {
    const seen: object[] = []
    const options: PoolOptions = { onConnect: (facts) => void seen.push({ ...facts }) }
    const { pool } = await dial([], options, { origin: 'http://[::1]:81' })
    const facts = { address: '::1', family: 6, port: 81, host: '::1', through: 'direct' }
    assert.deepEqual(seen, [facts])
    await assertEmpty(pool)
  })

  const forms: [given: string, normal: string][] = [
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', '169.254.169.254'],
    ['::ffff:127.0.0.1%lo', '127.0.0.1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::127.0.0.1', '::7f00:1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['fe80:0::1%eth0', 'fe80::1%eth0'],
  ]
  for (const [given, normal] of forms) {
    test(`52 is called with ${normal} for ${given}, and the connection is opened to it`, async () => {
      const seen: string[] = []
      const { pool } = await dial([], {
        lookup: (_host, _options, done) => done(null, given, 4),
        onConnect: ({ address, family }) => void seen.push(`${address} ${family}`),
      })
      await settle()
      assert.deepEqual(seen, [`${normal} ${normal.includes(':') ? 6 : 4}`])
      assert.deepEqual(triedAddresses(pool), [normal])
      await assertEmpty(pool)
    })
  }

  test('52 is called with IPv4 for a URL with an IPv4 address in an IPv6 address', async () => {
    const seen: string[] = []
    const onConnect: PoolOptions['onConnect'] = ({ address }) => void seen.push(address)
    const { pool } = await dial([], { onConnect }, { origin: 'http://[::ffff:127.0.0.1]' })
    assert.deepEqual(seen, ['127.0.0.1'])
    assert.deepEqual(triedAddresses(pool), ['127.0.0.1'])
    await assertEmpty(pool)
  })

  for (const address of [
    '0177.0.0.1',
    '127.0.1.000000',
    '010.0.0.1',
    '0x7f.0.0.1',
    '127.1',
    '2130706433',
    '127.0.0.1 ',
    '127.0.0.1%lo',
    '[::1]',
    '::1%',
    '::1%a%b',
    '::1%a b',
    '::ffff:127.0.0.01',
    'localhost',
  ]) {
    test(`52 is not called with ${JSON.stringify(address)}, which is refused`, async () => {
      const options: PoolOptions = { onConnect: () => assert.fail() }
      const bySystem = await dial([{ address, family: 4 }], options)
      const byCaller = await dial([], {
        ...options,
        lookup: (_host, _options, done) => done(null, [{ address, family: 4 }]),
      })
      for (const { pool, call } of [bySystem, byCaller]) {
        await settle()
        assert.ok(call.error instanceof ConnectError)
        assert.match(call.error.message, /which is not an IP address/)
        assert.equal(pool.sockets.length, 0)
        await assertEmpty(pool)
      }
    })
  }

  describe('52 that is asynchronous', () => {
    /** Answers in the order of the test. */
    const deferred = () => {
      const answers: { resolve: () => void; reject: (reason: unknown) => void }[] = []
      const onConnect = () =>
        new Promise<void>((resolve, reject) => void answers.push({ resolve, reject }))
      return { answers, onConnect }
    }

    test('is awaited before a connection is opened', async () => {
      const { answers, onConnect } = deferred()
      const { pool, call } = await dial([v4(1)], { onConnect })
      await settle()
      assert.equal(pool.sockets.length, 0)
      at(answers, 0).resolve()
      await settle()
      assert.deepEqual(triedAddresses(pool), ['10.0.0.1'])
      at(pool.sockets, 0).connected()
      at(pool.sockets, 0).receive(OK)
      assert.equal(call.body, 'ok')
      await assertEmpty(pool)
    })

    test('refuses with a rejection, and the next address is tried', async () => {
      const { answers, onConnect } = deferred()
      const { pool, call } = await dial([v4(1), v4(2), v4(3)], { onConnect })
      at(answers, 0).reject(new Error('private'))
      await settle()
      at(answers, 1).resolve()
      await settle()
      assert.deepEqual(triedAddresses(pool), ['10.0.0.2'])
      at(pool.sockets, 0).reset(refused('10.0.0.2'))
      await settle()
      at(answers, 2).reject(undefined)
      await settle()
      assert.match(call.failure.message, /^Could not connect to a\.test \(10\.0\.0\.1\): private/)
      await assertEmpty(pool)
    })

    test('delays the next address by at most 250 ms', async () => {
      const { answers, onConnect } = deferred()
      const { pool } = await dial([v4(1), v4(2)], { onConnect })
      await pool.backend.clock.advance(250)
      assert.equal(answers.length, 2)
      at(answers, 1).resolve()
      await settle()
      at(pool.sockets, 0).connected()
      at(answers, 0).resolve()
      await settle()
      assert.deepEqual(triedAddresses(pool), ['10.0.0.2'])
      await assertEmpty(pool)
    })

    test('has the connect timeout to answer', async () => {
      const { answers, onConnect } = deferred()
      const { pool, call } = await dial([v4(1)], { onConnect }, { timeouts: { connect: 100 } })
      await pool.backend.clock.advance(100)
      assert.ok(call.error instanceof ConnectTimeout)
      at(answers, 0).resolve()
      await settle()
      assert.equal(pool.sockets.length, 0)
      await assertEmpty(pool)
    })

    test('does not open a connection for a request that was aborted meanwhile', async () => {
      const { answers, onConnect } = deferred()
      const { pool, call } = await dial([v4(1)], { onConnect })
      call.control!.abort()
      at(answers, 0).resolve()
      await settle()
      assert.equal(pool.sockets.length, 0)
      await assertEmpty(pool)
    })

    const thenables: [name: string, then: PromiseLike<never>['then']][] = [
      ['rejects', (_resolve, reject) => Promise.resolve().then(reject as () => never)],
      [
        'throws',
        () => {
          throw new Error('not today')
        },
      ],
    ]
    for (const [name, then] of thenables) {
      test(`refuses with a thenable that ${name}`, async () => {
        const { pool, call } = await dial([v4(1)], { onConnect: () => ({ then }) })
        await settle()
        assert.ok(call.error instanceof ConnectError)
        assert.equal(pool.sockets.length, 0)
        await assertEmpty(pool)
      })
    }
  })

  test('refuses one address: the next is tried', async () => {
    const { pool } = await dial([v4(1), v4(2)], {
      onConnect: ({ address }) => {
        if (address === '10.0.0.1') throw new Error('private')
      },
    })
    assert.deepEqual(triedAddresses(pool), ['10.0.0.2'])
    await assertEmpty(pool)
  })

  for (const thrown of [new Error('private address'), 'private address']) {
    test(`refuses all by throwing a value of type ${typeof thrown}, the cause of a ConnectError`, async () => {
      const { pool, call } = await dial([v4(1), v4(2)], {
        onConnect: () => {
          throw thrown
        },
      })
      assert.ok(call.error instanceof ConnectError)
      assert.match(
        call.error.message,
        /^Could not connect to a\.test \(10\.0\.0\.1\): private address/,
      )
      assert.equal(call.error.cause, thrown)
      assert.equal(pool.sockets.length, 0)
      await assertEmpty(pool)
    })
  }

  test('may close the pool', async () => {
    const backend = new ScriptedBackend()
    const pool: ScriptedPool = new ScriptedPool({ onConnect: () => void pool.close() }, backend)
    const call = await pool.send(A)
    assert.equal(call.failure.name, 'ClientClosed')
    assert.deepEqual(pool.open, [])
    await assertEmpty(pool)
  })
})

describe('a unix socket', () => {
  test('33 is used for all origins, and the names for Host and TLS do not change', async () => {
    const { pool } = await dial([], { uds: '/run/x.sock' }, { origin: 'http://docker:99' })
    const { socket } = pool.backend
    assert.equal(socket.target.path, '/run/x.sock')
    assert.equal(socket.target.address, undefined)
    assert.equal(socket.target.tls, null)
    socket.connected()
    assert.ok(socket.written.includes('\r\nHost: docker:99\r\n'))
    await pool.send('https://a.test')
    assert.equal(pool.backend.socket.target.path, '/run/x.sock')
    assert.equal(pool.backend.socket.tls?.host, 'a.test')
    assert.equal(pool.backend.lookups.length, 0)
    await assertEmpty(pool)
  })

  test('18 that fails has its path in the message', async () => {
    const { pool, call } = await dial([], { uds: '/run/x.sock' })
    at(pool.sockets, 0).reset(new Error('connect ENOENT /run/x.sock'))
    assert.equal(
      call.failure.message,
      'Could not connect to a.test (/run/x.sock): connect ENOENT /run/x.sock (GET http://a.test/, after 0 ms)',
    )
    await assertEmpty(pool)
  })
})

test('localAddress is passed to the backend', async () => {
  const { pool } = await dial([v4(1)], { localAddress: '127.0.0.9' })
  assert.equal(at(pool.sockets, 0).target.localAddress, '127.0.0.9')
  await assertEmpty(pool)
})

describe('6, 8, 18 ConnectTimeout', () => {
  const timeouts = { connect: 400 }

  test('covers name, addresses and TLS together, and has the phase', async () => {
    const { pool, call } = await dial([v4(1), v4(2)], {}, { timeouts, origin: 'https://a.test' })
    await pool.backend.clock.advance(300)
    at(pool.sockets, 1).connected()
    await pool.backend.clock.advance(99)
    assert.equal(call.endCount, 0)
    await pool.backend.clock.advance(1)
    assert.ok(call.error instanceof ConnectTimeout)
    assert.equal(
      call.error.message,
      'Could not connect to a.test within 400 ms: timed out in phase tls (GET https://a.test/, after 400 ms)',
    )
    assert.equal(call.error.phase, 'tls')
    assert.equal(call.error.safeToRetry, true)
    assert.deepEqual(pool.open, [])
    await assertEmpty(pool)
  })

  test('in phase dns', async () => {
    const backend = new ScriptedBackend()
    backend.autoLookup = false
    const pool = new ScriptedPool({}, backend)
    const call = await pool.send(A, '/', { timeouts })
    await backend.clock.advance(400)
    assert.equal(
      call.failure.message,
      'Could not connect to a.test within 400 ms: timed out in phase dns (GET http://a.test/, after 400 ms)',
    )
    at(backend.lookups, 0).answer([v4(1)])
    await settle()
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('in phase tcp, with many addresses', async () => {
    const addresses = Array.from({ length: 20 }, (_, i) => v4(i))
    const { pool, call } = await dial(addresses, {}, { timeouts })
    await pool.backend.clock.advance(400)
    assert.match(call.failure.message, /phase tcp/)
    assert.equal(pool.sockets.length, 4)
    assert.deepEqual(pool.open, [])
    await pool.backend.clock.advance(10_000)
    assert.equal(pool.sockets.length, 4)
    await assertEmpty(pool)
  })

  test('is extended by the time for which the loop was blocked', async () => {
    const { pool, call } = await dial([v4(1)], {}, { timeouts })
    const { clock } = pool.backend
    await clock.stall(3000) // 2,600 ms late, so it is extended by 2,600 ms
    assert.equal(call.endCount, 0)
    await clock.advance(2599)
    assert.equal(call.endCount, 0)
    at(pool.sockets, 0).connected()
    at(pool.sockets, 0).receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('is extended only once', async () => {
    const { pool, call } = await dial([v4(1)], {}, { timeouts })
    const { clock } = pool.backend
    await clock.stall(500)
    await clock.stall(500)
    await clock.flush()
    assert.ok(call.error instanceof ConnectTimeout)
    await assertEmpty(pool)
  })

  test('null: no timeout', async () => {
    const { pool, call } = await dial([v4(1)], {}, { timeouts: { connect: null } })
    await pool.backend.clock.advance(86_400_000)
    assert.equal(call.endCount, 0)
    await assertEmpty(pool)
  })
})

describe('1 abort', () => {
  const phases: [phase: string, reach: (pool: ScriptedPool) => Promise<void>][] = [
    ['dispatched', async () => {}],
    ['dns', () => settle()],
    [
      'tcp',
      async (pool) => {
        await settle()
        at(pool.backend.lookups, 0).answer([v4(1), v4(2)])
      },
    ],
    [
      'two attempts',
      async (pool) => {
        await settle()
        at(pool.backend.lookups, 0).answer([v4(1), v4(2)])
        await pool.backend.clock.advance(250)
      },
    ],
    [
      'tls',
      async (pool) => {
        await settle()
        at(pool.backend.lookups, 0).answer([v4(1)])
        at(pool.sockets, 0).connected()
      },
    ],
    [
      'wait',
      async (pool) => {
        await settle()
        at(pool.backend.lookups, 0).answer([v4(1)])
        at(pool.sockets, 0).connected()
        at(pool.sockets, 0).secured()
      },
    ],
  ]
  for (const [phase, reach] of phases) {
    test(`${phase}: the pool has room again, and the next request works`, async () => {
      const backend = new ScriptedBackend()
      backend.autoLookup = backend.autoConnect = false
      const pool = new ScriptedPool({ limits: { maxConnections: 1 } }, backend)
      const call = pool.start('https://a.test', '/', { timeouts: 5000 })
      const waiting = pool.start('https://b.test', '/waiting')
      await reach(pool)
      backend.autoLookup = backend.autoConnect = true
      call.control?.abort(new Error('enough'))
      assert.equal(call.endCount, 0, 'the handler was called inside abort')
      assert.equal(pool.counts(), '0 connecting, 0 active, 0 idle, 1 waiting')
      await backend.clock.flush()
      assert.equal(call.failure.message, 'enough')
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

describe('no handler is called inside dispatch', () => {
  // `RecordedCall` checks it.
  test('when lookup fails synchronously', async () => {
    const pool = new ScriptedPool({
      lookup: (_h, _o, done) => done(new Error('at once'), ''),
    })
    const call = pool.start(A)
    assert.equal(call.endCount, 0)
    await settle()
    assert.equal(call.endCount, 1)
    await assertEmpty(pool)
  })

  test('when onConnect refuses a literal address', async () => {
    const pool = new ScriptedPool({
      onConnect: () => {
        throw new Error('no')
      },
    })
    const call = pool.start('http://127.0.0.1')
    assert.equal(call.endCount, 0)
    await settle()
    assert.equal(call.endCount, 1)
    await assertEmpty(pool)
  })
})
