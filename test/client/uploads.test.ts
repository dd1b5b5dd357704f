// Request bodies of each type: the bytes that are sent, back-pressure, and the closing of the
// source.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { Client, RequestOptions } from '../../src/index.ts'
import { Client as AnyClient } from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { deadOrigin, openClient, scriptedClient, settle, states } from './clients.ts'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly content: Buffer
}

/** Sends a POST request, and returns what the server received. */
async function received(t: TestContext, options: RequestOptions): Promise<Received> {
  let result: Received | undefined
  const { origin } = await httpServer(t, async (request, response) => {
    result = { headers: request.headers, content: await buffer(request) }
    response.end()
  })
  await openClient(t).post(origin, options)
  assert.ok(result)
  return result
}

function formOf({ headers, content }: Received): Promise<FormData> {
  const type = headers['content-type'] ?? ''
  return new Response(content, { headers: { 'content-type': type } }).formData()
}

/** Creates a file, which is removed after the test. */
function fileWith(t: TestContext, content: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'f'), content)
  return join(folder, 'f')
}

describe('the option content', () => {
  async function* generated() {
    yield 'in '
    yield Buffer.from('parts')
  }
  const bytes = Buffer.from('in parts')
  const cases: [name: string, make: () => RequestOptions['content'], isKnown: boolean][] = [
    ['a string', () => 'in parts', true],
    ['a Buffer', () => bytes, true],
    ['a Uint8Array', () => new Uint8Array(bytes), true],
    ['a DataView', () => new DataView(Uint8Array.from(bytes).buffer, 0), true],
    ['an ArrayBuffer', () => Uint8Array.from(bytes).buffer, true],
    ['a Blob', () => new Blob([bytes]), true],
    ['an array', () => ['in ', 'parts'], false],
    ['a generator', () => generated(), false],
    ['an async iterable', () => ({ [Symbol.asyncIterator]: generated }), false],
    ['a ReadableStream', () => new Blob([bytes]).stream(), false],
    ['a Readable', () => Readable.from(['in ', 'parts']), false],
  ]
  for (const [name, make, isKnown] of cases) {
    test(name, async (t) => {
      const { headers, content } = await received(t, { content: make() as string })
      assert.equal(String(content), 'in parts')
      assert.equal(headers['content-length'], isKnown ? '8' : undefined)
      assert.equal(headers['transfer-encoding'], isKnown ? undefined : 'chunked')
      assert.equal(headers['content-type'], undefined)
    })
  }

  describe('62 a file stream with an encoding yields text, and is sent chunked as UTF-8', () => {
    const latin1 = Buffer.from('ca\xe9', 'latin1')
    const cases: [encoding: BufferEncoding | null, text: string][] = [
      [null, latin1.toString('latin1')],
      ['latin1', 'caé'],
      ['utf8', 'ca\ufffd'],
      ['utf16le', latin1.toString('utf16le')],
      ['base64', 'Y2Hp'],
      ['hex', '6361e9'],
    ]
    for (const [encoding, expected] of cases) {
      test(`${encoding}`, async (t) => {
        const path = fileWith(t, latin1)
        for (const make of [
          () => createReadStream(path, encoding ?? undefined),
          () => {
            const stream = createReadStream(path)
            return encoding === null ? stream : stream.setEncoding(encoding)
          },
        ]) {
          const { headers, content } = await received(t, { content: make() })
          assert.equal(content.toString(encoding === null ? 'latin1' : 'utf8'), expected)
          assert.equal(headers['content-length'], encoding === null ? '3' : undefined)
          assert.equal(headers['transfer-encoding'], encoding === null ? undefined : 'chunked')
          const files = { f: make() }
          const form = await received(t, { files })
          const part = (await formOf(form)).get('f')
          assert.ok(part instanceof Blob)
          const sent = Buffer.from(await part.arrayBuffer())
          assert.equal(sent.toString(encoding === null ? 'latin1' : 'utf8'), expected)
        }
      })
    }

    test('that it is given after the request was built', async (t) => {
      let sent: Received | undefined
      const { origin } = await httpServer(t, async (request, response) => {
        sent = { headers: request.headers, content: await buffer(request) }
        response.end()
      })
      const client = openClient(t)
      const content = createReadStream(fileWith(t, latin1))
      const progress: (number | null)[] = []
      const onUploadProgress = ({ total }: { total: number | null }) => progress.push(total)
      const request = client.buildRequest('POST', origin, { content })
      content.setEncoding('latin1')
      await client.send(request)
      assert.equal(String(sent?.content), 'caé')
      const encoded = createReadStream(fileWith(t, latin1), 'latin1')
      await client.post(origin, { content: encoded, onUploadProgress })
      assert.equal(String(sent?.content), 'caé')
      assert.deepEqual(progress, [null])
    })
  })

  test('the type of a Blob is the default Content-Type', async (t) => {
    const content = new Blob(['x'], { type: 'image/png' })
    assert.equal((await received(t, { content })).headers['content-type'], 'image/png')
    const headers = { 'content-type': 'x/y' }
    assert.equal((await received(t, { content, headers })).headers['content-type'], 'x/y')
  })

  test('a stream with a Content-Length field', async (t) => {
    const headers = { 'Content-Length': '8' }
    const request = await received(t, { content: Readable.from(['in ', 'parts']), headers })
    assert.equal(String(request.content), 'in parts')
    assert.equal(request.headers['content-length'], '8')
    assert.equal(request.headers['transfer-encoding'], undefined)
  })
})

