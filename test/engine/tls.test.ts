import assert from 'node:assert/strict'
import type { Server } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createServer } from 'node:tls'
import type { ConnectionPool, PoolOptions } from '../../src/engine.ts'
import { HTTPProxy } from '../../src/engine.ts'
import { ConnectError, ProxyError } from '../../src/errors.ts'
import { resolveTlsSettings } from '../../src/models/tls-settings.ts'
import { temporaryDirectory } from '../models/pem-files.ts'
import { certificateAuthority, certificateFor } from '../support/certificates.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { httpProxy } from '../support/proxies.ts'
import { ALERT, tlsRelay } from '../support/tls-relay.ts'
import type { Started } from './servers.ts'
import { openPool, rawServer, start, tlsServer, toLoopback } from './servers.ts'

const authority = certificateAuthority()
const ab = certificateFor(['a.test', 'b.test', '127.0.0.1'], { ca: authority })
const a = certificateFor(['a.test'], { ca: authority })
const trusting: PoolOptions = { tls: { ca: authority.cert }, lookup: toLoopback }

async function get(pool: ConnectionPool, origin: string, headers?: string[]): Promise<string> {
  const response = await pool.request({ origin, path: '/', headers: headers ?? null })
  return response.text()
}

const reused = (socket: TLSSocket) => (socket.isSessionReused() ? 'resumed' : 'full')

const closing = ['connection', 'close']

async function tlsFailure(pool: ConnectionPool, origin: string): Promise<ConnectError> {
  try {
    await get(pool, origin)
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error))
    pool.assertQuiescent()
    assert.equal(pool.stats().connections, 0)
    assert.equal(error.phase, 'tls')
    return error
  }
  assert.fail('the certificate was accepted')
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  describe(maxVersion, () => {
    test('two requests on one connection', async (t) => {
      const { port, sockets } = await tlsServer(t, { ...ab, maxVersion }, (socket) =>
        [socket.getProtocol(), socket.alpnProtocol, socket.servername].join(' '),
      )
      const pool = openPool(t, trusting)
      for (let i = 0; i < 2; i++) {
        assert.equal(await get(pool, `https://a.test:${port}`), `${maxVersion} false a.test`)
      }
      assert.equal(sockets.length, 1)
    })

    test('ALPN names http/1.1', async (t) => {
      const options = { ...ab, maxVersion, ALPNProtocols: ['h2', 'http/1.1'] }
      const { port } = await tlsServer(t, options, (socket) => String(socket.alpnProtocol))
      assert.equal(await get(openPool(t, trusting), `https://a.test:${port}`), 'http/1.1')
    })

    test('an address is verified, and not sent as a name', async (t) => {
      const { origin } = await tlsServer(t, { ...ab, maxVersion }, (socket) =>
        String(socket.servername),
      )
      assert.equal(await get(openPool(t, trusting), origin), 'false')
    })

    test('33 a certificate of another host is refused', async (t) => {
      const { port } = await tlsServer(t, { ...a, maxVersion })
      const error = await tlsFailure(openPool(t, trusting), `https://other.test:${port}`)
      assert.match(
        error.message,
        /^TLS handshake with other\.test:\d+ \(127\.0\.0\.1\) failed: .*other\.test/,
      )
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'ERR_TLS_CERT_ALTNAME_INVALID')
    })

    test('an expired certificate is refused', async (t) => {
      const expired = certificateFor(['a.test'], { ca: authority, expired: true })
      const { port } = await tlsServer(t, { ...expired, maxVersion })
      const error = await tlsFailure(openPool(t, trusting), `https://a.test:${port}`)
      assert.match(
        error.message,
        /^TLS handshake with a\.test:\d+ .* failed: certificate has expired/,
      )
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'CERT_HAS_EXPIRED')
    })

    test('a certificate of an unknown authority and a self-signed one are refused', async (t) => {
      const self = certificateFor(['a.test'])
      const other = certificateFor(['a.test'], { ca: certificateAuthority('Other') })
      const codes: [certificate: typeof self, code: string][] = [
        [self, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
        [other, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      ]
      for (const [certificate, code] of codes) {
        const { port } = await tlsServer(t, { ...certificate, maxVersion })
        const error = await tlsFailure(openPool(t, trusting), `https://a.test:${port}`)
        assert.equal((error.cause as NodeJS.ErrnoException).code, code)
        assert.match(error.message, /TLS handshake with a\.test:\d+ \(127\.0\.0\.1\) failed: /)
      }
    })

    test('33 a session is resumed only for the same pool and host', async (t) => {
      const { port, sockets } = await tlsServer(t, { ...ab, maxVersion }, reused)
      const pool = openPool(t, trusting)
      const origin = `https://a.test:${port}`
      const seen: string[] = []
      for (let i = 0; i < 3; i++) seen.push(await get(pool, origin, closing))
      assert.deepEqual(seen, ['full', 'resumed', 'resumed'])
      assert.equal(await get(openPool(t, trusting), origin), 'full')
      assert.equal(await get(pool, `https://b.test:${port}`), 'full')
      assert.equal(sockets.length, 5)
    })

    test("33 the identity is checked against the origin's host, not against servername", async (t) => {
      const { port } = await tlsServer(t, { ...ab, maxVersion }, reused)
      const asked: string[] = []
      const checkServerIdentity = (host: string) => {
        asked.push(host)
        return host === 'a.test' ? undefined : new Error(`not ${host}`)
      }
      const pool = openPool(t, {
        lookup: toLoopback,
        tls: { ca: authority.cert, servername: 'c.test', checkServerIdentity },
      })
      await get(pool, `https://a.test:${port}`, closing)
      const error = await tlsFailure(pool, `https://b.test:${port}`)
      assert.match(error.message, /not b\.test/)
      await tlsFailure(pool, `https://127.0.0.1:${port}`)
      assert.deepEqual(asked, ['a.test', 'b.test', '127.0.0.1'])
    })
  })
}

