// A client: reading after an abort, and the rest of an upload behind a complete response.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Progress, Response } from '../../src/index.ts'
import { settle } from '../support/scripted-clock.ts'
import { reply, Web } from './scripted-web.ts'

const URL = 'http://h.test/'
const reason = { any: 'value' }
const LINES = 'one\ntwo\nthree\n'
const GZIPPED = gzipSync(LINES).latin1Slice()

const readers: Record<string, (response: Response) => Promise<unknown>> = {
  'read()': (response) => response.read(),
  'iterBytes()': (response) => response.iterBytes().next(),
  'iterText()': (response) => response.iterText().next(),
  'iterLines()': (response) => response.iterLines().next(),
  'iterJSON()': (response) => response.iterJSON().next(),
  'iterRaw()': (response) => response.iterRaw().next(),
  'bodyStream()': (response) => response.bodyStream().getReader().read(),
}

describe('47 reading after an abort rejects with the reason', () => {
  for (const coding of ['identity', 'gzip'] as const) {
    const replied =
      coding === 'gzip' ? reply(200, ['Content-Encoding: gzip'], GZIPPED) : reply(200, [], LINES)

    for (const [name, read] of Object.entries(readers)) {
      test(`${name}, ${coding}`, async () => {
        const web = new Web(() => replied)
        const client = web.client()
        const controller = new AbortController()
        const { signal } = controller
        const response = await web.during(client.stream('GET', URL, { signal }))
        controller.abort(reason)
        await assert.rejects(read(response), (error) => error === reason)
        await client.close()
      })
    }

    test(`an iterator over lines of the same chunk, ${coding}`, async () => {
      const web = new Web(() => replied)
      const client = web.client()
      const controller = new AbortController()
      const { signal } = controller
      const response = await web.during(client.stream('GET', URL, { signal }))
      const lines = response.iterLines()
      assert.equal((await lines.next()).value, 'one')
      controller.abort(reason)
      await assert.rejects(lines.next(), (error) => error === reason)
      await client.close()
    })
  }

  test('iterators over events and records of the same chunk', async () => {
    const web = new Web(({ target }) =>
      target === '/json'
        ? reply(200, [], '1\n2\n')
        : reply(200, ['Content-Type: text/event-stream'], 'data: 1\n\ndata: 2\n\n'),
    )
    const client = web.client()
    for (const [path, iterate] of [
      ['json', (response: Response) => response.iterJSON()],
      ['events', (response: Response) => response.iterEvents()],
    ] as const) {
      const controller = new AbortController()
      const { signal } = controller
      const response = await web.during(client.stream('GET', `${URL}${path}`, { signal }))
      const values = iterate(response)
      assert.equal((await values.next()).done, false)
      controller.abort(reason)
      await assert.rejects(values.next(), (error) => error === reason)
    }
    await client.close()
  })

  test('a body that was read before stays readable', async () => {
    const web = new Web(() => reply(200, [], LINES))
    const client = web.client()
    const controller = new AbortController()
    const response = await web.during(client.get(URL, { signal: controller.signal }))
    controller.abort(reason)
    assert.equal(response.text(), LINES)
    const lines: string[] = []
    for await (const line of response.iterLines()) lines.push(line)
    assert.deepEqual(lines, ['one', 'two', 'three'])
    await client.close()
  })
})

/** A stream that never ends, and what it was cancelled with. */
function endless() {
  const reasons: unknown[] = []
  const stream = new ReadableStream<Uint8Array>({
    start: (queue) => queue.enqueue(Buffer.from('abc')),
    cancel: (given) => void reasons.push(given),
  })
  return { stream, reasons }
}

describe('47 the upload stream is cancelled with the reason of the signal', () => {
  const bodies: Record<string, (stream: ReadableStream<Uint8Array>) => object> = {
    content: (content) => ({ content }),
    'a file of a form': (file) => ({ files: { file } }),
    'with progress': (content) => ({ content, onUploadProgress() {} }),
  }
  for (const [name, options] of Object.entries(bodies)) {
    for (const when of ['during the upload', 'while it waits for a connection'] as const) {
      test(`${name}, ${when}`, async () => {
        const web = new Web(() => null)
        const client = web.client({ poolLimits: { maxConnections: 1 } })
        if (when !== 'during the upload') client.get(URL).catch(() => {})
        const { stream, reasons } = endless()
        const controller = new AbortController()
        const { signal } = controller
        const call = client.post(URL, { ...options(stream), signal })
        const failed = assert.rejects(call, (error) => error === reason)
        await web.serve()
        controller.abort(reason)
        await failed
        await settle()
        assert.deepEqual(reasons, [reason])
        await client.close()
      })
    }
  }
})

describe('44 the rest of an upload behind a complete response', () => {
  /** Answers with 200 as soon as the head of a request has arrived. */
  async function early(web: Web) {
    await web.serve()
    web.backend.socket.receive(reply(200, [], 'early'))
    await web.serve()
  }

  /** A stream whose chunks come from the test. */
  function manual() {
    let queue!: ReadableStreamDefaultController<Uint8Array>
    const stream = new ReadableStream<Uint8Array>({
      start: (given) => {
        queue = given
      },
    })
    return {
      stream,
      give: (text: string) => queue.enqueue(Buffer.from(text)),
      end: () => queue.close(),
    }
  }

  test('is sent, and onUploadProgress reports it', async () => {
    const web = new Web(() => null)
    const client = web.client()
    const { stream, give, end } = manual()
    const progress: number[] = []
    const call = client.post(URL, {
      content: stream,
      onUploadProgress: ({ bytes }: Progress) => void progress.push(bytes),
    })
    await early(web)
    assert.equal((await call).text(), 'early')
    give('abc')
    await web.serve()
    end()
    await web.serve()
    assert.deepEqual(progress, [3])
    const next = client.post(URL, { content: 'next' })
    await early(web)
    await next
    assert.equal(web.backend.sockets.length, 1) // the connection was kept
    await client.close()
  })

  test('ends when the client is closed', async () => {
    const web = new Web(() => null)
    const client = web.client()
    const { stream, reasons } = endless()
    const call = client.post(URL, { content: stream })
    await early(web)
    await call
    assert.equal(reasons.length, 0)
    await client.close()
    await settle()
    assert.equal(reasons.length, 1)
    assert.equal(web.backend.holdCount, 0)
  })

  test('a redirect, a challenge and a retry close the source before the next request', async () => {
    for (const status of [302, 307, 401, 503]) {
      const web = new Web(() => null)
      const client = web.client({ retries: 1, auth: ['user', 'password'], followRedirects: true })
      let returned = 0
      const content = {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise<never>(() => {}),
          return: async () => {
            returned++
            return { done: true as const, value: undefined }
          },
        }),
      }
      const call = client.put(URL, { content }).catch(() => {})
      await web.serve()
      const [first] = web.backend.sockets
      const fields = ['Location: /there', 'Retry-After: 0', 'WWW-Authenticate: Basic realm="x"']
      first?.receive(reply(status, fields))
      await web.serve()
      await web.clock.advance(1)
      assert.equal(returned, 1, `${status}`)
      await client.close()
      await call
    }
  })
})