describe('forms', () => {
  test('URL-encoded fields', async (t) => {
    for (const data of [
      { a: '1 2', b: ['é', '&'], n: null, u: undefined },
      [
        ['a', '1 2'],
        ['b', ['é', '&']],
        ['n', null],
      ] as const,
      new URLSearchParams([
        ['a', '1 2'],
        ['b', 'é'],
        ['b', '&'],
        ['n', ''],
      ]),
    ]) {
      const { headers, content } = await received(t, { data })
      assert.equal(String(content), 'a=1+2&b=%C3%A9&b=%26&n=')
      assert.equal(headers['content-type'], 'application/x-www-form-urlencoded')
    }
  })

  test('FormData', async (t) => {
    const data = new FormData()
    data.append('a', 'é')
    data.append('f', new File(['file'], 'x.txt', { type: 'text/plain' }))
    const form = await formOf(await received(t, { data }))
    assert.equal(form.get('a'), 'é')
    assert.equal((form.get('f') as File).name, 'x.txt')
    assert.equal(await (form.get('f') as File).text(), 'file')
  })

  test('files of each type, with fields', async (t) => {
    const files = {
      bytes: Buffer.from('b'),
      string: 's',
      blob: new Blob(['bl'], { type: 'x/y' }),
      named: ['n.json', '{}'] as const,
      typed: ['t.json', Readable.from(['t']), 'text/x'] as const,
      several: [Buffer.from('1'), Buffer.from('2')],
    }
    const form = await formOf(await received(t, { data: { field: ['1', '2'] }, files }))
    assert.deepEqual(form.getAll('field'), ['1', '2'])
    const parts: string[] = []
    for (const [name, value] of form) {
      if (typeof value !== 'string')
        parts.push(`${name} ${value.name} ${value.type} ${await value.text()}`)
    }
    assert.deepEqual(parts, [
      'bytes upload application/octet-stream b',
      'string upload application/octet-stream s',
      'blob upload x/y bl',
      'named n.json application/json {}',
      'typed t.json text/x t',
      'several upload application/octet-stream 1',
      'several upload application/octet-stream 2',
    ])
  })

  test('300 files, half of them streams', async (t) => {
    const files = Array.from({ length: 300 }, (_, i) => {
      const content = `file ${i}`
      return [`f${i}`, i % 2 === 0 ? content : Readable.from([content])] as const
    })
    const form = await formOf(await received(t, { files }))
    let i = 0
    for (const [name, value] of form) {
      assert.equal(name, `f${i}`)
      assert.equal(await (value as File).text(), `file ${i++}`)
    }
    assert.equal(i, 300)
  })
})

