import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { nodeBackend } from '../../src/backends/node.ts'
import { ConnectError } from '../../src/errors.ts'
import type { TlsSettings } from '../../src/models/tls-settings.ts'
import { resolveTlsSettings } from '../../src/models/tls-settings.ts'
import { Recorder } from '../backends/recorder.ts'
import { openPool, tlsServer, toLoopback } from '../engine/servers.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { encrypted, temporaryDirectory } from './pem-files.ts'

const authority = certificateAuthority()
const stranger = certificateAuthority('Stranger')
const server = certificateFor(['a.test'], { ca: authority })
const client = certificateFor(['client'], { ca: authority })

async function get(t: TestContext, port: number, tls: TlsSettings): Promise<string> {
  const pool = openPool(t, { tls, lookup: toLoopback })
  const response = await pool.request({ origin: `https://a.test:${port}`, path: '/' })
  return response.text()
}

describe('servers are verified', () => {
  test('with files, directories and environment variables', async (t) => {
    const { port } = await tlsServer(t, server)
    const trustedFiles = temporaryDirectory(t)
    const untrusted = temporaryDirectory(t)
    const bundle = trustedFiles.write('ca.pem', stranger.cert + authority.cert)
    const other = untrusted.write('ca.pem', stranger.cert)
    const env = {}
    for (const [tls, trusted] of [
      [resolveTlsSettings({ env, verify: bundle }), true],
      [resolveTlsSettings({ env, verify: trustedFiles.path }), true],
      [resolveTlsSettings({ env: { SSL_CERT_FILE: bundle } }), true],
      [resolveTlsSettings({ env: { SSL_CERT_DIR: trustedFiles.path } }), true],
      [resolveTlsSettings({ env, verify: { ca: authority.cert } }), true],
      [resolveTlsSettings({ env, verify: false }), true],
      [resolveTlsSettings({ env }), false],
      [resolveTlsSettings({ env: { SSL_CERT_FILE: bundle }, trustEnv: false }), false],
      [resolveTlsSettings({ env, verify: other }), false],
      [resolveTlsSettings({ env, verify: untrusted.path }), false],
      [resolveTlsSettings({ env: { SSL_CERT_FILE: other } }), false],
    ] as const) {
      if (trusted) assert.equal(await get(t, port, tls), 'ok')
      else await assert.rejects(get(t, port, tls), ConnectError)
    }
  })

  test('unless NODE_TLS_REJECT_UNAUTHORIZED is 0, which needs trustEnv', async (t) => {
    const { port } = await tlsServer(t, server)
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED)
    assert.equal(await get(t, port, resolveTlsSettings({ env: {} })), 'ok')
    await assert.rejects(get(t, port, resolveTlsSettings({ trustEnv: false })), ConnectError)
  })

  test('53 despite NODE_TLS_REJECT_UNAUTHORIZED if the caller specified how', async (t) => {
    const { port } = await tlsServer(t, server)
    const { write } = temporaryDirectory(t)
    const other = write('ca.pem', stranger.cert)
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED)
    const env = { SSL_CERT_FILE: other }
    for (const tls of [
      resolveTlsSettings({ verify: true }),
      resolveTlsSettings({ env, verify: true }),
      resolveTlsSettings({ verify: other }),
      resolveTlsSettings({ verify: { ca: stranger.cert } }),
      resolveTlsSettings({ verify: { minVersion: 'TLSv1.2' } }),
      { ca: stranger.cert },
      { rejectUnauthorized: true },
      { checkServerIdentity: () => undefined },
    ]) {
      await assert.rejects(get(t, port, tls), ConnectError)
    }
    const both = write('both.pem', client.key + client.cert)
    for (const tls of [
      resolveTlsSettings({ env }),
      resolveTlsSettings({ env: {}, cert: both }),
      resolveTlsSettings({ verify: { ca: stranger.cert, rejectUnauthorized: false } }),
      {},
      { minVersion: 'TLSv1.2' } as const,
    ]) {
      assert.equal(await get(t, port, tls), 'ok')
    }
  })

  test('and refused if the certificate is for another host', async (t) => {
    const { port } = await tlsServer(t, certificateFor(['b.test'], { ca: authority }))
    const { write } = temporaryDirectory(t)
    const tls = resolveTlsSettings({ env: {}, verify: write('ca.pem', authority.cert) })
    await assert.rejects(get(t, port, tls), ConnectError)
  })
})

test('the client sends its certificate, from files of any form', async (t) => {
  const options = { ...server, requestCert: true, ca: authority.cert }
  const { port } = await tlsServer(t, options, (socket) =>
    String(socket.getPeerCertificate().subject?.CN),
  )
  const { write } = temporaryDirectory(t)
  const verify = write('ca.pem', authority.cert)
  const cert = write('cert.pem', client.cert)
  const key = write('key.pem', client.key)
  const both = write('both.pem', client.key + client.cert)
  const secret = write('secret.pem', encrypted(client, 'x'))
  const legacy = write('legacy.pem', encrypted(client, 'x', 'sec1'))
  for (const given of [both, [cert, key], [cert, secret, 'x'], [cert, legacy, 'x']] as const) {
    assert.equal(await get(t, port, resolveTlsSettings({ env: {}, verify, cert: given })), 'client')
  }
  await assert.rejects(get(t, port, resolveTlsSettings({ env: {}, verify })))
})

