// The options onUploadProgress and onDownloadProgress.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Progress, RequestOptions } from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { openClient, scriptedClient, settle, states } from './clients.ts'

const SIZE = 300_000

/** A server that sends the body of the request back when it has received all of it. */
const echo = (t: Parameters<typeof httpServer>[0], coding = 'identity', chunked = false) =>
  httpServer(t, async (request, response) => {
    // The request may be aborted.
    const content = await buffer(request).catch(() => Buffer.alloc(0))
    const body = coding === 'gzip' ? gzipSync(content) : content
    response.setHeader('content-encoding', coding)
    if (!chunked) response.setHeader('content-length', body.length)
    response.write(body)
    response.end()
  })

/** Asserts that the counts rise up to `bytes`, and that each report has this total. */
function assertRising(reports: readonly Progress[], bytes: number, total: number | null): void {
  const counts = reports.map((report) => report.bytes)
  assert.deepEqual(
    counts,
    [...new Set(counts)].sort((a, b) => a - b),
  )
  assert.equal(counts.at(-1), bytes)
  for (const report of reports) assert.equal(report.total, total)
}

describe('onUploadProgress', () => {
  const content = Buffer.alloc(SIZE)
  const cases: [name: string, options: () => RequestOptions, isKnown: boolean][] = [
    ['bytes', () => ({ content }), true],
    ['a string', () => ({ content: 'x'.repeat(SIZE) }), true],
    ['a Blob', () => ({ content: new Blob([content]) }), true],
    ['a stream', () => ({ content: Readable.from([content]) }), false],
    [
      'a stream with a Content-Length field',
      () => ({ content: Readable.from([content]), headers: { 'content-length': String(SIZE) } }),
      true,
    ],
    ['JSON', () => ({ json: { a: 'x'.repeat(SIZE) } }), true],
    ['a form', () => ({ data: { a: 'x'.repeat(SIZE) } }), true],
    ['a form with files', () => ({ data: { a: 'b' }, files: { f: new Blob([content]) } }), true],
  ]
  for (const [name, options, isKnown] of cases) {
    test(`reports ${name}`, async (t) => {
      const { origin } = await echo(t)
      const reports: Progress[] = []
      const onUploadProgress = (report: Progress) => void reports.push(report)
      const response = await openClient(t).post(origin, { ...options(), onUploadProgress })
      const sent = response.bytes().length
      assert.ok(sent >= SIZE)
      assert.ok(reports.length > 1)
      assertRising(reports, sent, isKnown ? sent : null)
    })
  }

  test('is not called without a body', async (t) => {
    const { origin } = await echo(t)
    const onUploadProgress = () => assert.fail()
    await openClient(t).get(origin, { onUploadProgress })
    await openClient(t).post(origin, { onUploadProgress })
  })

  test('counts from 0 again when the body is sent again', async (t) => {
    const { origin } = await httpServer(t, (request, response) => {
      request.resume().on('end', () => {
        if (request.url === '/') response.writeHead(307, { location: '/x' }).end()
        else response.end()
      })
    })
    const reports: number[] = []
    await openClient(t).post(`${origin}/`, {
      content: Buffer.alloc(100_000),
      onUploadProgress: ({ bytes }) => reports.push(bytes),
    })
    assert.deepEqual(reports, [65_536, 100_000, 65_536, 100_000])
  })
})

describe('onDownloadProgress', () => {
  for (const coding of ['identity', 'gzip']) {
    for (const chunked of [false, true]) {
      test(`counts bytes before decoding: ${coding}${chunked ? ', chunked' : ''}`, async (t) => {
        const { origin } = await echo(t, coding, chunked)
        const content = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * i) >> 7))
        const received = coding === 'gzip' ? gzipSync(content).length : SIZE
        const client = openClient(t)
        const reports: Progress[] = []
        const options = {
          content,
          onDownloadProgress: (report: Progress) => void reports.push(report),
        }
        const check = () => {
          assertRising(reports, received, chunked ? null : received)
          reports.length = 0
        }
        const response = await client.post(origin, options)
        assert.deepEqual(Buffer.from(response.bytes()), content)
        check()
        for (const iterate of ['iterBytes', 'iterRaw', 'bodyStream'] as const) {
          const streamed = await client.stream('POST', origin, options)
          for await (const _ of streamed[iterate]());
          check()
        }
      })
    }
  }

  test('is called before the chunk is yielded', async (t) => {
    const { client, backend } = scriptedClient(t)
    const reports: Progress[] = []
    const pending = client.stream('GET', 'http://h.test/', {
      onDownloadProgress: (report) => void reports.push(report),
    })
    await settle()
    backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nab')
    const chunks = (await pending).iterBytes()
    await chunks.next()
    assert.deepEqual(reports, [{ bytes: 2, total: 4 }])
    backend.socket.receive('cd')
    await chunks.next()
    assert.deepEqual(reports[1], { bytes: 4, total: 4 })
    assert.equal((await chunks.next()).done, true)
  })

  test('is not called for an empty body', async (t) => {
    const { origin } = await echo(t)
    const onDownloadProgress = () => assert.fail()
    await openClient(t).get(origin, { onDownloadProgress })
    await openClient(t).head(origin, { onDownloadProgress })
  })

  test('is not called for the body of a redirect', async (t) => {
    const { origin } = await httpServer(t, (request, response) => {
      if (request.url === '/') response.writeHead(302, { location: '/x' }).end('x'.repeat(1000))
      else response.end('ok')
    })
    const reports: Progress[] = []
    await openClient(t).get(`${origin}/`, { onDownloadProgress: (report) => reports.push(report) })
    assert.deepEqual(reports, [{ bytes: 2, total: 2 }])
  })
})

describe('a callback that fails', () => {
  const cause = new Error('thrown by the callback')
  const callbacks: Record<string, () => void> = {
    throws: () => {
      throw cause
    },
    rejects: async () => Promise.reject(cause),
  }
  for (const [how, callback] of Object.entries(callbacks)) {
    for (const coding of ['identity', 'gzip']) {
      test(`${how}, for a response body with coding ${coding}`, async (t) => {
        const { origin } = await echo(t, coding)
        const client = openClient(t, { poolLimits: { maxConnections: 1 } })
        const options = { content: Buffer.alloc(SIZE), onDownloadProgress: callback }
        await assert.rejects(client.post(origin, options), (error) => error === cause)
        const streamed = await client.stream('POST', origin, options)
        await assert.rejects(streamed.iterBytes().next(), (error) => error === cause)
        assert.match(states(client), /^0 active/)
        await client.get(origin)
      })
    }

    test(`${how}, for a request body`, async (t) => {
      const { origin } = await echo(t)
      const client = openClient(t, { poolLimits: { maxConnections: 1 } })
      const content = Readable.from(['a', 'b', 'c'])
      const failed = client.post(origin, { content, onUploadProgress: callback })
      await assert.rejects(failed, { name: 'WriteError', cause })
      assert.equal(content.destroyed, true)
      await client.get(origin)
    })
  }

  test('a value that is not a function is a TypeError', async (t) => {
    const client = openClient(t)
    for (const callback of [7, 'x', {}]) {
      for (const name of ['onUploadProgress', 'onDownloadProgress']) {
        const options = { content: 'x', [name]: callback } as RequestOptions
        await assert.rejects(client.post('http://h.test', options), {
          name: 'TypeError',
          message: new RegExp(`${name} must be a function`),
        })
      }
    }
  })
})
