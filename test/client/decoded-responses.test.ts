// Content codings and size limits of the client's responses.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import * as zlib from 'node:zlib'
import { acceptEncoding } from '../../src/content/decoding/decoder.ts'
import type { Client, ClientOptions, RequestOptions, Response } from '../../src/index.ts'
import {
  ClientClosed,
  DecodingError,
  ReadError,
  RemoteProtocolError,
  ResponseTooLarge,
  TotalTimeout,
} from '../../src/index.ts'
import { BOMB_CODINGS, quietBomb } from '../content/bombs.ts'
import { httpServer } from '../engine/servers.ts'
import { openClient, scriptedClient, settle, states } from './clients.ts'

const URL = 'http://h.test/'
const HEAD = 'HTTP/1.1 200 OK\r\n'
const text = 'Ein Text mit Umlauten: äöü. '.repeat(5000)

type Encode = (bytes: string | Uint8Array) => Buffer

/** Missing in the types of Node.js 20. */
const { zstdCompressSync } = zlib as unknown as {
  zstdCompressSync?: Encode
}

const encoders: { [coding: string]: Encode; gzip: Encode; deflate: Encode; br: Encode } = {
  gzip: (bytes) => zlib.gzipSync(bytes),
  'X-GZIP': (bytes) => zlib.gzipSync(bytes),
  deflate: (bytes) => zlib.deflateSync(bytes),
  br: (bytes) => zlib.brotliCompressSync(bytes),
  ...(zstdCompressSync && { zstd: zstdCompressSync }),
}

