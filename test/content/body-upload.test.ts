// The bodies that the client encodes, as the engine sends them.
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { BodyOptions } from '../../src/content/body-options.ts'
import { lengthOf } from '../../src/content/content.ts'
import { encodeBody } from '../../src/content/encode-body.ts'
import type { Progress } from '../../src/content/progress.ts'
import { withProgress } from '../../src/content/progress.ts'
import type { Body } from '../../src/models/request.ts'
import { httpServer, openPool, rawServer } from '../engine/servers.ts'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly content: Buffer
}

/** Sends a body as the client does, and returns what the server received. */
async function exchange(
  t: TestContext,
  options: BodyOptions,
  onProgress?: (progress: Progress) => void,
): Promise<Received> {
  let received: Received | undefined
  const { origin } = await httpServer(t, async (request, response) => {
    received = { headers: request.headers, content: await buffer(request) }
    response.end()
  })
  const encoded = encodeBody(options, null)
  assert.ok(encoded)
  let body: Body = encoded.content
  let length = lengthOf(encoded.content)
  if (onProgress) {
    body = withProgress(body, onProgress)
    length = lengthOf(body)
  }
  const headers: string[] = []
  if (encoded.contentType !== null) headers.push('content-type', encoded.contentType)
  if (length !== null) headers.push('content-length', String(length))
  const response = await openPool(t).request({ origin, path: '/', method: 'PUT', headers, body })
  await response.bytes()
  assert.ok(received)
  return received
}

describe('a body is sent with a Content-Length if it is known, else in chunks', () => {
  const file = new Blob([Buffer.alloc(300_000, 'x')])
  const bodies: [name: string, make: () => BodyOptions, length: number | null][] = [
    ['a string', () => ({ content: 'é' }), 2],
    ['a Blob', () => ({ content: file }), file.size],
    ['a Readable', () => ({ content: Readable.from(['a', 'b']) }), null],
    [
      'a generator',
      () => ({
        content: (function* () {
          yield 'ab'
        })(),
      }),
      null,
    ],
    ['a ReadableStream', () => ({ content: file.stream() }), null],
    ['JSON', () => ({ json: { a: 1 } }), 7],
    ['a form', () => ({ data: { a: 1 } }), 3],
  ]
  for (const progress of [false, true]) {
    for (const [name, make, length] of bodies) {
      test(progress ? `${name}, with progress` : name, async (t) => {
        const reports: Progress[] = []
        const onProgress = (report: Progress) => void reports.push(report)
        const { headers, content } = await exchange(t, make(), progress ? onProgress : undefined)
        assert.equal(headers['content-length'], length === null ? undefined : String(length))
        assert.equal(headers['transfer-encoding'], length === null ? 'chunked' : undefined)
        if (length !== null) assert.equal(content.length, length)
        if (progress) assert.deepEqual(reports.at(-1), { bytes: content.length, total: length })
      })
    }
  }

  test('multipart', async (t) => {
    for (const f of [file, file.stream()]) {
      const { headers, content } = await exchange(t, { data: { a: 'b' }, files: { f } })
      const known = f === file ? String(content.length) : undefined
      assert.equal(headers['content-length'], known)
      const type = headers['content-type'] ?? ''
      const form = await new Response(content, { headers: { 'content-type': type } }).formData()
      assert.equal(form.get('a'), 'b')
      assert.equal((form.get('f') as File).size, file.size)
    }
  })
})

test('a small form is sent in one write, with its head', async (t) => {
  const reads: string[] = []
  const { origin } = await rawServer(t, (socket) => {
    socket.on('data', (chunk) => {
      reads.push(chunk.toString('latin1'))
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
  })
  const files = Array.from({ length: 100 }, (_, i) => ['f', `${i}`] as const)
  const encoded = encodeBody({ files }, null)
  const response = await openPool(t).request({
    origin,
    path: '/',
    method: 'POST',
    body: encoded?.content ?? null,
  })
  await response.bytes()
  assert.equal(reads.length, 1)
  assert.match(reads.join(), /--\r\n$/)
})

describe('an upload that ends early closes its files', () => {
  test('when it is aborted while a part is awaited', async (t) => {
    const { origin } = await rawServer(t, () => {})
    const stuck = new PassThrough()
    const later = new PassThrough()
    const encoded = encodeBody({ files: { a: stuck, b: later } }, null)
    const controller = new AbortController()
    const pending = openPool(t).request({
      origin,
      path: '/',
      method: 'POST',
      body: encoded?.content ?? null,
      signal: controller.signal,
    })
    await new Promise((resolve) => stuck.once('newListener', resolve)) // reading has begun
    const closed = new Promise((resolve) => later.once('close', resolve))
    controller.abort()
    await assert.rejects(pending, { name: 'AbortError' })
    await closed
    assert.equal(stuck.destroyed, true)
  })

  test('when the progress callback throws', async (t) => {
    const stream = Readable.from(['a', 'b', 'c'])
    const cause = new Error('thrown by the callback')
    const failed = exchange(t, { content: stream }, () => {
      throw cause
    })
    await assert.rejects(failed, { name: 'WriteError', cause })
    assert.equal(stream.destroyed, true)
  })
})
