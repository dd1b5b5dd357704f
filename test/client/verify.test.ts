import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import tls from 'node:tls'
import * as v8 from 'node:v8'
import type { ClientOptions } from '../../src/index.ts'
import { Client, ConnectError, get, HTTPProxy } from '../../src/index.ts'
import { tlsServer, toLoopback } from '../engine/servers.ts'
import { encrypted, temporaryDirectory } from '../models/pem-files.ts'
import type { Certificate } from '../support/certificates.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { setEnvironment } from '../support/environment.ts'
import { startOriginServer } from '../support/origin-server.ts'
import { httpProxy } from '../support/proxies.ts'
import { assertQuiescent } from './route-requests.ts'

const ca = certificateAuthority()
const stranger = certificateAuthority('Stranger')
const valid = certificateFor(['a.test', '127.0.0.1', '::1'], { ca })
const trusted = { verify: { ca: ca.cert } }

function openClient(t: TestContext, options: ClientOptions): Client {
  const client = new Client({ lookup: toLoopback, ...options })
  t.after(() => client.close())
  return client
}

/** Returns the error of a refused connection, and asserts that no connection is in use. */
async function refusal(client: Client, url: string): Promise<ConnectError> {
  const error: unknown = await client.get(url).catch((error) => error)
  assert.ok(error instanceof ConnectError, String(error))
  assert.equal(error.phase, 'tls')
  assertQuiescent(client)
  return error
}

describe('18, 33 certificates', () => {
  const cases: [name: string, certificate: Certificate, host: string, code: string, RegExp][] = [
    [
      'expired',
      certificateFor(['a.test'], { ca, expired: true }),
      'a.test',
      'CERT_HAS_EXPIRED',
      /certificate has expired/,
    ],
    [
      'for another host',
      certificateFor(['b.test'], { ca }),
      'a.test',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      /a\.test.*b\.test/,
    ],
    [
      'for a host name, requested by address',
      certificateFor(['a.test'], { ca }),
      '127.0.0.1',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      /127\.0\.0\.1/,
    ],
    [
      'for another address',
      certificateFor(['127.0.0.2'], { ca }),
      '127.0.0.1',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      /127\.0\.0\.1/,
    ],
    [
      'self-signed',
      certificateFor(['a.test']),
      'a.test',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      /self-signed certificate/,
    ],
    [
      'of an untrusted CA',
      certificateFor(['a.test'], { ca: stranger }),
      'a.test',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      /unable to verify the first certificate/,
    ],
  ]
  for (const [name, certificate, host, code, reason] of cases) {
    test(name, async (t) => {
      const { port } = await tlsServer(t, certificate)
      const error = await refusal(openClient(t, trusted), `https://${host}:${port}/path?secret`)
      assert.ok(error.message.startsWith(`TLS handshake with ${host}:${port}`), error.message)
      assert.match(error.message, reason)
      assert.doesNotMatch(error.message, /secret/)
      assert.equal((error.cause as NodeJS.ErrnoException).code, code)
      const unverified = openClient(t, { verify: false })
      assert.equal((await unverified.get(`https://${host}:${port}`)).text(), 'ok')
    })
  }

  test('valid: for a name, an address, and on a unix socket', async (t) => {
    const { port } = await tlsServer(t, valid)
    const client = openClient(t, trusted)
    for (const host of ['a.test', '127.0.0.1']) {
      assert.equal((await client.get(`https://${host}:${port}`)).text(), 'ok')
    }
    const uds = join(temporaryDirectory(t).path, 'socket')
    await startOriginServer(t, { path: uds, tls: valid })
    for (const host of ['a.test', '[::1]', '127.0.0.1']) {
      const response = await openClient(t, { ...trusted, uds, lookup: undefined }).get(
        `https://${host}/`,
      )
      assert.equal(response.text(), `GET / ${host} 0 true`)
    }
    await refusal(openClient(t, { ...trusted, uds, lookup: undefined }), 'https://b.test/')
    await refusal(openClient(t, { ...trusted, uds, lookup: undefined }), 'https://[::2]/')
    await refusal(openClient(t, { uds, lookup: undefined }), 'https://a.test/')
  })
})