describe('an exception of a TLS callback fails the connection', () => {
  const throws = (thrown: unknown) => () => {
    throw thrown
  }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const name of ['checkServerIdentity', 'keylog'] as const) {
      for (const thrown of [new RangeError('not them'), 'not them']) {
        test(`${name} of ${maxVersion}, ${typeof thrown}`, async (t) => {
          const { port } = await tlsServer(t, { ...ab, maxVersion })
          const tls = { ca: authority.cert, [name]: throws(thrown) }
          const pool = openPool(t, { lookup: toLoopback, tls })
          const error = await tlsFailure(pool, `https://a.test:${port}`)
          const { cause } = error
          assert.match(error.message, /failed: not them /)
          assert.equal(cause instanceof RangeError ? cause : (cause as Error).cause, thrown)
        })
      }
    }
  }
})

describe('33 a session is never used for another host', () => {
  test('of the same server, whose certificate has only the first', async (t) => {
    // Both names resolve to one server, which would resume the session for the other name.
    const { port } = await tlsServer(t, a, reused)
    const pool = openPool(t, trusting)
    await get(pool, `https://a.test:${port}`, closing)
    const error = await tlsFailure(pool, `https://b.test:${port}`)
    assert.match(error.message, /^TLS handshake with b\.test/)
    assert.equal(await get(pool, `https://a.test:${port}`, closing), 'resumed')
  })

  test('even if servername is set', async (t) => {
    const { port } = await tlsServer(t, a)
    const pool = openPool(t, {
      lookup: toLoopback,
      tls: { ca: authority.cert, servername: 'a.test' },
    })
    await get(pool, `https://a.test:${port}`, closing)
    const error = await tlsFailure(pool, `https://b.test:${port}`)
    assert.match(error.message, /b\.test/)
  })
})