/** A server that responds to every request with this body and Content-Encoding. */
function serve(
  t: TestContext,
  coding: string | string[],
  body: string | Uint8Array,
  chunked = false,
) {
  return httpServer(t, (_, response) => {
    response.setHeader('content-encoding', coding)
    if (!chunked) response.setHeader('content-length', Buffer.byteLength(body))
    response.write(body)
    response.end()
  })
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

describe('S16 a compressed body', () => {
  for (const [coding, encode] of Object.entries(encoders)) {
    for (const [size, plain] of [
      ['small', 'wenig'],
      ['large', text],
      ['no', ''],
    ] as const) {
      test(`${coding}, ${size}: read, iterated, and iterated without decoding`, async (t) => {
        for (const chunked of [false, true]) {
          const coded = encode(plain)
          const { origin } = await serve(t, coding, coded, chunked)
          const client = openClient(t, { poolLimits: { maxConnections: 1 } })
          const read = await client.get(origin)
          assert.equal(read.text(), plain)
          assert.equal(read.headers.get('content-encoding'), coding)
          assert.equal(String(await bytesOf(read.iterBytes())), plain)
          const stream = () => client.stream('GET', origin)
          assert.equal((await (await stream()).read()).text(), plain)
          assert.equal(String(await bytesOf((await stream()).iterBytes())), plain)
          assert.equal(String(await bytesOf((await stream()).bodyStream())), plain)
          assert.deepEqual(await bytesOf((await stream()).iterRaw()), coded)
          let joined = ''
          for await (const part of (await stream()).iterText()) joined += part
          assert.equal(joined, plain)
          assert.equal(states(client), '0 active, 1 idle')
        }
      })
    }
  }

  test('raw DEFLATE, several members, several codings and fields', async (t) => {
    const { gzip, br, deflate } = encoders
    const cases: [coding: string | string[], body: Buffer][] = [
      ['deflate', zlib.deflateRawSync('abcdef')],
      ['gzip', Buffer.concat([gzip('abc'), gzip('def')])],
      ['deflate, GZip', gzip(deflate('abcdef'))],
      [['br', ' gzip ,, identity'], gzip(br('abcdef'))],
      ['gzip, gzip, gzip, gzip, gzip', gzip(gzip(gzip(gzip(gzip('abcdef')))))],
      ['identity', Buffer.from('abcdef')],
    ]
    for (const [coding, body] of cases) {
      const { origin } = await serve(t, coding, body)
      const client = openClient(t)
      assert.equal((await client.get(origin)).text(), 'abcdef', `${coding}`)
      const streamed = await client.stream('GET', origin)
      assert.equal(String(await bytesOf(streamed.iterBytes())), 'abcdef', `${coding}`)
    }
  })

  test('two calls of read() decode it once', async (t) => {
    const { origin } = await serve(t, 'gzip', encoders.gzip(text))
    const response = await openClient(t).stream('GET', origin)
    await Promise.all([response.read(), response.read()])
    assert.equal(response.text(), text)
  })

  test('with an unknown coding is not decoded', async (t) => {
    for (const coding of ['klingon', 'gzip, klingon', 'klingon, gzip', '__proto__']) {
      const body = encoders.gzip('abc')
      const { origin } = await serve(t, coding, body)
      const client = openClient(t)
      assert.deepEqual((await client.get(origin)).bytes(), body)
      assert.deepEqual(await bytesOf((await client.stream('GET', origin)).iterBytes()), body)
    }
  })

  for (const [coding, flush, make] of [
    ['gzip', zlib.constants.Z_SYNC_FLUSH, () => zlib.createGzip()],
    ['deflate', zlib.constants.Z_SYNC_FLUSH, () => zlib.createDeflate()],
    ['br', zlib.constants.BROTLI_OPERATION_FLUSH, () => zlib.createBrotliCompress()],
  ] as const) {
    test(`${coding}: the first line is decoded before the server sends the second`, async (t) => {
      let finish = (): void => {}
      const { origin } = await httpServer(t, (_, response) => {
        response.writeHead(200, { 'content-encoding': coding })
        const encoder = make()
        encoder.pipe(response)
        encoder.write('first line\nsec')
        encoder.flush(flush)
        finish = () => encoder.end('ond')
      })
      const response = await openClient(t).stream('GET', origin)
      const lines = response.iterLines()
      assert.equal((await lines.next()).value, 'first line')
      finish()
      assert.equal((await lines.next()).value, 'second')
      assert.equal((await lines.next()).done, true)
    })
  }

  test('Accept-Encoding contains the codings that can be decoded', async (t) => {
    let accepted: string | undefined
    const { origin } = await httpServer(t, (request, response) => {
      accepted = String(request.headers['accept-encoding'])
      response.end()
    })
    await openClient(t).get(origin)
    assert.equal(accepted, acceptEncoding())
    assert.equal(accepted.includes('zstd'), zstdCompressSync !== undefined)
  })
})

/** All methods of reading a body to its end. */
const readers: Record<
  string,
  (client: Client, url: string, options?: RequestOptions) => Promise<unknown>
> = {
  get: (client, url, options) => client.get(url, options),
  'get with progress': (client, url, options) =>
    client.get(url, { ...options, onDownloadProgress() {} }),
  'stream and read': async (client, url, options) =>
    (await client.stream('GET', url, options)).read(),
  iterBytes: async (client, url, options) =>
    bytesOf((await client.stream('GET', url, options)).iterBytes()),
  bodyStream: async (client, url, options) =>
    bytesOf((await client.stream('GET', url, options)).bodyStream()),
  iterLines: async (client, url, options) => {
    for await (const _ of (await client.stream('GET', url, options)).iterLines());
  },
}

describe('27, S10 an invalid body', () => {
  const gzip = encoders.gzip(text)
  const corrupt = Buffer.from(gzip)
  corrupt.fill(0, gzip.length >> 1, (gzip.length >> 1) + 20)
  const small = encoders.gzip('wenig')
  const cases: [name: string, coding: string, body: Buffer, message: RegExp][] = [
    [
      'not compressed',
      'gzip',
      Buffer.from('no gzip at all'),
      /decode the gzip content of the response/,
    ],
    ['corrupt', 'gzip', corrupt, /decode the gzip content of the response/],
    [
      'truncated',
      'gzip',
      gzip.subarray(0, -1),
      /decode the gzip content of the response: unexpected end/,
    ],
    [
      'small, truncated',
      'gzip',
      small.subarray(0, -1),
      /gzip content of the response: unexpected end/,
    ],
    [
      'truncated',
      'deflate',
      encoders.deflate(text).subarray(0, -5),
      /decode the deflate content of the response/,
    ],
    ['truncated', 'br', encoders.br(text).subarray(0, -5), /decode the br content of the response/],
    ['an invalid checksum', 'gzip', Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(8)]), /gzip/],
    [
      'six codings',
      'gzip, gzip, gzip, gzip, gzip, gzip',
      small,
      /6 content codings; at most 5 are supported/,
    ],
    ['1,000 codings', Array(1000).fill('gzip').join(), small, /1000 content codings/],
  ]
  for (const [name, coding, body, message] of cases) {
    for (const [way, read] of Object.entries(readers)) {
      test(`${coding.slice(0, 12)}, ${name}: ${way}`, async (t) => {
        const { origin } = await serve(t, coding, body)
        const client = openClient(t, { poolLimits: { maxConnections: 1 }, timeout: { pool: 500 } })
        await assert.rejects(read(client, `${origin}/x?secret`), (error) => {
          assert.ok(error instanceof DecodingError, String(error))
          assert.equal(error.code, 'HAWSER_DECODING_ERROR')
          assert.match(error.message, message)
          const { request } = error as { request: Response['request'] | null }
          assert.equal(request?.url.href, `${origin}/x?secret`)
          assert.equal(error.phase, 'read')
          assert.equal(error.responseStarted, true)
          assert.equal(error.safeToRetry, false)
          return true
        })
        assert.match(states(client), /^0 active/)
      })
    }
  }

  test('six codings: the connection is closed immediately if the body is large', async (t) => {
    for (const iterate of [false, true]) {
      const { client, backend } = scriptedClient(t)
      const pending = client.stream('GET', URL)
      await settle()
      const codings = Array(6).fill('gzip').join()
      backend.socket.receive(
        `${HEAD}Content-Encoding: ${codings}\r\nContent-Length: 1000000\r\n\r\n`,
      )
      const response = await pending
      await assert.rejects(iterate ? response.iterBytes().next() : response.read(), DecodingError)
      assert.ok(backend.socket.destroyed)
    }
  })

  test('yields the data that was decoded before the error', async (t) => {
    const { origin } = await serve(t, 'gzip', gzip.subarray(0, -1))
    const response = await openClient(t).stream('GET', origin)
    let length = 0
    const reading = async () => {
      for await (const chunk of response.iterBytes()) length += chunk.length
    }
    await assert.rejects(reading(), DecodingError)
    assert.equal(length, Buffer.byteLength(text))
  })

  test('27, S10 a connection that ends early is not a DecodingError', async (t) => {
    for (const coding of ['gzip', 'br'] as const) {
      const { client, backend } = scriptedClient(t)
      const pending = client.stream('GET', URL)
      await settle()
      const body = encoders[coding](text)
      backend.socket.receive(
        `${HEAD}Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`,
      )
      backend.socket.receive(body.subarray(0, -1))
      backend.socket.receiveEnd()
      await assert.rejects(
        bytesOf((await pending).iterBytes()),
        (error) => error instanceof ReadError || error instanceof RemoteProtocolError,
      )
    }
  })

  test('36 the body of a redirect is not decoded', async (t) => {
    const { origin } = await httpServer(t, (request, response) => {
      response.setHeader('content-encoding', 'gzip')
      if (request.url === '/') response.writeHead(302, { location: '/x' }).end('no gzip at all')
      else response.end(small)
    })
    assert.equal((await openClient(t).get(`${origin}/`)).text(), 'wenig')
  })
})