describe('33 verify', () => {
  test('accepts all types of values', async (t) => {
    setEnvironment(t, {})
    const { port } = await tlsServer(t, valid)
    const url = `https://a.test:${port}`
    const { path, write } = temporaryDirectory(t)
    const bundle = write('ca.pem', stranger.cert + ca.cert)
    const other = temporaryDirectory(t)
    other.write('ca.pem', stranger.cert)
    const forms: ClientOptions['verify'][] = [
      ...[bundle, path, new URL(`file://${bundle}`)],
      ...[false, { ca: ca.cert }, { ca: [stranger.cert, ca.cert], minVersion: 'TLSv1.3' as const }],
    ]
    for (const verify of forms) {
      assert.equal((await openClient(t, { verify }).get(url)).text(), 'ok')
      assert.equal((await get(`https://127.0.0.1:${port}`, { verify })).text(), 'ok')
    }
    for (const verify of [true, undefined, {}, other.path, { ca: stranger.cert }]) {
      await refusal(openClient(t, { verify }), url)
    }
  })

  test('a file that cannot be read: the constructor throws, and names the file', (t) => {
    setEnvironment(t, {})
    const { path, write } = temporaryDirectory(t)
    const missing = join(path, 'missing.pem')
    const cases: [options: Pick<ClientOptions, 'verify' | 'cert'>, message: string][] = [
      [{ verify: missing }, `verify "${missing}" cannot be read (ENOENT)`],
      [{ verify: path }, `verify "${path}" contains no file with a PEM certificate`],
      [{ verify: write('x', 'text') }, `verify "${join(path, 'x')}" contains no PEM certificate`],
      [{ cert: missing }, `cert "${missing}" cannot be read (ENOENT)`],
      [{ cert: write('y', valid.cert) }, `cert "${join(path, 'y')}" contains no PEM private key`],
    ]
    for (const [options, message] of cases) {
      assert.throws(() => new Client(options), { name: 'TypeError', message })
      assert.throws(() => new HTTPProxy('https://p.test', options), { name: 'TypeError', message })
    }
    setEnvironment(t, { SSL_CERT_FILE: missing })
    const message = `SSL_CERT_FILE "${missing}" cannot be read (ENOENT)`
    const proxies = 'https://p.test'
    for (const options of [
      {},
      { ...trusted, proxies },
      { ...trusted, proxies: { all: proxies } },
    ]) {
      assert.throws(() => new Client(options), { name: 'TypeError', message })
    }
    assert.ok(new Client({ ...trusted, proxies: new HTTPProxy(proxies, trusted) }))
  })
})

test('cert is sent to a server that requires it, and only by its client', async (t) => {
  const own = certificateFor(['client'], { ca })
  const { write } = temporaryDirectory(t)
  const cert = write('cert.pem', own.cert)
  const key = write('key.pem', own.key)
  const secret = write('secret.pem', encrypted(own, 'x'))
  const nameOf = (socket: TLSSocket) => String(socket.getPeerCertificate().subject.CN)
  const { port } = await tlsServer(t, { ...valid, requestCert: true, ca: ca.cert }, nameOf)
  const url = `https://a.test:${port}`
  const tunnel = { proxies: (await httpProxy(t)).url }
  const forms: ClientOptions['cert'][] = [
    write('both.pem', own.key + own.cert),
    [cert, key],
    [cert, secret, 'x'],
  ]
  for (const form of forms) {
    for (const route of [{}, tunnel]) {
      const client = openClient(t, { ...trusted, ...route, cert: form })
      assert.equal((await client.get(url)).text(), 'client')
      const without = openClient(t, { ...trusted, ...route })
      await assert.rejects(without.get(url), { name: 'ConnectError' })
      assertQuiescent(without)
    }
  }
})

describe('the environment', () => {
  test('SSL_CERT_FILE and SSL_CERT_DIR are used with trustEnv', async (t) => {
    const { port } = await tlsServer(t, valid)
    const url = `https://a.test:${port}`
    const { path, write } = temporaryDirectory(t)
    const bundle = write('ca.pem', ca.cert)
    for (const [name, value] of [
      ['SSL_CERT_FILE', bundle],
      ['SSL_CERT_DIR', path],
    ] as const) {
      setEnvironment(t, { [name]: value })
      assert.equal((await openClient(t, {}).get(url)).text(), 'ok')
      assert.equal((await openClient(t, { verify: true }).get(url)).text(), 'ok')
      await refusal(openClient(t, { trustEnv: false }), url)
      await refusal(openClient(t, { verify: { ca: stranger.cert } }), url)
    }
  })

  test('they apply to an https proxy too, unless it has trustEnv: false', async (t) => {
    const { url } = await httpProxy(t, { tls: valid })
    const { port } = await startOriginServer(t)
    const { write } = temporaryDirectory(t)
    const origin = `http://a.test:${port}`
    setEnvironment(t, { SSL_CERT_FILE: write('ca.pem', ca.cert) })
    for (const proxies of [url, new HTTPProxy(url)]) {
      assert.equal((await openClient(t, { proxies }).get(origin)).status, 200)
      await assert.rejects(openClient(t, { proxies, trustEnv: false }).get(origin), /^ProxyError/)
    }
    const strict = new HTTPProxy(url, { trustEnv: false })
    await assert.rejects(openClient(t, { proxies: strict }).get(origin), /^ProxyError/)
    setEnvironment(t, { SSL_CERT_FILE: write('ca.pem', ca.cert), HTTP_PROXY: url })
    assert.equal((await openClient(t, {}).get(origin)).status, 200)
  })

  test('SSLKEYLOGFILE', async (t) => {
    const { port } = await tlsServer(t, valid)
    const file = join(temporaryDirectory(t).path, 'keys.log')
    setEnvironment(t, { SSLKEYLOGFILE: file })
    await openClient(t, { ...trusted, trustEnv: false }).get(`https://a.test:${port}`)
    assert.throws(() => readFileSync(file), { code: 'ENOENT' })
    await openClient(t, trusted).get(`https://a.test:${port}`)
    assert.match(readFileSync(file, 'latin1'), /^CLIENT_TRAFFIC_SECRET_0 /m)
  })
})

