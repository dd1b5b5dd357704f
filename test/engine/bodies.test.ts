import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import type { ConnectionPool, DispatchHandler, PoolOptions } from '../../src/engine.ts'
import { RemoteProtocolError, TransportError } from '../../src/errors.ts'
import { certificateFor } from '../support/certificates.ts'
import { httpServer, openPool, rawServer } from './servers.ts'

const MB = 1 << 20
const large = randomBytes(5 * MB)
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const largeDigest = digest(large)
const certificate = certificateFor(['127.0.0.1'])

/** Serves `/length`, `/chunked`, `/close` and `/trailers`. Other paths echo the request body. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  switch (request.url) {
    case '/length':
      response.writeHead(200, { 'content-length': large.length }).end(large)
      return
    case '/close':
      response.shouldKeepAlive = false
      response.useChunkedEncodingByDefault = false
      response.removeHeader('transfer-encoding')
      response.writeHead(200, { connection: 'close' })
      response.end(large)
      return
    case '/chunked':
    case '/trailers': {
      response.writeHead(200, { trailer: 'x-digest', 'transfer-encoding': 'chunked' })
      let at = 0
      const more = () => {
        while (at < large.length) {
          const size = 1 + ((at * 7919) % 100_000)
          const chunk = large.subarray(at, at + size)
          at += size
          if (!response.write(chunk)) return response.once('drain', more)
        }
        response.addTrailers({ 'x-digest': largeDigest })
        return response.end()
      }
      more()
      return
    }
    default:
      response.writeHead(200)
      request.pipe(response)
  }
}

async function origins(
  t: TestContext,
): Promise<[name: string, origin: string, options: PoolOptions][]> {
  const http = await httpServer(t, serve)
  const https = createHttpsServer(certificate, serve).listen(0, '127.0.0.1')
  await once(https, 'listening')
  t.after(() => https.close())
  const { port } = https.address() as AddressInfo
  return [
    ['http', http.origin, {}],
    ['https', `https://127.0.0.1:${port}`, { tls: { ca: certificate.cert } }],
  ]
}

const ways: Record<
  string,
  (pool: ConnectionPool, origin: string, path: string) => Promise<string>
> = {
  bytes: async (pool, origin, path) => {
    const response = await pool.request({ origin, path })
    return digest(await response.bytes())
  },
  'bytes, late': async (pool, origin, path) => {
    const response = await pool.request({ origin, path })
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate)
    return digest(await response.bytes())
  },
  iteration: async (pool, origin, path) => {
    const response = await pool.request({ origin, path })
    const chunks: Uint8Array[] = []
    for await (const chunk of response) chunks.push(chunk)
    return digest(Buffer.concat(chunks)) // the chunks were not overwritten
  },
  'iteration, slowly': async (pool, origin, path) => {
    const hash = createHash('sha256')
    for await (const chunk of await pool.request({ origin, path })) {
      await new Promise(setImmediate)
      hash.update(chunk)
    }
    return hash.digest('hex')
  },
  dispatch: (pool, origin, path) => dispatched(pool, origin, path, false, 0),
  'dispatch, owned': (pool, origin, path) => dispatched(pool, origin, path, true, 0),
  'dispatch, pausing': (pool, origin, path) => dispatched(pool, origin, path, false, 3),
  'dispatch, owned, pausing': (pool, origin, path) => dispatched(pool, origin, path, true, 2),
}

function dispatched(
  pool: ConnectionPool,
  origin: string,
  path: string,
  copy: boolean,
  pauseEach: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    const handler: DispatchHandler = {
      onHead() {},
      onData(chunk) {
        chunks.push(copy ? chunk : Buffer.from(chunk))
        if (pauseEach === 0 || chunks.length % pauseEach !== 0) return true
        setImmediate(() => control.resume())
        return false
      },
      onEnd: () => resolve(digest(Buffer.concat(chunks))),
      onError: reject,
    }
    const control = pool.dispatch({ origin, path, copy }, handler)
  })
}

describe('5 MB arrive unchanged', () => {
  for (const [way, read] of Object.entries(ways)) {
    test(`by ${way}: with a length, chunked, until close; http and https; sequential and parallel`, async (t) => {
      for (const [name, origin, options] of await origins(t)) {
        const pool = openPool(t, options)
        const paths = ['/length', '/chunked', '/close']
        for (const path of paths) {
          assert.equal(await read(pool, origin, path), largeDigest, `${name} ${path}`)
        }
        assert.deepEqual(
          await Promise.all(paths.map((path) => read(pool, origin, path))),
          paths.map(() => largeDigest),
          name,
        )
        pool.assertQuiescent()
        await pool.close()
      }
    })
  }

  test('to the server and back', async (t) => {
    for (const [name, origin, options] of await origins(t)) {
      const pool = openPool(t, options)
      async function* content() {
        for (let at = 0; at < large.length; at += 70_000) yield large.subarray(at, at + 70_000)
      }
      for (const body of [large, content()]) {
        const response = await pool.request({ origin, path: '/echo', method: 'POST', body })
        assert.equal(digest(await response.bytes()), largeDigest, name)
      }
      pool.assertQuiescent()
      await pool.close()
    }
  })
})

test('trailers of a large body', async (t) => {
  const { origin } = await httpServer(t, serve)
  const response = await openPool(t).request({ origin, path: '/trailers' })
  assert.equal(digest(await response.bytes()), largeDigest)
  assert.equal(response.trailers?.get('x-digest'), largeDigest)
})

test('13 1,000 small responses over one connection add no listeners', async (t) => {
  const warnings: Error[] = []
  const note = (warning: Error) => void warnings.push(warning)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  const { origin, sockets } = await httpServer(t, (request, response) => {
    response.end(request.url)
  })
  const pool = openPool(t)
  const { signal } = new AbortController()
  for (let i = 0; i < 1000; i++) {
    const response = await pool.request({ origin, path: `/${i}`, signal })
    assert.equal(await response.text(), `/${i}`)
  }
  assert.equal(sockets.length, 1)
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})

test('24 bytes after a response are never delivered to the next request', async (t) => {
  const one = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n'
  const long = 200_000
  const bursts: [name: string, burst: string, body: string][] = [
    ['small', `${one}one${one}two`, 'one'],
    [
      'chunked',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n${one}two`,
      'one',
    ],
    [
      'large',
      `HTTP/1.1 200 OK\r\nContent-Length: ${long}\r\n\r\n${'x'.repeat(long)}${one}two`,
      'x'.repeat(long),
    ],
    ['no body', `HTTP/1.1 204 No Content\r\n\r\n${one}two`, ''],
  ]
  for (const [name, burst, body] of bursts) {
    const { origin, sockets } = await rawServer(t, (socket) => {
      socket.on('data', () => socket.write(burst))
    })
    for (const read of ['bytes', 'iteration'] as const) {
      const pool = openPool(t)
      const before = sockets.length
      for (let i = 0; i < 3; i++) {
        const response = await pool.request({ origin, path: `/${i}` })
        let text = ''
        if (read === 'bytes') text = await response.text()
        else for await (const chunk of response) text += Buffer.from(chunk).latin1Slice()
        assert.ok(text === body, `${name}, ${read}, ${i}`)
      }
      assert.equal(sockets.length - before, 3, `${name}, ${read}: a connection was used again`)
      pool.assertQuiescent()
    }
  }
})

describe('27, S10 a truncated body', () => {
  const cuts: [name: string, sent: string, cut: (socket: Socket) => void, type: unknown][] = [
    ['by the end', 'Content-Length: 9\r\n\r\nhalf', (socket) => socket.end(), RemoteProtocolError],
    [
      'by the end, chunked',
      'Transfer-Encoding: chunked\r\n\r\n9\r\nhalf',
      (socket) => socket.end(),
      RemoteProtocolError,
    ],
    // Some systems report a reset as an end. test/pool/response.test.ts always tests a reset.
    [
      'by a reset',
      'Content-Length: 9\r\n\r\nhalf',
      (socket) => socket.resetAndDestroy(),
      TransportError,
    ],
  ]
  for (const [name, sent, cut, type] of cuts) {
    test(`${name} rejects each reader, and causes no unhandled rejection`, async (t) => {
      const { origin } = await rawServer(t, (socket) => {
        socket.on('data', () =>
          socket.write(`HTTP/1.1 200 OK\r\n${sent}`, () => setImmediate(cut, socket)),
        )
      })
      const pool = openPool(t)
      const rejections: unknown[] = []
      const note = (error: unknown) => void rejections.push(error)
      process.on('unhandledRejection', note)
      t.after(() => process.off('unhandledRejection', note))
      const is = (error: unknown) => error instanceof (type as typeof Error)
      await assert.rejects(async () => (await pool.request({ origin, path: '/' })).bytes(), is)
      await assert.rejects(async () => {
        for await (const _ of await pool.request({ origin, path: '/' }));
      }, is)
      const unread = await pool.request({ origin, path: '/' })
      while (pool.stats().active > 0) await new Promise(setImmediate)
      await assert.rejects(unread.text(), is)
      pool.assertQuiescent()
      assert.deepEqual(rejections, [])
    })
  }

  test('inside TLS', async (t) => {
    const server = createTlsServer(certificate, (socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
      socket.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const pool = openPool(t, { tls: { ca: certificate.cert } })
    await assert.rejects(
      async () => (await pool.request({ origin, path: '/' })).bytes(),
      RemoteProtocolError,
    )
    pool.assertQuiescent()
  })
})

describe('38 a slow reader', () => {
  /** Starts a server that sends without end. `sent()` returns how many bytes it has sent. */
  async function endless(t: TestContext) {
    const block = Buffer.alloc(MB, 'x')
    const started = await rawServer(t, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const more = () => {
          while (!socket.destroyed && socket.write(block));
        }
        socket.on('drain', more)
        more()
      })
    })
    /** Resolves when the number of bytes has stopped growing. */
    const sent = async () => {
      let last = -1
      let quiet = 0
      while (quiet < 50) {
        await new Promise(setImmediate)
        const now = started.sockets.reduce(
          (sum, socket) => sum + socket.bytesWritten - socket.writableLength,
          0,
        )
        quiet = now === last ? quiet + 1 : 0
        last = now
      }
      return last
    }
    return { ...started, sent }
  }

  test('slows down the server, and memory does not grow', async (t) => {
    const { origin, sent } = await endless(t)
    const pool = openPool(t)
    const before = process.memoryUsage().arrayBuffers
    const response = await pool.request({ origin, path: '/' })
    const unread = await sent()
    assert.ok(unread < 30 * MB, `${unread} bytes were received without a reader`)
    assert.ok(process.memoryUsage().arrayBuffers - before < 8 * MB)
    let read = 0
    for await (const chunk of response) {
      read += chunk.length
      if (read > 3 * MB) break
    }
    assert.ok((await sent()) < 40 * MB)
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * MB)
    pool.assertQuiescent()
  })
})