describe('33 TLS settings of a pool', () => {
  test('do not affect other pools: certificate verification', async (t) => {
    const { port } = await tlsServer(t, ab)
    const origin = `https://a.test:${port}`
    const careless = openPool(t, { lookup: toLoopback, tls: { rejectUnauthorized: false } })
    const strict = openPool(t, { lookup: toLoopback })
    assert.equal(await get(careless, origin, closing), 'ok')
    assert.equal(await get(openPool(t, trusting), origin, closing), 'ok')
    await tlsFailure(strict, origin)
    assert.equal(await get(careless, origin, closing), 'ok')
    await tlsFailure(strict, origin)
  })

  test('do not affect other pools: client certificates', async (t) => {
    const client = certificateFor(['client'], { ca: authority })
    const options = { ...ab, requestCert: true, rejectUnauthorized: false, ca: authority.cert }
    const { port } = await tlsServer(t, options, (socket) =>
      String(socket.getPeerCertificate().subject?.CN),
    )
    const origin = `https://a.test:${port}`
    const withOne = openPool(t, { lookup: toLoopback, tls: { ca: authority.cert, ...client } })
    const without = openPool(t, trusting)
    for (let i = 0; i < 2; i++) {
      assert.equal(await get(withOne, origin, closing), 'client')
      assert.equal(await get(without, origin, closing), 'undefined')
    }
  })

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a client certificate that is wanted and missing fails the handshake: ${maxVersion}`, async (t) => {
      const options = { ...ab, maxVersion, requestCert: true, ca: authority.cert }
      const { port } = await tlsServer(t, options)
      const error = await tlsFailure(openPool(t, trusting), `https://a.test:${port}`)
      if (maxVersion === 'TLSv1.3') {
        assert.equal(error.safeToRetry, false)
        assert.match(
          error.message,
          /^The peer refused the TLS handshake: [\w ]*certificate required \(GET .*\)$/,
        )
      } else {
        assert.match(
          error.message,
          /^TLS handshake with a\.test:\d+ .* failed: [\w /]+ \(GET .*\)$/,
        )
      }
    })
  }

  test('restrict ciphers and versions', async (t) => {
    const { port } = await tlsServer(t, { ...ab, minVersion: 'TLSv1.3' })
    const old = openPool(t, {
      lookup: toLoopback,
      tls: { ca: authority.cert, maxVersion: 'TLSv1.2' },
    })
    const error = await tlsFailure(old, `https://a.test:${port}`)
    assert.match(error.message, /TLS handshake with a\.test/)
  })

  test('fail the request if they are invalid', async (t) => {
    const { port } = await tlsServer(t, ab)
    const pool = openPool(t, { lookup: toLoopback, tls: { ca: 'nonsense', ciphers: 'none' } })
    await assert.rejects(get(pool, `https://a.test:${port}`), ConnectError)
    pool.assertQuiescent()
  })

  test('22 are not changed by a polluted Object.prototype', async (t) => {
    const { port } = await tlsServer(t, ab)
    const pool = openPool(t, { lookup: toLoopback })
    const evil = {
      rejectUnauthorized: false,
      ca: authority.cert,
      checkServerIdentity: () => undefined,
      tls: { rejectUnauthorized: false },
      secureContext: {},
    }
    // The socket is opened inside `lookup`, after a microtask: the pollution must last until then.
    const polluting = openPool(t, {
      lookup: (host, options, callback) =>
        withPollutedPrototype(evil, () => toLoopback(host, options, callback)),
    })
    for (const each of [pool, polluting]) {
      const failed = withPollutedPrototype(evil, () => get(each, `https://a.test:${port}`))
      await assert.rejects(failed, ConnectError)
    }
  })
})