describe('33 different TLS settings share neither connections nor sessions', () => {
  const closing = { headers: { connection: 'close' } }
  const reused = (socket: TLSSocket) => (socket.isSessionReused() ? 'resumed' : 'full')

  for (const name of ['direct', 'in a tunnel']) {
    test(`an unverified connection or session is not used by a client that verifies: ${name}`, async (t) => {
      const { port, sockets } = await tlsServer(t, valid, reused)
      const url = `https://a.test:${port}`
      const route = name === 'direct' ? {} : { proxies: (await httpProxy(t)).url }
      const unverified = openClient(t, { ...route, verify: false })
      assert.equal((await unverified.get(url, closing)).text(), 'full')
      assert.equal((await unverified.get(url)).text(), 'resumed')
      const before = sockets.length
      await refusal(openClient(t, { ...route, verify: true }), url)
      const verified = openClient(t, { ...route, ...trusted })
      assert.equal((await verified.get(url, closing)).text(), 'full')
      assert.equal((await verified.get(url)).text(), 'resumed')
      // Clients do not share sessions, even with equal settings.
      assert.equal((await openClient(t, { ...route, ...trusted }).get(url)).text(), 'full')
      assert.ok(sockets.length >= before + 3)
    })
  }
})

describe('17 TLS contexts', () => {
  /** Counts the contexts that are created during `work`. */
  async function countContexts(work: () => Promise<unknown>): Promise<number> {
    const { createSecureContext } = tls
    let count = 0
    tls.createSecureContext = (options) => {
      count++
      return createSecureContext(options)
    }
    syncBuiltinESMExports()
    try {
      await work()
    } finally {
      tls.createSecureContext = createSecureContext
      syncBuiltinESMExports()
    }
    return count
  }

  test('are created once for clients with equal settings', async (t) => {
    const fresh = certificateAuthority('Fresh')
    const { port } = await tlsServer(t, certificateFor(['a.test'], { ca: fresh }))
    const { write } = temporaryDirectory(t)
    const names = ['1.pem', '2.pem', '3.pem', '4.pem', '5.pem']
    const files = names.map((name) => write(name, fresh.cert))
    const each = (options: (i: number) => ClientOptions) => async () => {
      for (let i = 0; i < 5; i++) {
        const client = openClient(t, options(i))
        for (let j = 0; j < 3; j++) await client.get(`https://a.test:${port}`)
      }
    }
    assert.equal(await countContexts(each((i) => ({ verify: files[i] }))), 1)
    assert.equal(await countContexts(each(() => ({ verify: { ca: [fresh.cert] } }))), 1)
    assert.equal(
      await countContexts(each((i) => ({ verify: { ca: fresh.cert, sessionTimeout: i + 1 } }))),
      5,
    )
  })

  test('500 failed handshakes create no context, and leave no socket', async (t) => {
    const { port } = await tlsServer(t, certificateFor(['a.test'], { ca: stranger }))
    const url = `https://a.test:${port}`
    const client = openClient(t, { ...trusted, poolLimits: { maxConnections: 10 } })
    // Includes the sockets of the server.
    const sockets = () => v8.queryObjects(tls.TLSSocket, { format: 'count' })
    const before = sockets()
    const contexts = await countContexts(async () => {
      for (let i = 0; i < 50; i++) {
        const calls = Array.from({ length: 10 }, () => client.get(url))
        const outcomes = await Promise.allSettled(calls)
        assert.ok(outcomes.every(({ status }) => status === 'rejected'))
      }
    })
    assert.ok(contexts <= 1, `${contexts} contexts`)
    assertQuiescent(client)
    for (let tries = 0; tries < 10 && sockets() > before + 20; tries++) {
      for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    }
    assert.ok(sockets() <= before + 20, `${sockets() - before} of 1000 sockets still exist`)
  })
})
