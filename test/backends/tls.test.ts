import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { ConnectionOptions, PeerCertificate, TLSSocket, TlsOptions } from 'node:tls'
import { checkServerIdentity, createServer } from 'node:tls'
import type {
  Backend,
  ConnectTarget,
  TlsSessionStore,
  TlsTarget,
} from '../../src/backends/backend.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { Recorder } from './recorder.ts'
import { socketBackends } from './socket-backends.ts'

const ca = certificateAuthority()
const trusted = { ca: ca.cert }

/** Node 22.23 accepts no IPv6 address in a certificate; 20, 24 and 26 do. */
const nodeRefusesIpv6 =
  checkServerIdentity('::1', {
    subject: {},
    subjectaltname: 'IP Address:0:0:0:0:0:0:0:1',
  } as PeerCertificate) !== undefined

for (const backend of socketBackends) describe(backend.name, () => testTls(backend))

function testTls(backend: Backend): void {
  describe('33 verification of the certificate', () => {
    const cases: [string, string[], string, ConnectionOptions, string | null][] = [
      ['the same name', ['a.test'], 'a.test', trusted, null],
      ['the same name with a final dot', ['a.test'], 'a.test.', trusted, null],
      ['a wildcard', ['*.a.test'], 'www.a.test', trusted, null],
      ['another name', ['a.test'], 'b.test', trusted, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      [
        'the address of the connection instead of the name',
        ['127.0.0.1'],
        'a.test',
        trusted,
        'ERR_TLS_CERT_ALTNAME_INVALID',
      ],
      ['an address', ['127.0.0.1'], '127.0.0.1', trusted, null],
      ['an IPv6 address', ['::1'], '::1', trusted, null],
      ['another address', ['127.0.0.1'], '127.0.0.2', trusted, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      [
        'the SNI name instead of the name',
        ['a.test'],
        'b.test',
        { ...trusted, servername: 'a.test' },
        'ERR_TLS_CERT_ALTNAME_INVALID',
      ],
      ['an untrusted issuer', ['a.test'], 'a.test', {}, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      [
        'any certificate with rejectUnauthorized: false',
        ['a.test'],
        'b.test',
        { rejectUnauthorized: false },
        null,
      ],
      [
        'a name that a custom check accepts',
        ['a.test'],
        'b.test',
        { ...trusted, checkServerIdentity: () => undefined },
        null,
      ],
    ]
    for (const [name, hosts, host, options, code] of cases) {
      const skip = host === '::1' && nodeRefusesIpv6
      test(name, { skip }, async (t) => {
        const target = await serve(t, certificateFor(hosts, { ca }))
        for (const where of [target.tcp, target.unix]) {
          const recorder = await call(backend, { ...where, tls: { host, options } })
          assert.equal(codeOf(recorder.error), code)
          const established = code === null ? ['connect', 'secure'] : ['connect']
          assert.deepEqual(recorder.events.slice(0, established.length), established)
          assert.equal(recorder.events.includes('secure'), code === null)
        }
      })
    }

    test('an expired certificate is refused', async (t) => {
      const { tcp } = await serve(t, certificateFor(['a.test'], { ca, expired: true }))
      const recorder = await call(backend, { ...tcp, tls: { host: 'a.test', options: trusted } })
      assert.equal(codeOf(recorder.error), 'CERT_HAS_EXPIRED')
    })

    test('a self-signed certificate is refused, unless it is the CA', async (t) => {
      const own = certificateFor(['a.test'])
      const { tcp } = await serve(t, own)
      const refused = await call(backend, { ...tcp, tls: { host: 'a.test', options: {} } })
      assert.equal(codeOf(refused.error), 'DEPTH_ZERO_SELF_SIGNED_CERT')
      const accepted = await call(backend, {
        ...tcp,
        tls: { host: 'a.test', options: { ca: own.cert } },
      })
      assert.equal(accepted.error, null)
    })

    test('22 a polluted Object.prototype changes nothing', async (t) => {
      const own = certificateFor(['b.test'])
      const { tcp, unix } = await serve(t, own)
      const pollution = {
        ca: own.cert,
        caCerts: [own.cert],
        checkServerIdentity: () => undefined,
        path: unix.path,
        rejectUnauthorized: false,
        servername: 'b.test',
        session: Buffer.from('x'),
        sessions: { get: () => Buffer.from('x') },
        unsafelyDisableHostnameVerification: true,
      }
      const target = { ...tcp, tls: { host: 'a.test', options: {} } }
      const recorder = await withPollutedPrototype(pollution, () => call(backend, target))
      assert.equal(codeOf(recorder.error), 'DEPTH_ZERO_SELF_SIGNED_CERT')

      const plain = new Recorder()
      const open = () => plain.listen((handler) => backend.connect(tcp, handler))
      const socket = withPollutedPrototype(
        { path: unix.path, host: '192.0.2.1', localAddress: 'x' },
        open,
      )
      await plain.untilEvent('connect')
      assert.equal(socket.remotePort, tcp.port)
      socket.destroy()
    })
  })

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    describe(`33 sessions of ${maxVersion}`, () => {
      const options = { ...trusted, maxVersion }

      test('are resumed', async (t) => {
        const { tcp, seen } = await serve(t, certificateFor(['a.test'], { ca }))
        const sessions = await sessionsOf(backend, tcp, { host: 'a.test', options })
        const resumed = await call(backend, { ...tcp, tls: { host: 'a.test', options, sessions } })
        assert.equal(resumed.error, null)
        assert.deepEqual(
          seen.map(({ reused }) => reused),
          [false, true],
        )
      })

      test('are not used for another host', async (t) => {
        const { tcp, seen } = await serve(t, certificateFor(['a.test'], { ca }))
        const sameSni = { ...options, servername: 'a.test' }
        const sessions = await sessionsOf(backend, tcp, { host: 'a.test', options: sameSni })
        const other = await call(backend, {
          ...tcp,
          tls: { host: 'b.test', options: sameSni, sessions },
        })
        assert.equal(codeOf(other.error), 'ERR_TLS_CERT_ALTNAME_INVALID')
        assert.deepEqual(other.events, ['connect', 'close'])
        assert.ok(seen.every(({ reused }) => !reused))
      })

      test('of unverified connections are not used for verified ones', async (t) => {
        const { tcp, seen } = await serve(t, certificateFor(['b.test']))
        const unchecked = { rejectUnauthorized: false, maxVersion }
        const sessions = await sessionsOf(backend, tcp, { host: 'a.test', options: unchecked })
        const checked = await call(backend, { ...tcp, tls: { host: 'a.test', options, sessions } })
        assert.equal(codeOf(checked.error), 'DEPTH_ZERO_SELF_SIGNED_CERT')
        assert.ok(seen.every(({ reused }) => !reused))
      })

      test('are not used with other settings', async (t) => {
        const { tcp, seen } = await serve(t, certificateFor(['a.test'], { ca }))
        const sessions = await sessionsOf(backend, tcp, { host: 'a.test', options })
        const others = { ...options }
        const other = await call(backend, {
          ...tcp,
          tls: { host: 'a.test', options: others, sessions },
        })
        assert.equal(other.error, null)
        assert.ok(seen.every(({ reused }) => !reused))
      })
    })
  }

  test('SNI and ALPN of the handshake', async (t) => {
    const { tcp, seen } = await serve(t, certificateFor(['a.test', '127.0.0.1'], { ca }))
    await call(backend, { ...tcp, tls: { host: 'a.test', options: trusted } })
    await call(backend, { ...tcp, tls: { host: '127.0.0.1', options: trusted } })
    await call(backend, {
      ...tcp,
      tls: { host: 'a.test', options: { ...trusted, ALPNProtocols: ['x'] } },
    })
    await call(backend, {
      ...tcp,
      tls: { host: 'a.test', options: { ...trusted, servername: 'b.test' } },
    })
    assert.deepEqual(
      seen.map(({ servername, alpnProtocol }) => [servername, alpnProtocol]),
      [
        ['a.test', 'http/1.1'],
        [false, 'http/1.1'],
        ['a.test', 'x'],
        ['b.test', 'http/1.1'],
      ],
    )
  })

  test('a server that closes, or does not use TLS', async (t) => {
    for (const answer of ['', 'HTTP/1.1 400 Bad Request\r\n\r\n']) {
      const server = createTcpServer((peer) => peer.on('error', () => {}).end(answer))
      server.listen(0, '127.0.0.1')
      t.after(() => server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const tls = { host: 'a.test', options: trusted }
      const recorder = await call(backend, { address: '127.0.0.1', port, tls })
      assert.deepEqual(recorder.events, ['connect', 'close'])
      assert.match(codeOf(recorder.error) ?? '', answer === '' ? /ECONNRESET/ : /ERR_SSL/)
    }
  })

  test('a tunnel that is already closed', async (t) => {
    const server = createTcpServer((peer) => peer.on('error', () => {}).end('200'))
    server.listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const tls = { host: 'a.test', options: trusted }
    for (const destroyed of [false, true]) {
      const below = new Recorder()
      const socket = below.listen((h) => backend.connect({ address: '127.0.0.1', port }, h))
      await below.untilEvent('end')
      if (destroyed) socket.destroy()
      const recorder = new Recorder()
      recorder.listen((handler) => backend.secure(below.raw, tls, handler))
      await recorder.untilEvent('close')
      assert.deepEqual(recorder.events, ['close'])
      assert.ok(recorder.error)
      assert.ok(!below.events.includes('close'))
    }
  })

  test('TLS receives the first bytes that were read from a tunnel', async (t) => {
    const server = createTcpServer((peer) => peer.on('error', () => {}).resume())
    server.listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const tls = { host: 'a.test', options: trusted }
    const cases: [bytes: Buffer, reason: RegExp][] = [
      [Buffer.from('15030300020228', 'hex'), /alert.{1,2}handshake.?failure/i],
      [Buffer.from('HTTP/1.1 400'), /wrong.version.number|InvalidContentType/i],
    ]
    for (const [first, reason] of cases) {
      const below = new Recorder()
      below.listen((h) => backend.connect({ address: '127.0.0.1', port }, h))
      await below.untilEvent('connect')
      const recorder = new Recorder()
      recorder.listen((handler) => backend.secure(below.raw, tls, handler, first))
      await recorder.untilEvent('close')
      assert.match(String(recorder.error), reason)
      assert.deepEqual(recorder.events, ['close'])
    }
  })
}

interface Handshake {
  readonly reused: boolean
  readonly servername: string | false
  readonly alpnProtocol: string | false | null
}

async function serve(t: TestContext, options: TlsOptions) {
  const seen: Handshake[] = []
  const listen = async (where: { path: string } | { host: string; port: number }) => {
    const server = createServer({ ...options, ALPNProtocols: ['http/1.1', 'x'] }, (peer) => {
      const { servername, alpnProtocol } = peer as TLSSocket & { servername: string | false }
      seen.push({ reused: peer.isSessionReused(), servername: servername || false, alpnProtocol })
      peer.on('error', () => {}).resume()
      peer.write('welcome')
    })
    server.on('tlsClientError', () => {})
    server.listen(where)
    t.after(() => server.close())
    await once(server, 'listening')
    return server
  }
  const path = join(tmpdir(), `hawser-${randomUUID()}.sock`)
  await listen({ path })
  const tcp = await listen({ host: '127.0.0.1', port: 0 })
  const { port } = tcp.address() as AddressInfo
  return { tcp: { address: '127.0.0.1', port }, unix: { path }, seen }
}

/** Connects, and closes after the first data. */
async function call(backend: Backend, target: ConnectTarget): Promise<Recorder> {
  const recorder = new Recorder()
  const socket = recorder.listen((handler) => backend.connect(target, handler))
  recorder.on = (event) => {
    if (event === 'read') socket.destroy()
  }
  await recorder.untilEvent('close')
  return recorder
}

/** Makes a connection, and returns the store with its session. */
async function sessionsOf(
  backend: Backend,
  target: ConnectTarget,
  tls: TlsTarget,
): Promise<TlsSessionStore> {
  let latest: Uint8Array | undefined
  let kept = () => {}
  const isKept = new Promise<void>((resolve) => {
    kept = resolve
  })
  const sessions: TlsSessionStore = {
    get: () => latest,
    set(session) {
      latest = session
      kept()
    },
  }
  const recorder = new Recorder()
  const socket = recorder.listen((handler) =>
    backend.connect({ ...target, tls: { ...tls, sessions } }, handler),
  )
  await isKept
  socket.destroy()
  await recorder.untilEvent('close')
  return sessions
}

function codeOf(error: Error | null): string | null {
  return (error as NodeJS.ErrnoException | null)?.code ?? null
}
