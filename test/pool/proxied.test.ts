import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { HTTPProxy } from '../../src/engine.ts'
import {
  InvalidURL,
  LocalProtocolError,
  ProxyError,
  UnsupportedProtocol,
} from '../../src/errors.ts'
import { at } from '../support/at.ts'
import { assertEmpty, OK, ScriptedPool, settle } from './scripted-pool.ts'

const PROXY = 'http://proxy.test:3128'
const AUTH = 'Proxy-Authorization: Basic bWU6c2VjcmV0\r\n'
const A = 'http://a.test'
const B = 'http://b.test'

const withProxy = (options: PoolOptions = {}) => new ScriptedPool({ proxy: PROXY, ...options })

/** Returns the bytes that are written for one request. */
async function written(
  origin: string,
  path: string,
  request: Partial<DispatchRequest> = {},
  proxy: HTTPProxy | string = PROXY,
): Promise<string> {
  const pool = new ScriptedPool({ proxy })
  const call = await pool.send(origin, path, request)
  if (call.error) throw call.error
  const text = pool.sockets.map((socket) => socket.written).join('')
  assert.equal(pool.sockets.length, 1)
  await assertEmpty(pool)
  return text
}

describe('R2, R3 the head of a forwarded request', () => {
  test('has the absolute-form, the Host of the origin, and the fields for the proxy', async () => {
    const cases: [origin: string, path: string, method: string, line: string, host: string][] = [
      [A, '/', 'GET', 'GET http://a.test/', 'a.test'],
      [A, '/x?y=z', 'GET', 'GET http://a.test/x?y=z', 'a.test'],
      [A, '//x', 'GET', 'GET http://a.test//x', 'a.test'],
      ['http://a.test:8080', '/', 'GET', 'GET http://a.test:8080/', 'a.test:8080'],
      ['http://[::1]:81', '/', 'GET', 'GET http://[::1]:81/', '[::1]:81'],
      [A, '*', 'OPTIONS', 'OPTIONS http://a.test', 'a.test'],
      [A, '/', 'OPTIONS', 'OPTIONS http://a.test/', 'a.test'],
      [A, 'http://b.test/x', 'GET', 'GET http://b.test/x', 'b.test'],
      [A, 'ftp://b.test/x', 'GET', 'GET ftp://b.test/x', 'b.test'],
    ]
    for (const [origin, path, method, line, host] of cases) {
      const proxy = new HTTPProxy('http://me:secret@proxy.test:3128', { headers: ['X-Who', 'us'] })
      assert.equal(
        await written(origin, path, { method, headers: ['accept', '*/*'] }, proxy),
        `${line} HTTP/1.1\r\nHost: ${host}\r\nX-Who: us\r\n${AUTH}accept: */*\r\n\r\n`,
      )
      assert.equal(
        await written(origin, path, { method }),
        `${line} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      )
    }
  })

  test('with a body, a custom Host and connection options', async () => {
    assert.equal(
      await written(
        A,
        '/',
        { method: 'POST', body: 'hello', headers: { Host: 'c.test', TE: 'trailers' } },
        'http://me:secret@proxy.test',
      ),
      'POST http://a.test/ HTTP/1.1\r\nHost: c.test\r\nConnection: TE\r\n' +
        `${AUTH}TE: trailers\r\nContent-Length: 5\r\n\r\nhello`,
    )
  })

  test('30 has an https URL only in the mode FORWARD_ONLY', async () => {
    const forwarding = new HTTPProxy(PROXY, { mode: 'FORWARD_ONLY' })
    assert.equal(
      await written('https://a.test', '/x', {}, forwarding),
      'GET https://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n',
    )
    for (const target of ['https://b.test/x', 'HTTPS://b.test/x']) {
      await assert.rejects(written(A, target), LocalProtocolError)
      assert.match(await written('https://a.test', target, {}, forwarding), /^GET https:/i)
    }
  })

  test('CONNECT is not forwarded', async () => {
    await assert.rejects(
      written(A, 'b.test:443', { method: 'CONNECT' }),
      /CONNECT cannot be forwarded/,
    )
  })

  test('an invalid request is refused as on other routes', async () => {
    for (const path of ['x', '/a b', '/a\r\nX: y', '', '/#f', 'http://u:p@b.test/']) {
      await assert.rejects(written(A, path), LocalProtocolError)
    }
    await assert.rejects(written('ftp://a.test', '/'), UnsupportedProtocol)
    await assert.rejects(written('http://a.test/x', '/'), InvalidURL)
    await assert.rejects(written('proxy http://proxy.test:3128', '/'), InvalidURL)
  })
})

describe('30, A4 Proxy-Authorization in the headers of a request', () => {
  const headers = ['proxy-Authorization', 'Basic eDp5']

  test('is forwarded to a proxy without credentials', async () => {
    assert.match(await written(A, '/', { headers }), /\r\nproxy-Authorization: Basic eDp5\r\n/)
    const twice = written(A, '/', { headers }, 'http://me:secret@proxy.test')
    await assert.rejects(twice, /Proxy-Authorization is set twice/)
  })

  test('is refused in a tunnel', async () => {
    for (const proxy of [PROXY, 'socks5h://proxy.test']) {
      const refused = written('https://a.test', '/', { headers }, proxy)
      await assert.rejects(refused, (error: Error) => {
        assert.ok(error instanceof LocalProtocolError)
        assert.match(error.message, /Proxy-Authorization is not sent through a tunnel/)
        assert.ok(!error.message.includes('eDp5'))
        return true
      })
    }
    const tunnelling = new HTTPProxy(PROXY, { mode: 'TUNNEL_ONLY' })
    await assert.rejects(written(A, '/', { headers }, tunnelling), LocalProtocolError)
    await assert.rejects(
      written(A, '/', { headers, method: 'CONNECT', path: 'b.test:1' }, tunnelling),
      LocalProtocolError,
    )
  })

  test('is refused without a proxy, unless the target has the absolute-form', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['OPTIONS', '*'],
    ]) {
      const { error } = await new ScriptedPool().send(A, path, { headers, method })
      assert.match(String(error), /Proxy-Authorization must not be sent to an origin/)
    }
    const pool = new ScriptedPool()
    await pool.send(A, 'http://far.test/', { headers })
    assert.match(at(pool.sockets, 0).written, /Basic eDp5/)
    await assertEmpty(pool)
  })
})

describe('10 connections to a forwarding proxy', () => {
  test('serve all origins', async () => {
    const pool = withProxy()
    await pool.warm(A)
    const call = await pool.send(B)
    at(pool.sockets, 0).receive(OK)
    assert.equal(call.body, 'ok')
    assert.equal(pool.sockets.length, 1)
    assert.equal(pool.stats().origins, 1)
    await assertEmpty(pool)
  })

  test('count for one limit, and the requests of all origins wait in one queue', async () => {
    const pool = withProxy({ limits: { maxConnectionsPerOrigin: 2 } })
    const calls = []
    for (const path of ['/1', '/2', '/3', '/4']) {
      calls.push(await pool.send(calls.length % 2 === 0 ? A : B, path))
    }
    assert.equal(pool.counts(), '0 connecting, 2 active, 0 idle, 2 waiting')
    for (const path of ['/1', '/2', '/3', '/4']) {
      const socket = pool.sockets.findLast(({ written }) => written.includes(`${path} HTTP/1.1`))
      assert.ok(socket, `${path} was not sent`)
      socket.receive(OK)
      await settle()
    }
    assert.deepEqual(
      calls.map(({ body }) => body),
      ['ok', 'ok', 'ok', 'ok'],
    )
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('are not shared with tunnels, nor with requests to the proxy as an origin', async () => {
    const pool = withProxy({ limits: { maxConnectionsPerOrigin: 1 } })
    await pool.send(A)
    await pool.send('https://a.test')
    await pool.send('https://proxy.test:3128')
    assert.deepEqual(
      pool.sockets.map(({ written }) => written.split(' HTTP')[0]),
      ['GET http://a.test/', 'CONNECT a.test:443', 'CONNECT proxy.test:3128'],
    )
    assert.equal(pool.stats().origins, 3)
    await assertEmpty(pool)
  })

  test('are replaced when they have expired, even if their timer is late', async () => {
    const pool = withProxy({ limits: { keepaliveExpiry: 1000 } })
    await pool.warm(A)
    const { clock } = pool.backend
    Object.defineProperty(clock, 'now', { value: () => 1000 }) // no timer has fired
    const call = await pool.send(B)
    Reflect.deleteProperty(clock, 'now')
    pool.backend.socket.receive(OK)
    assert.equal(call.body, 'ok')
    assert.equal(pool.sockets.length, 2)
    await assertEmpty(pool)
  })

  test('are waited for if tunnels fill the pool', async () => {
    const pool = withProxy({ limits: { maxConnections: 1 } })
    const tunnel = await pool.send('https://a.test')
    const call = await pool.send(A, '/x')
    assert.equal(pool.counts(), '1 connecting, 0 active, 0 idle, 1 waiting')
    tunnel.control?.abort()
    await pool.backend.clock.flush()
    pool.backend.socket.receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('have a key that is not accepted as an origin', async () => {
    const pool = withProxy()
    await pool.warm(A)
    const call = await pool.send('proxy http://proxy.test:3128')
    assert.ok(call.error instanceof InvalidURL)
    await assertEmpty(pool)
  })

  test('are replaced when the proxy has closed them, and the request is sent again', async () => {
    const pool = withProxy()
    const first = await pool.warm(A)
    const call = await pool.send(B)
    first.receiveEnd()
    await settle()
    assert.equal(at(pool.sockets, 1).written, 'GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n')
    at(pool.sockets, 1).receive(OK)
    assert.equal(call.body, 'ok')
    await assertEmpty(pool)
  })

  test('are not kept for invalid or aborted requests', async () => {
    const pool = withProxy()
    await pool.send(A, 'no slash')
    await pool.send(A, '/', { signal: AbortSignal.abort() })
    assert.equal(pool.stats().origins, 0)
    const waiting = withProxy({ limits: { maxConnections: 1 } })
    await waiting.send(A)
    const call = await waiting.send(B)
    call.control?.abort()
    await settle()
    assert.equal(waiting.counts(), '0 connecting, 1 active, 0 idle, 0 waiting')
    await assertEmpty(pool)
    await assertEmpty(waiting)
  })

  test('serve 1000 requests to 500 origins on one connection', async () => {
    const pool = withProxy({ limits: { maxConnections: 1 } })
    for (let i = 0; i < 1000; i++) {
      const call = await pool.send(`http://h${i % 500}.test`)
      at(pool.sockets, 0).takeWritten()
      at(pool.sockets, 0).receive(OK)
      assert.equal(call.body, 'ok')
    }
    assert.equal(pool.sockets.length, 1)
    assert.equal(pool.stats().origins, 1)
    await assertEmpty(pool)
  })

  test('fail with the name of the proxy in the message if the response is invalid', async () => {
    const pool = withProxy()
    const call = await pool.send(A)
    at(pool.sockets, 0).receive('nonsense\r\n\r\n')
    assert.match(
      String(call.error),
      /\(GET http:\/\/a\.test\/ through the proxy http:\/\/proxy\.test:3128, after \d+ ms\)/,
    )
    await assertEmpty(pool)
  })

  test('fail with a ProxyError if the proxy cannot be reached', async () => {
    const pool = withProxy()
    pool.backend.autoConnect = false
    const call = await pool.send(A)
    at(pool.sockets, 0).reset(new Error('refused'))
    await settle()
    assert.ok(call.error instanceof ProxyError)
    assert.match(
      call.error.message,
      /^Could not connect to the proxy http:\/\/proxy\.test:3128 \(127\.0\.0\.1\): refused \(GET http:\/\/a\.test\//,
    )
    await assertEmpty(pool)
  })
})

test('options: proxy is an HTTPProxy or its URL, and cannot be combined with uds', () => {
  const bad: [options: PoolOptions, error: new (...args: never[]) => Error][] = [
    [{ proxy: PROXY, uds: '/x' }, TypeError],
    [{ onConnect() {}, uds: '/x' }, TypeError],
    [{ proxy: 'proxy.test:3128' }, InvalidURL],
    [{ proxy: 5 as never }, TypeError],
    [{ proxy: {} as never }, TypeError],
    [{ proxy: Object.create(HTTPProxy.prototype) as HTTPProxy }, TypeError],
  ]
  for (const [options, error] of bad) assert.throws(() => new ScriptedPool(options), error)
  new ScriptedPool({ proxy: null })
  new ScriptedPool({ proxy: undefined })
  new ScriptedPool({ proxy: new URL(PROXY) })
})

test('options: tls is an object, and its callbacks are functions', () => {
  for (const tls of ['ca.pem', 5, null, false, [], { keylog: 5 }, { checkServerIdentity: 'x' }]) {
    assert.throws(() => new ScriptedPool({ tls } as object), {
      name: 'TypeError',
      message: /^ConnectionPool\.tls(\.\w+)? must be /,
    })
  }
})