describe('R14 a healthy connection is closed with close_notify', () => {
  const serve = async (t: TestContext, server: Started<Server>) => {
    const relay = await tlsRelay(t, server.port)
    return { ...relay, origin: `https://a.test:${relay.port}` }
  }

  test('when it has been idle for too long', async (t) => {
    const { origin, closed } = await serve(t, await tlsServer(t, { ...a, maxVersion: 'TLSv1.2' }))
    const pool = openPool(t, { ...trusting, limits: { keepaliveExpiry: 20 } })
    assert.equal(await get(pool, origin), 'ok')
    pool.assertQuiescent()
    assert.equal((await closed).at(-1), ALERT)
  })

  test('when the pool is closed', async (t) => {
    const { origin, closed } = await serve(t, await tlsServer(t, { ...a, maxVersion: 'TLSv1.2' }))
    const pool = openPool(t, trusting)
    assert.equal(await get(pool, origin), 'ok')
    await pool.close()
    assert.equal((await closed).at(-1), ALERT)
  })

  test('after Connection: close', async (t) => {
    const { origin, closed } = await serve(t, await tlsServer(t, { ...a, maxVersion: 'TLSv1.2' }))
    const pool = openPool(t, trusting)
    assert.equal(await get(pool, origin, closing), 'ok')
    assert.equal((await closed).at(-1), ALERT)
  })

  test('when a request is aborted', async (t) => {
    const server = createServer({ ...a, maxVersion: 'TLSv1.2' }, (socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab'))
    })
    const { origin, closed } = await serve(t, await start(t, server, 'secureConnection', 'https'))
    const pool = openPool(t, trusting)
    const controller = new AbortController()
    const response = await pool.request({ origin, path: '/', signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(response.text(), /enough/)
    assert.equal((await closed).at(-1), ALERT)
    pool.assertQuiescent()
  })
})

test('a server without TLS', async (t) => {
  const { port } = await rawServer(t, (socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  const error = await tlsFailure(openPool(t, trusting), `https://a.test:${port}`)
  assert.match(error.message, /^TLS handshake with a\.test:\d+ /)
})

test('a server that closes during the handshake', async (t) => {
  const { port } = await rawServer(t, (socket) => socket.destroy())
  const pool = openPool(t, trusting)
  await assert.rejects(get(pool, `https://a.test:${port}`), ConnectError)
  pool.assertQuiescent()
})

test('39 50 failing handshakes leave no connections', async (t) => {
  const { port, server } = await tlsServer(t, certificateFor(['a.test']))
  const handles = () =>
    process.getActiveResourcesInfo().filter((name) => /TLS|TCPSOCKET/i.test(name)).length
  const before = handles()
  const pool = openPool(t, { ...trusting, limits: { maxConnections: 5 } })
  const origin = `https://a.test:${port}`
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => get(pool, origin)))
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
  assert.equal(pool.stats().connections, 0)
  assert.equal(pool.stats().origins, 0)
  pool.assertQuiescent()
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
  for (let turns = 0; turns < 1000 && ((await connections()) > 0 || handles() > before); turns++) {
    await new Promise(setImmediate)
  }
  assert.equal(await connections(), 0)
  assert.equal(handles(), before)
})

describe('53 after NODE_TLS_REJECT_UNAUTHORIZED=0 was removed from the environment', () => {
  const disableVerification = (t: TestContext) => {
    const enable = () => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    t.after(enable)
    return enable
  }

  test('a connection without verification is not used again', async (t) => {
    const { port, sockets } = await tlsServer(t, a)
    const origin = `https://a.test:${port}`
    const pool = openPool(t, { lookup: toLoopback })
    const enable = disableVerification(t)
    assert.equal(await get(pool, origin), 'ok')
    assert.equal(await get(pool, origin), 'ok')
    assert.equal(sockets.length, 1)
    enable()
    await tlsFailure(pool, origin)
  })

  test('a connection without verification does not serve a request that waits', async (t) => {
    const enable = disableVerification(t)
    const { port } = await tlsServer(t, a, () => {
      enable()
      return 'ok'
    })
    const origin = `https://a.test:${port}`
    const pool = openPool(t, { lookup: toLoopback, limits: { maxConnections: 1 } })
    const [first, second] = await Promise.allSettled([get(pool, origin), get(pool, origin)])
    assert.equal(first.status, 'fulfilled')
    assert.ok(second.status === 'rejected' && second.reason instanceof ConnectError)
  })

  test('its TLS session is not resumed, and a verified connection is kept', async (t) => {
    const { port, sockets } = await tlsServer(t, { ...a, maxVersion: 'TLSv1.2' }, reused)
    const origin = `https://a.test:${port}`
    const settings = resolveTlsSettings({ env: { SSL_CERT_FILE: authorityFile(t) } })
    const pool = openPool(t, { lookup: toLoopback, tls: settings })
    const enable = disableVerification(t)
    assert.equal(await get(pool, origin, closing), 'full')
    assert.equal(await get(pool, origin, closing), 'resumed')
    enable()
    assert.equal(await get(pool, origin), 'full')
    disableVerification(t)
    assert.equal(await get(pool, origin), 'full')
    assert.equal(sockets.length, 3)
  })

  test('a tunnel and a forwarding proxy without verification are not used again', async (t) => {
    const { port } = await tlsServer(t, a)
    const tunnel = await httpProxy(t)
    const tunneling = openPool(t, { proxy: tunnel.url })
    const forward = await httpProxy(t, { tls: a })
    const forwarding = openPool(t, {
      proxy: new HTTPProxy(forward.url, { trustEnv: true }),
    })
    const plain = await rawServer(t, (socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    })
    const enable = disableVerification(t)
    assert.equal(await get(tunneling, `https://127.0.0.1:${port}`), 'ok')
    assert.equal(await get(forwarding, plain.origin), 'ok')
    enable()
    await assert.rejects(get(tunneling, `https://127.0.0.1:${port}`), ConnectError)
    await assert.rejects(get(forwarding, plain.origin), ProxyError)
  })
})

function authorityFile(t: TestContext): string {
  return temporaryDirectory(t).write('ca.pem', authority.cert)
}