describe('36, 37 maxResponseSize', () => {
  const bomb = encoders.gzip(Buffer.alloc(20 << 20))
  const bodies: Record<string, { coding: string; body: Uint8Array }> = {
    plain: { coding: 'identity', body: Buffer.alloc(1001) },
    'an unknown coding': { coding: 'klingon', body: Buffer.alloc(1001) },
    gzip: { coding: 'gzip', body: encoders.gzip(Buffer.alloc(1001)) },
    'a decompression bomb': { coding: 'gzip', body: bomb },
    'a bomb compressed twice': { coding: 'gzip, gzip', body: encoders.gzip(bomb) },
    'a Brotli bomb': { coding: 'br', body: encoders.br(Buffer.alloc(20 << 20)) },
    'gzip in br': { coding: 'gzip, br', body: encoders.br(encoders.gzip(text)) },
  }
  for (const [name, { coding, body }] of Object.entries(bodies)) {
    for (const [way, read] of Object.entries(readers)) {
      test(`${name}: ${way}`, async (t) => {
        for (const chunked of [false, true]) {
          const { origin } = await serve(t, coding, body, chunked)
          const options: ClientOptions = {
            maxResponseSize: 1000,
            poolLimits: { maxConnections: 1 },
          }
          const client = openClient(t, options)
          await assert.rejects(read(client, origin), (error) => {
            assert.ok(error instanceof ResponseTooLarge, String(error))
            assert.equal(error.code, 'HAWSER_RESPONSE_TOO_LARGE')
            assert.match(error.message, /the limit is 1000$/)
            const { request } = error as { request: Response['request'] | null }
            assert.equal(request?.url.origin, origin)
            assert.equal(error.responseStarted, true)
            return true
          })
          assert.match(states(client), /^0 active/)
        }
      })
    }
  }

  test('a body of exactly this size is accepted, also for 0', async (t) => {
    for (const size of [1000, 0]) {
      for (const coding of ['identity', 'gzip', 'br']) {
        const body = Buffer.alloc(size, 'x')
        const coded = encoders[coding]?.(body) ?? body
        const { origin } = await serve(t, coding, coded)
        const client = openClient(t, { maxResponseSize: size })
        for (const read of Object.values(readers)) await read(client, origin)
        assert.equal((await client.get(origin)).bytes().length, size)
      }
    }
  })

  test('a stream yields the allowed bytes, then fails; iterRaw counts undecoded bytes', async (t) => {
    const { origin } = await serve(t, 'gzip', bomb)
    const client = openClient(t, { maxResponseSize: 5000 })
    for (const iterate of ['iterBytes', 'iterRaw'] as const) {
      const response = await client.stream('GET', origin)
      let length = 0
      const reading = async () => {
        for await (const chunk of response[iterate]()) length += chunk.length
      }
      await assert.rejects(reading(), ResponseTooLarge)
      assert.equal(length, 5000)
    }
  })

  test('a larger Content-Length fails before the body is read', async (t) => {
    const { client, backend } = scriptedClient(t, { maxResponseSize: 1000 })
    const pending = assert.rejects(client.get(URL), /has 1001 bytes; the limit is 1000/)
    await settle()
    backend.socket.receive(`${HEAD}Content-Length: 1001\r\n\r\n`)
    await pending
    assert.ok(backend.socket.destroyed)
  })

  test('ignores the Content-Length of a response to HEAD', async (t) => {
    const { origin } = await serve(t, 'gzip', bomb)
    const response = await openClient(t, { maxResponseSize: 1 }).head(origin)
    assert.equal(Number(response.headers.get('content-length')), bomb.length)
  })

  test('does not apply to the body of a redirect', async (t) => {
    const { origin } = await httpServer(t, (request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/x' }).end('x'.repeat(100))
      else response.end('ok')
    })
    assert.equal((await openClient(t, { maxResponseSize: 2 }).get(`${origin}/`)).text(), 'ok')
  })
})