describe('SSLKEYLOGFILE', () => {
  /** Returns the labels of the lines of a key log, sorted. */
  const labels = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]!)
      .sort()

  const TLS13 = [
    'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
    'CLIENT_TRAFFIC_SECRET_0',
    'EXPORTER_SECRET',
    'SERVER_HANDSHAKE_TRAFFIC_SECRET',
    'SERVER_TRAFFIC_SECRET_0',
  ]

  /** Starts a server, and collects its key log lines, which contain the same secrets. */
  function serverLog(t: TestContext) {
    const lines: string[] = []
    return tlsServer(t, server).then((started) => {
      started.server.on('keylog', (line: Buffer) => lines.push(String(line)))
      return { ...started, lines }
    })
  }

  test('receives the keys of each connection, and is readable only for its owner', async (t) => {
    const { port, lines } = await serverLog(t)
    const { path } = temporaryDirectory(t)
    const file = join(path, 'keys.log')
    const tls = resolveTlsSettings({ env: { SSLKEYLOGFILE: file }, verify: { ca: authority.cert } })
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600)
    await get(t, port, tls)
    const first = readFileSync(file, 'latin1')
    assert.deepEqual(labels(first), TLS13)
    assert.deepEqual(first.split('\n').sort(), lines.join('').split('\n').sort())
    await get(t, port, tls)
    const second = readFileSync(file, 'latin1')
    assert.ok(second.startsWith(first))
    assert.equal(second.split('\n').length, 11)
  })

  test('receives the keys of connections in a tunnel', async (t) => {
    const { port } = await tlsServer(t, server)
    const { path } = temporaryDirectory(t)
    const file = join(path, 'keys.log')
    const options = resolveTlsSettings({
      env: { SSLKEYLOGFILE: file },
      verify: { ca: authority.cert },
    })
    const below = new Recorder()
    const target = { address: '127.0.0.1', port }
    below.listen((handler) => nodeBackend.connect(target, handler))
    await below.untilEvent('connect')
    const above = new Recorder()
    const tls = { host: 'a.test', options }
    const socket = above.listen((handler) => nodeBackend.secure(below.raw, tls, handler))
    await above.untilEvent('secure')
    socket.destroy()
    assert.deepEqual(labels(readFileSync(file, 'latin1')).slice(0, 1), TLS13.slice(0, 1))
  })

  test('22 a keylog function on a polluted Object.prototype is not called', async (t) => {
    const { port } = await tlsServer(t, server)
    const lines: Uint8Array[] = []
    const target = {
      address: '127.0.0.1',
      port,
      tls: { host: 'a.test', options: { ca: authority.cert } },
    }
    const recorder = new Recorder()
    const socket = withPollutedPrototype({ keylog: (line: Uint8Array) => lines.push(line) }, () =>
      recorder.listen((handler) => nodeBackend.connect(target, handler)),
    )
    await recorder.untilEvent('secure')
    socket.destroy()
    assert.equal(lines.length, 0)
  })

  test('is ignored without trustEnv', async (t) => {
    const { path } = temporaryDirectory(t)
    const file = join(path, 'keys.log')
    const tls = resolveTlsSettings({ env: { SSLKEYLOGFILE: file }, trustEnv: false })
    assert.equal(tls.keylog, undefined)
    assert.throws(() => statSync(file), { code: 'ENOENT' })
  })

  test('is a TypeError if it cannot be written', (t) => {
    const { path } = temporaryDirectory(t)
    for (const [file, code] of [
      [path, 'EISDIR'],
      [join(path, 'missing', 'keys.log'), 'ENOENT'],
    ] as const) {
      assert.throws(() => resolveTlsSettings({ env: { SSLKEYLOGFILE: file } }), {
        name: 'TypeError',
        message: `SSLKEYLOGFILE "${file}" cannot be written (${code})`,
      })
    }
  })

  test('does not disturb requests if it becomes unwritable', async (t) => {
    const { port } = await tlsServer(t, server)
    const { path } = temporaryDirectory(t)
    const SSLKEYLOGFILE = join(path, 'logs', 'keys.log')
    mkdirSync(join(path, 'logs'))
    const tls = resolveTlsSettings({ env: { SSLKEYLOGFILE }, verify: { ca: authority.cert } })
    rmSync(join(path, 'logs'), { recursive: true })
    assert.equal(await get(t, port, tls), 'ok')
  })

  test("does not replace the caller's keylog function", async (t) => {
    const { port } = await tlsServer(t, server)
    const { path } = temporaryDirectory(t)
    const lines: string[] = []
    const verify = { ca: authority.cert, keylog: (line: Uint8Array) => lines.push(String(line)) }
    await get(t, port, resolveTlsSettings({ env: { SSLKEYLOGFILE: join(path, 'x') }, verify }))
    assert.deepEqual(labels(lines.join('')), TLS13)
  })
})
