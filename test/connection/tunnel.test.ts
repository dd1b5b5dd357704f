import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Address } from '../../src/backends/backend.ts'
import type { ConnectFacts, DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { HTTPProxy } from '../../src/engine.ts'
import { ConnectError, ConnectTimeout, ProxyError, RemoteProtocolError } from '../../src/errors.ts'
import type { RecordedCall } from '../pool/scripted-pool.ts'
import { assertEmpty, OK, ScriptedPool, settle } from '../pool/scripted-pool.ts'
import { at } from '../support/at.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'

const HTTPS = 'https://a.test'
const HTTP = 'http://a.test'
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\nX-Via: p\r\n\r\n'
const SOCKS_METHOD = '\x05\x00'
const SOCKS_REPLY = '\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00'
const TIMEOUT = 5000

const proxies = {
  http: 'http://proxy.test:3128',
  https: 'https://proxy.test:3128',
  socks5h: 'socks5h://proxy.test:1080',
}
type Kind = keyof typeof proxies

const tunnelOnly = (kind: Kind) => new HTTPProxy(proxies[kind], { mode: 'TUNNEL_ONLY' })

async function send(
  origin: string,
  options: PoolOptions,
  request: Partial<DispatchRequest> = {},
): Promise<{ pool: ScriptedPool; call: RecordedCall }> {
  const pool = new ScriptedPool({ timeouts: { connect: TIMEOUT }, ...options })
  const call = await pool.send(origin, '/', request)
  return { pool, call }
}

/** Checks that the pool, which permits one connection, can serve another request. */
async function assertNextWorks(pool: ScriptedPool, origin: string, kind: Kind): Promise<void> {
  assert.equal(pool.counts(), '0 connecting, 0 active, 0 idle, 0 waiting')
  pool.assertQuiescent()
  assert.deepEqual(pool.open, [])
  const { backend } = pool
  backend.autoConnect = backend.autoLookup = true
  const call = await pool.send(origin, '/next')
  await openTunnel(pool, kind)
  pool.socketOf('/next').receive(OK)
  assert.equal(call.body, 'ok', inspect(call.error))
  await assertEmpty(pool)
  assert.equal(backend.clock.armedTimers, 0)
}

async function openTunnel(pool: ScriptedPool, kind: Kind): Promise<void> {
  const { socket } = pool.backend
  if (kind === 'socks5h') {
    socket.receive(SOCKS_METHOD)
    await settle()
    socket.receive(SOCKS_REPLY)
  } else {
    socket.receive(ESTABLISHED)
  }
  await settle()
}

const oneConnection = { limits: { maxConnections: 1 } }

describe('9, R2, S14 CONNECT', () => {
  test('has the port in target and Host, and the fields for the proxy', async () => {
    const cases: [origin: string, authority: string][] = [
      ['https://a.test', 'a.test:443'],
      ['https://a.test:8443', 'a.test:8443'],
      ['https://[::1]', '[::1]:443'],
      ['https://10.0.0.1:1', '10.0.0.1:1'],
    ]
    for (const [origin, authority] of cases) {
      const proxy = new HTTPProxy('http://me:secret@proxy.test:3128', {
        headers: { 'X-Who': 'us' },
      })
      const { pool } = await send(origin, { proxy }, { headers: ['x-origin', 'only'] })
      assert.equal(
        at(pool.sockets, 0).written,
        `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nX-Who: us\r\n` +
          'Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n',
      )
      await assertEmpty(pool)
    }
  })

  for (const answer of [
    ESTABLISHED,
    'HTTP/1.1 200\r\n\r\n',
    'HTTP/1.0 200 OK\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 299 Fine\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  ]) {
    for (const origin of [HTTP, HTTPS]) {
      test(`${JSON.stringify(answer)} opens ${origin}, also byte by byte`, async () => {
        for (const size of [1, answer.length]) {
          const { pool, call } = await send(origin, { proxy: tunnelOnly('http') })
          const first = at(pool.sockets, 0)
          await first.receivePieces(answer, size)
          const last = pool.backend.socket
          assert.equal(last === first, origin === HTTP)
          assert.equal(last.tls?.host, origin === HTTP ? undefined : 'a.test')
          assert.ok(last.written.endsWith('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'))
          last.receive(OK)
          assert.equal(call.body, 'ok')
          assert.equal(pool.counts(), '0 connecting, 0 active, 1 idle, 0 waiting')
          await assertEmpty(pool)
        }
      })
    }
  }

  test('bytes after the head come from the origin, and are passed to TLS', async () => {
    const { pool } = await send(HTTPS, { proxy: proxies.http })
    at(pool.sockets, 0).receive(`${ESTABLISHED}early`)
    assert.equal(Buffer.from(at(pool.sockets, 1).firstBytes!).latin1Slice(), 'early')
    await assertEmpty(pool)
  })

  test('too many 1xx responses, or an endless head, are a ProxyError', async () => {
    for (const flood of ['HTTP/1.1 100 Continue\r\n\r\n', `X: ${'y'.repeat(1000)}\r\n`]) {
      const { pool, call } = await send(HTTPS, { proxy: proxies.http, ...oneConnection })
      const socket = at(pool.sockets, 0)
      if (flood.startsWith('X')) socket.receive('HTTP/1.1 200 OK\r\n')
      for (let i = 0; i < 200 && !socket.destroyed; i++) {
        socket.receive(flood)
        await settle()
      }
      assert.ok(call.error instanceof ProxyError)
      assert.ok(call.error.cause instanceof RemoteProtocolError)
      await assertNextWorks(pool, HTTPS, 'http')
    }
  })
})

describe('9 a refusal', () => {
  const REFUSAL = 'HTTP/1.1 403 Not\x80 you\r\nContent-Length: 2000\r\n\r\n'

  test('57 has at most 200 characters of its body in the message, without control characters', async () => {
    const { pool, call } = await send(HTTPS, { proxy: proxies.http })
    const text = `a\x00\x1b[2J\r\n\tb\u202e${'é'.repeat(1000)}`
    at(pool.sockets, 0).receive(REFUSAL)
    at(pool.sockets, 0).receive(Buffer.from(text))
    await settle()
    const { message } = call.failure
    const explanation = /: 403 Not you: (a \[2J b é+)… \(GET /.exec(message)?.[1]
    assert.equal(explanation?.length, 200, message)
    assert.equal((call.error as ProxyError).reason, 'Not\x80 you')
    await assertEmpty(pool)
  })

  test('is reported after 250 ms if its body is not complete', async () => {
    const { pool, call } = await send(HTTPS, { proxy: proxies.http, ...oneConnection })
    at(pool.sockets, 0).receive(REFUSAL)
    await pool.backend.clock.advance(200)
    at(pool.sockets, 0).receive('since')
    await pool.backend.clock.advance(49)
    assert.equal(call.endCount, 0)
    await pool.backend.clock.advance(1)
    assert.match(call.failure.message, /: 403 Not you: since \(/)
    await assertNextWorks(pool, HTTPS, 'http')
  })

  test('is reported at the connect timeout at the latest', async () => {
    const { pool, call } = await send(HTTPS, { proxy: proxies.http })
    await pool.backend.clock.advance(TIMEOUT - 10)
    at(pool.sockets, 0).receive(REFUSAL)
    await pool.backend.clock.advance(10)
    assert.ok(call.error instanceof ProxyError)
    assert.equal(call.error.status, 403)
    await assertEmpty(pool)
  })

  test('that arrives after the connect timeout was extended is reported at once', async () => {
    const { pool, call } = await send(HTTPS, { proxy: proxies.http })
    const { clock } = pool.backend
    await clock.stall(TIMEOUT + 500) // 500 ms late, so it is extended by 500 ms
    await clock.stall(600)
    at(pool.sockets, 0).receive(REFUSAL)
    await clock.advance(0)
    assert.match(call.failure.message, /: 403 Not you/)
    await assertEmpty(pool)
  })

  test('with a content coding is reported without its body', async () => {
    const { pool, call } = await send(HTTPS, { proxy: proxies.http })
    at(pool.sockets, 0).receive(
      'HTTP/1.1 403 No\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc',
    )
    assert.match(call.failure.message, /: 403 No \(/)
    await assertEmpty(pool)
  })
})

/** The messages of a proxy until the tunnel is open. */
const proxyMessages: Record<Kind, string[]> = {
  http: [ESTABLISHED],
  https: [ESTABLISHED],
  socks5h: [SOCKS_METHOD, SOCKS_REPLY],
}

for (const kind of Object.keys(proxies) as Kind[]) {
  const messages = proxyMessages[kind].join('')

  /** Sends a request. The proxy has sent the first `count` bytes of its messages. */
  const sendAndReceive = async (
    count: number,
    origin: string,
    request: Partial<DispatchRequest> = {},
  ) => {
    const sent = await send(origin, { proxy: tunnelOnly(kind), ...oneConnection }, request)
    await at(sent.pool.sockets, 0).receivePieces(messages.slice(0, count))
    return sent
  }

  test(`41 ${kind}: bytes that arrive with the reply of the proxy are not the response`, async () => {
    for (const bytes of ['H', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL']) {
      const { pool, call } = await sendAndReceive(messages.length - 1, HTTP)
      at(pool.sockets, 0).receive(messages.slice(-1) + bytes)
      await settle()
      assert.ok(call.error instanceof ProxyError)
      assert.match(call.error.message, /sent data for a\.test before the request was sent/)
      assert.equal(call.error.safeToRetry, true)
      assert.equal(pool.wasSent('/'), false)
      await assertNextWorks(pool, HTTP, kind)
    }
  })

  describe(`9, A6 opening a tunnel: ${kind}`, () => {
    test('with reads split at every byte', async () => {
      for (let count = 1; count < messages.length; count++) {
        const { pool, call } = await send(HTTPS, { proxy: tunnelOnly(kind), ...oneConnection })
        const socket = at(pool.sockets, 0)
        const turn = at(proxyMessages[kind], 0).length
        const cuts = [...new Set([count, ...(kind === 'socks5h' ? [turn] : [])])].sort(
          (a, b) => a - b,
        )
        for (const [i, cut] of [...cuts, messages.length].entries()) {
          socket.receive(messages.slice(i === 0 ? 0 : cuts[i - 1], cut))
          await settle()
        }
        pool.backend.socket.receive(OK)
        assert.equal(call.body, 'ok', `at ${count}`)
        await assertEmpty(pool)
      }
    })

    for (const end of ['receiveEnd', 'reset'] as const) {
      test(`closed at every byte: ${end}`, async () => {
        for (let count = 0; count < messages.length; count++) {
          const { pool, call } = await sendAndReceive(count, HTTPS)
          at(pool.sockets, 0)[end]()
          await settle()
          const { error } = call
          assert.ok(error instanceof ProxyError, `at ${count}: ${inspect(error)}`)
          assert.equal(error.phase, 'proxy')
          assert.equal(error.safeToRetry, true)
          assert.equal(error.bytesSent, 0)
          assert.equal(error.status, null)
          assert.match(
            error.message,
            /closed the connection before a tunnel to a\.test:443 was open/,
          )
          assert.deepEqual(pool.closed, [`${HTTPS} dial-failed`])
          await assertNextWorks(pool, HTTPS, kind)
        }
      })
    }

    test('stalled at every byte: a ConnectTimeout, which covers all steps', async () => {
      for (let count = 0; count < messages.length; count++) {
        const { pool, call } = await send(HTTPS, { proxy: tunnelOnly(kind), ...oneConnection })
        for (const byte of messages.slice(0, count)) {
          await pool.backend.clock.advance(10)
          at(pool.sockets, 0).receive(byte)
        }
        await pool.backend.clock.advance(TIMEOUT - 10 * count - 1)
        assert.equal(call.endCount, 0, `at ${count}`)
        await pool.backend.clock.advance(1)
        assert.ok(call.error instanceof ConnectTimeout, `at ${count}`)
        assert.equal(call.error.phase, 'proxy')
        assert.equal(call.error.safeToRetry, true)
        await assertNextWorks(pool, HTTPS, kind)
      }
    })

    test('aborted at every byte', async () => {
      for (const origin of [HTTP, HTTPS]) {
        for (let count = 0; count <= messages.length; count++) {
          const { pool, call } = await sendAndReceive(count, origin)
          call.control?.abort(new Error('enough'))
          await settle()
          assert.equal(call.failure.message, 'enough', `at ${count}`)
          assert.ok(pool.sockets.every(({ destroyed, closed }) => destroyed || closed))
          await assertNextWorks(pool, origin, kind)
        }
      }
    })

    test('the TLS handshake with the origin: closed, stalled, aborted', async () => {
      const ends: [act: (pool: ScriptedPool, call: RecordedCall) => unknown, check: RegExp][] = [
        [
          (pool) => pool.backend.socket.reset(new Error('cut')),
          /^ConnectError: TLS handshake with a\.test thr.*: cut /,
        ],
        [
          (pool) => pool.backend.socket.receiveEnd(),
          /^ConnectError: TLS handshake with .*: the peer closed/,
        ],
        [
          (pool) => pool.backend.clock.advance(TIMEOUT),
          /^ConnectTimeout: Could not connect .*: timed out in phase tls /,
        ],
        [(_, call) => call.control?.abort(new Error('enough')), /^Error: enough/],
      ]
      for (const [act, check] of ends) {
        const { pool, call } = await send(HTTPS, { proxy: tunnelOnly(kind), ...oneConnection })
        pool.backend.autoConnect = false
        await at(pool.sockets, 0).receivePieces(messages)
        assert.equal(pool.sockets.length, 2)
        assert.equal(at(pool.sockets, 1).tunnel, pool.sockets[0])
        await act(pool, call)
        await settle()
        assert.match(String(call.error), check)
        if (call.error instanceof ConnectError) assert.equal(call.error.phase, 'tls')
        assert.ok(pool.sockets.every(({ destroyed, closed }) => destroyed || closed))
        await assertNextWorks(pool, HTTPS, kind)
      }
    })

    test('connecting to the proxy: every step aborted and timed out', async () => {
      const steps: [phase: string, prepare: (backend: ScriptedBackend) => void][] = [
        ['dns', (backend) => void (backend.autoLookup = false)],
        ['tcp', (backend) => void (backend.autoConnect = false)],
      ]
      for (const [phase, prepare] of steps) {
        for (const ending of ['abort', 'timeout']) {
          const backend = new ScriptedBackend()
          prepare(backend)
          const pool = new ScriptedPool(
            { proxy: tunnelOnly(kind), timeouts: { connect: TIMEOUT }, ...oneConnection },
            backend,
          )
          const call = await pool.send(HTTPS)
          assert.deepEqual(
            backend.lookups.map(({ host }) => host),
            ['proxy.test'],
          )
          if (ending === 'abort') call.control?.abort(new Error('enough'))
          else await backend.clock.advance(TIMEOUT)
          await settle()
          if (ending === 'timeout') {
            assert.ok(call.error instanceof ConnectTimeout)
            assert.equal(call.error.phase, phase)
            assert.match(
              call.error.message,
              /^Could not connect to a\.test through the proxy \w+:\/\/proxy\.test:\d+ within 5000 ms: timed out in phase /,
            )
          }
          await assertNextWorks(pool, HTTPS, kind)
        }
      }
    })
  })
}

describe('A6 names and addresses', () => {
  const v4 = (n: number): Address => ({ address: `10.0.0.${n}`, family: 4 })

  test('52 socks5: onConnect is called with the addresses of the origin, and may refuse them', async () => {
    for (const [refused, isAsync] of [
      [['10.0.0.1'], false],
      [['10.0.0.1'], true],
      [['10.0.0.1', '10.0.0.2'], false],
      [['10.0.0.1', '10.0.0.2'], true],
    ] as const) {
      const seen: string[] = []
      const backend = new ScriptedBackend()
      const { hostname } = new URL(HTTPS)
      backend.hosts.set(hostname, [v4(1), v4(2)])
      backend.hosts.set('proxy.test', [v4(3)])
      const onConnect = ({ host, address, through }: ConnectFacts) => {
        seen.push(`${host} ${address} ${through}`)
        const fault = refused.some((each) => each === address) ? new Error('not there') : null
        if (isAsync) return fault === null ? Promise.resolve() : Promise.reject(fault)
        if (fault !== null) throw fault
      }
      const pool = new ScriptedPool({ proxy: 'socks5://proxy.test:1080', onConnect }, backend)
      const recorder = await pool.send(HTTPS)
      await settle()
      const targets = [`${hostname} 10.0.0.1 direct`, `${hostname} 10.0.0.2 direct`]
      if (refused.length === 1) {
        assert.deepEqual(seen, [...targets, 'proxy.test 10.0.0.3 proxy'])
      } else {
        assert.deepEqual(seen, targets)
        assert.match(String(recorder.error), /ConnectError: .*\(10\.0\.0\.1\).*: not there/)
      }
      await assertEmpty(pool)
    }
  })

  test('only the name of the proxy is resolved, and onConnect is called with its addresses', async () => {
    for (const proxy of [proxies.http, proxies.https, proxies.socks5h]) {
      const seen: ConnectFacts[] = []
      const backend = new ScriptedBackend()
      backend.autoConnect = false
      backend.hosts.set('proxy.test', [v4(1), v4(2)])
      const pool = new ScriptedPool({ proxy, onConnect: (facts) => void seen.push(facts) }, backend)
      await pool.send(HTTPS)
      await backend.clock.advance(250)
      assert.deepEqual(
        backend.lookups.map(({ host }) => host),
        ['proxy.test'],
      )
      assert.deepEqual(
        pool.sockets.map(({ target }) => target.address),
        ['10.0.0.1', '10.0.0.2'],
      )
      const { port } = at(pool.sockets, 0).target
      assert.deepEqual(seen, [
        { ...v4(1), port, host: 'proxy.test', through: 'proxy' },
        { ...v4(2), port, host: 'proxy.test', through: 'proxy' },
      ])
      await assertEmpty(pool)
    }
  })

  test('socks5: the name of the origin is resolved, with a custom lookup if there is one', async () => {
    for (const isCustom of [false, true]) {
      const backend = new ScriptedBackend()
      backend.hosts.set('a.test', [v4(7)])
      const asked: string[] = []
      const lookup: PoolOptions['lookup'] = (host, _options, done) => {
        asked.push(host)
        done(null, host === 'a.test' ? '10.0.0.7' : '10.0.0.1', 4)
      }
      const pool = new ScriptedPool(
        { proxy: 'socks5://proxy.test', ...(isCustom ? { lookup } : {}) },
        backend,
      )
      await pool.send('http://a.test:8080')
      at(pool.sockets, 0).receive(SOCKS_METHOD)
      assert.equal(
        at(pool.sockets, 0).written,
        '\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x07\x1f\x90',
      )
      assert.deepEqual(isCustom ? asked : backend.lookups.map(({ host }) => host), [
        'a.test',
        'proxy.test',
      ])
      await assertEmpty(pool)
    }
  })

  test('socks5: an unknown origin is not a ProxyError', async () => {
    const backend = new ScriptedBackend()
    backend.hosts.set('a.test', new Error('getaddrinfo ENOTFOUND a.test'))
    const pool = new ScriptedPool({ proxy: 'socks5://proxy.test', ...oneConnection }, backend)
    const call = await pool.send(HTTPS)
    assert.ok(call.error instanceof ConnectError)
    assert.equal(call.error.phase, 'dns')
    assert.match(call.error.message, /^Could not resolve a\.test through the proxy socks5:\S+: /)
    assert.equal(pool.sockets.length, 0)
    await assertEmpty(pool)
  })

  test('socks5h: the proxy gets the name or the address of the origin', async () => {
    const cases: [origin: string, bytes: string][] = [
      ['http://a.test', '\x03\x06a.test\x00\x50'],
      ['http://1.2.3.4', '\x01\x01\x02\x03\x04\x00\x50'],
      ['https://[::1]', `\x04${'\x00'.repeat(15)}\x01\x01\xbb`],
    ]
    for (const [origin, bytes] of cases) {
      const { pool } = await send(origin, { proxy: proxies.socks5h })
      at(pool.sockets, 0).receive(SOCKS_METHOD)
      assert.equal(at(pool.sockets, 0).written, `\x05\x01\x00\x05\x01\x00${bytes}`)
      await assertEmpty(pool)
    }
  })
})

describe('33 TLS', () => {
  test('proxy and origin have separate hosts, settings and sessions', async () => {
    const ours = { ca: 'ours' }
    const theirs = { rejectUnauthorized: false }
    const proxy = new HTTPProxy(proxies.https, { verify: theirs })
    const { pool } = await send(HTTPS, { proxy, tls: ours })
    const connect = async (index: number) => {
      at(pool.sockets, index).receive(ESTABLISHED)
      await settle()
    }
    await connect(0)
    at(pool.sockets, 1).session(Buffer.from('origin'))
    await pool.send(HTTPS)
    assert.equal(at(pool.sockets, 2).offeredSession, undefined)
    at(pool.sockets, 2).session(Buffer.from('proxy'))
    await connect(2)
    await pool.send(HTTPS)
    await connect(4)
    await pool.send('https://b.test')
    await connect(6)
    const call = pool.sockets.map(({ tls, offeredSession }) => [
      tls?.host,
      tls?.options === ours ? 'ours' : 'theirs',
      offeredSession === undefined ? null : String(offeredSession),
    ])
    assert.deepEqual(call, [
      ['proxy.test', 'theirs', null],
      ['a.test', 'ours', null],
      ['proxy.test', 'theirs', null],
      ['a.test', 'ours', 'origin'],
      ['proxy.test', 'theirs', 'proxy'],
      ['a.test', 'ours', 'origin'],
      ['proxy.test', 'theirs', 'proxy'],
      ['b.test', 'ours', null],
    ])
    await assertEmpty(pool)
  })

  test('a session of the proxy that arrives after its response belongs to the proxy', async () => {
    const { pool } = await send(HTTP, { proxy: tunnelOnly('https') })
    at(pool.sockets, 0).receive(ESTABLISHED)
    await settle()
    at(pool.sockets, 0).session(Buffer.from('late'))
    await pool.send(HTTPS)
    assert.equal(String(at(pool.sockets, 1).offeredSession), 'late')
    at(pool.sockets, 1).receive(ESTABLISHED)
    await settle()
    assert.equal(at(pool.sockets, 2).offeredSession, undefined)
    await assertEmpty(pool)
  })
})