test('36 a hostile Content-Length allocates no memory', async (t) => {
  const { client, backend } = scriptedClient(t, { timeout: null })
  const before = process.memoryUsage.rss()
  for (const stream of [false, true]) {
    const pending = stream
      ? client.stream('GET', URL).then((response) => bytesOf(response.iterBytes()))
      : client.get(URL)
    const failed = assert.rejects(pending, /valid|broke/)
    await settle()
    backend.socket.receive(`${HEAD}Content-Length: 1000000000000000\r\n\r\n`)
    await settle()
    backend.socket.receive('x'.repeat(100_000))
    await settle()
    const grown = process.memoryUsage.rss() - before
    assert.ok(grown < 64 << 20, `${grown} bytes more`)
    backend.socket.receiveEnd()
    await failed
  }
})

describe('50 the decoding of a bomb leaves the event loop its turns, so that it can be ended', () => {
  for (const coding of BOMB_CODINGS) {
    const { contentEncoding, body } = quietBomb(coding)
    for (const [way, read] of Object.entries(readers)) {
      test(`${coding}, ${way}`, async (t) => {
        const { origin } = await serve(t, contentEncoding, body)
        const client = openClient(t)
        await assert.rejects(read(client, origin, { timeout: { total: 50 } }), TotalTimeout)
        const controller = new AbortController()
        const reason = new Error('no longer needed')
        const aborted = assert.rejects(read(client, origin, { signal: controller.signal }), reason)
        setTimeout(() => controller.abort(reason), 50)
        await aborted
        const closed = assert.rejects(read(client, origin), ClientClosed)
        setTimeout(() => void client.close(), 50)
        await closed
      })
    }
  }
})