test('14 a file of 1 GB from disk is read as fast as the server reads', async (t) => {
  const size = 1 << 30
  const folder = mkdtempSync(join(tmpdir(), 'hawser-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'large.bin')
  writeFileSync(path, '')
  truncateSync(path, size)
  let answer = (): void => {}
  let length = 0
  const { origin, sockets } = await rawServer(t, (socket) => {
    socket.pause()
    socket.on('data', (chunk) => {
      length += chunk.length
      if (length > size) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
    answer = () => socket.resume()
  })
  const file = createReadStream(path)
  const client = openClient(t, { timeout: null })
  const pending = client.post(origin, { files: { file } })
  // The server does not read: after some turns of the event loop, no more is read from the file.
  for (let still = 0, last = -1; still < 200; still++) {
    if (file.bytesRead !== last || last === 0 || sockets.length === 0) still = 0
    last = file.bytesRead
    await settle()
  }
  assert.ok(file.bytesRead > 0)
  assert.ok(file.bytesRead < 32 << 20, `${file.bytesRead} bytes were read ahead`)
  const before = process.memoryUsage.rss()
  answer()
  assert.equal((await pending).status, 200)
  assert.ok(length > size)
  const grown = process.memoryUsage.rss() - before
  assert.ok(grown < 64 << 20, `${grown} bytes more of memory`)
  // The server answers before it has received the end of the form.
  if (!file.destroyed) await once(file, 'close')
})

describe('the source of the body is closed', () => {
  /** Sources that never end. */
  const sources: Record<string, () => { options: RequestOptions; isClosed: () => boolean }> = {
    'a Readable': () => {
      const content = new PassThrough()
      return { options: { content }, isClosed: () => content.destroyed }
    },
    'a file of a form': () => {
      const first = new PassThrough()
      const last = new PassThrough()
      return {
        options: { files: { first, last } },
        isClosed: () => first.destroyed && last.destroyed,
      }
    },
    'a ReadableStream': () => {
      let cancelled = false
      const content = new ReadableStream<Uint8Array>({
        cancel() {
          cancelled = true
        },
      })
      return { options: { content }, isClosed: () => cancelled }
    },
    'an iterator': () => {
      let returned = false
      const content = {
        [Symbol.asyncIterator]: () => content,
        next: () => new Promise<IteratorResult<Uint8Array>>(() => {}),
        return: async () => {
          returned = true
          return { done: true as const, value: undefined }
        },
      }
      return { options: { content }, isClosed: () => returned }
    },
    'a Readable, with progress': () => {
      const content = new PassThrough()
      return { options: { content, onUploadProgress() {} }, isClosed: () => content.destroyed }
    },
  }

  type Fail = (t: TestContext, options: RequestOptions) => Promise<unknown>
  const url = 'http://h.test/'
  const reason = new Error('the reason')

  /** Failures of a call, before and after its body is read. */
  const failures: Record<string, Fail> = {
    'no server listens': async (t, options) => {
      await assert.rejects(openClient(t).post(await deadOrigin(), options), {
        name: 'ConnectError',
      })
    },
    'the name is unknown': async (t, options) => {
      const { client, backend } = scriptedClient(t)
      backend.hosts.set('h.test', new Error('no such name'))
      await assert.rejects(client.post(url, options), { name: 'ConnectError' })
    },
    'the connect timeout expires': async (t, options) => {
      const { client, backend, clock } = scriptedClient(t)
      backend.autoConnect = false
      const failed = assert.rejects(client.post(url, options), { name: 'ConnectTimeout' })
      await clock.advance(5000)
      await failed
    },
    'the pool timeout expires': async (t, options) => {
      const { client, clock } = scriptedClient(t, {
        poolLimits: { maxConnections: 1 },
        timeout: { read: null, pool: 10 },
      })
      client.get(url).catch(() => {})
      await settle()
      const failed = assert.rejects(client.post(url, options), { name: 'PoolTimeout' })
      await clock.advance(10)
      await failed
    },
    'the signal is aborted before': async (t, options) => {
      const { client } = scriptedClient(t)
      await assert.rejects(
        client.post(url, { ...options, signal: AbortSignal.abort(reason) }),
        reason,
      )
    },
    'the signal is aborted while it is sent': async (t, options) => {
      const { client, backend } = scriptedClient(t)
      const controller = new AbortController()
      const failed = assert.rejects(
        client.post(url, { ...options, signal: controller.signal }),
        reason,
      )
      await settle()
      assert.match(backend.socket.written, /^POST/)
      controller.abort(reason)
      await failed
    },
    'the connection is reset while it is sent': async (t, options) => {
      const { client, backend } = scriptedClient(t)
      const failed = assert.rejects(client.post(url, options), { name: 'ReadError' })
      await settle()
      backend.socket.reset()
      await failed
    },
    'the server responds early and closes': async (t, options) => {
      const { client, backend } = scriptedClient(t)
      const pending = client.post(url, options)
      await settle()
      backend.socket.receive(
        'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno',
      )
      backend.socket.receiveEnd()
      const response = await pending
      assert.equal(response.status, 413)
      assert.equal(response.text(), 'no')
    },
    'the server responds early and resets': async (t, options) => {
      const { client, backend } = scriptedClient(t)
      const pending = client.post(url, options)
      await settle()
      backend.socket.receive('HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno')
      backend.socket.reset()
      assert.equal((await pending).status, 401)
    },
    'a request hook throws': async (t, options) => {
      const hook = () => {
        throw reason
      }
      const { client } = scriptedClient(t, { eventHooks: { request: [hook] } })
      await assert.rejects(client.post(url, options), reason)
    },
    'an auth function throws': async (t, options) => {
      const { client } = scriptedClient(t)
      const auth = () => {
        throw reason
      }
      await assert.rejects(client.post(url, { ...options, auth }), reason)
    },
    'the request is refused': async (t, options) => {
      const { client } = scriptedClient(t)
      const headers = { 'transfer-encoding': 'gzip' }
      await assert.rejects(client.post(url, { ...options, headers }), {
        name: 'LocalProtocolError',
      })
    },
    'the client is closed': async (_, options) => {
      const client = new AnyClient()
      await client.close()
      await assert.rejects(client.post(url, options), { name: 'ClientClosed' })
    },
    'the client is closed meanwhile': async (t, options) => {
      const { client } = scriptedClient(t)
      const failed = assert.rejects(client.post(url, options), { name: 'ClientClosed' })
      await settle()
      await client.close()
      await failed
    },
  }
  for (const [how, fail] of Object.entries(failures)) {
    for (const [kind, make] of Object.entries(sources)) {
      test(`when ${how}: ${kind}`, async (t) => {
        const { options, isClosed } = make()
        await fail(t, options)
        await settle()
        assert.ok(isClosed())
      })
    }
  }

  test('a stream that a hook assigned', async (t) => {
    const content = new PassThrough()
    const { client, backend } = scriptedClient(t, {
      eventHooks: {
        request: [
          (request) => {
            request.content = content
          },
        ],
      },
    })
    backend.hosts.set('h.test', new Error('no such name'))
    await assert.rejects(client.post(url), { name: 'ConnectError' })
    assert.ok(content.destroyed)
  })
})

test('14 a redirect that needs a consumed stream fails with StreamConsumed', async (t) => {
  const { origin } = await httpServer(t, (request, response) => {
    request.resume().on('end', () => response.writeHead(307, { location: '/x' }).end())
  })
  const client: Client = openClient(t, { poolLimits: { maxConnections: 1 } })
  const failed = client.post(origin, { content: Readable.from(['x']) })
  await assert.rejects(failed, (error) => {
    const { name, request } = error as { name: string; request: { url: { href: string } } }
    assert.equal(name, 'StreamConsumed')
    assert.equal(request.url.href, `${origin}/x`)
    return true
  })
  assert.equal(states(client), '0 active, 1 idle')
})

test('a replayable body can be sent again after a failure', async (t) => {
  const blob = new Blob(['again'])
  const { origin } = await httpServer(t, async (request, response) => {
    response.end(await buffer(request))
  })
  const client = openClient(t)
  const request = client.buildRequest('POST', await deadOrigin(), { content: blob })
  await assert.rejects(client.send(request), { name: 'ConnectError' })
  request.url = new URL(origin)
  assert.equal((await client.send(request)).text(), 'again')
})
