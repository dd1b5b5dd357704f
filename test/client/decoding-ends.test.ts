// What ends a call whose body has been received, but not yet decoded or read.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CallGuard } from '../../src/client/call-guard.ts'
import { createFetch } from '../../src/fetch/index.ts'
import {
  Client,
  ClientClosed,
  MockDispatcher,
  ResponseTooLarge,
  StreamClosed,
  TotalTimeout,
} from '../../src/index.ts'
import { BOMB_CODINGS, quietBomb } from '../content/bombs.ts'
import { spyOnInflateRaw } from '../content/decoding-samples.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { ScriptedClock } from '../support/scripted-clock.ts'
import { openClient, scriptedClient, settle, until } from './clients.ts'

const URL = 'http://h.test/'
const bombs = new Map(BOMB_CODINGS.map((coding) => [coding, quietBomb(coding)]))

interface Options {
  readonly maxResponseSize?: number
  readonly timeout?: { readonly total: number }
  readonly signal?: AbortSignal
}

/** A call in progress. */
interface Call {
  readonly backend: ScriptedBackend
  readonly reading: Promise<unknown>
  close(): Promise<void>
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of chunks);
}

/** The ways to read a body to its end. */
const ways: Record<string, (options: Options) => Call> = {
  get: (options) => callClient(options, (client, init) => client.get(URL, init)),
  read: (options) =>
    callClient(options, async (client, init) => (await client.stream('GET', URL, init)).read()),
  iterBytes: (options) =>
    callClient(options, async (client, init) =>
      readAll((await client.stream('GET', URL, init)).iterBytes()),
    ),
  bodyStream: (options) =>
    callClient(options, async (client, init) =>
      readAll((await client.stream('GET', URL, init)).bodyStream()),
    ),
  'fetch, text': (options) => callFetch(options, (response) => response.text()),
  'fetch, body': (options) =>
    callFetch(options, (response) => readAll(response.body as AsyncIterable<Uint8Array>)),
}

function callClient(
  { signal, ...options }: Options,
  read: (client: Client, init: { signal?: AbortSignal }) => Promise<unknown>,
): Call {
  const backend = new ScriptedBackend()
  const client = new Client({ trustEnv: false, backend, ...options })
  return { backend, reading: read(client, signal ? { signal } : {}), close: () => client.close() }
}

function callFetch(
  { signal, ...options }: Options,
  read: (response: Response) => Promise<unknown>,
): Call {
  const backend = new ScriptedBackend()
  const fetch = createFetch({ trustEnv: false, backend, ...options })
  const reading = fetch(URL, signal ? { signal } : {})
    .then(read)
    .catch((error: unknown) => {
      // An error of Hawser is the cause of a TypeError.
      throw error instanceof TypeError ? error.cause : error
    })
  return { backend, reading, close: () => fetch.close() }
}

/** Sends a response and waits until the client has received all of it. */
async function respond(backend: ScriptedBackend, contentEncoding: string, body: Uint8Array) {
  await until(() => backend.sockets.length > 0)
  await settle()
  const length = `Content-Length: ${body.length}\r\n`
  const coding = `Content-Encoding: ${contentEncoding}\r\n`
  backend.socket.receive(`HTTP/1.1 200 OK\r\n${coding}${length}\r\n`)
  backend.socket.receive(body)
  await settle()
}

for (const [coding, { contentEncoding, body }] of bombs) {
  describe(`50 the decoding of a ${coding} bomb is ended`, () => {
    for (const [way, call] of Object.entries(ways)) {
      test(`${way}: by maxResponseSize`, async () => {
        const { backend, reading, close } = call({ maxResponseSize: 10_000 })
        const rejected = assert.rejects(reading, ResponseTooLarge)
        await respond(backend, contentEncoding, body)
        await rejected
        await close()
      })

      test(`${way}: by the total timeout`, async () => {
        const { backend, reading, close } = call({ timeout: { total: 1000 } })
        const rejected = assert.rejects(reading, (error) => {
          assert.ok(error instanceof TotalTimeout, String(error))
          assert.match(
            error.message,
            /^The request did not complete within 1000 ms \(GET http:\/\/h.test\/, reading the received body\)$/,
          )
          assert.equal(error.phase, 'read')
          assert.equal(error.request?.method, 'GET')
          return true
        })
        await respond(backend, contentEncoding, body)
        await backend.clock.advance(999)
        await backend.clock.advance(1)
        await rejected
        await close()
      })

      test(`${way}: by the signal`, async () => {
        const controller = new AbortController()
        const { backend, reading, close } = call({ signal: controller.signal })
        const reason = new Error('no longer needed')
        const rejected = assert.rejects(reading, reason)
        await respond(backend, contentEncoding, body)
        controller.abort(reason)
        await rejected
        await close()
      })

      test(`${way}: by close()`, async () => {
        const { backend, reading, close } = call({})
        const rejected = assert.rejects(reading, ClientClosed)
        await respond(backend, contentEncoding, body)
        await close()
        await rejected
      })
    }
  })
}

describe('50 a body that was received, but not read', () => {
  for (const [way, call] of Object.entries(ways)) {
    test(`${way}: is read to its end if nothing ends the call`, async () => {
      const { backend, reading, close } = call({ timeout: { total: 1000 }, maxResponseSize: 5 })
      await respond(backend, 'identity', Buffer.from('abcde'))
      await reading
      await close()
    })
  }

  const ends: [
    name: string,
    end: (...on: Ending) => Promise<void>,
    expected: (e: unknown) => boolean,
  ][] = [
    [
      'the total timeout',
      (_, __, { clock }) => clock.advance(1000),
      (e) => e instanceof TotalTimeout,
    ],
    [
      'the signal',
      async (_, controller) => controller.abort(),
      (e) => (e as Error).name === 'AbortError',
    ],
    ['close()', (client) => client.close(), (e) => e instanceof ClientClosed],
  ]
  type Ending = [
    client: { close(): Promise<void> },
    controller: AbortController,
    backend: ScriptedBackend,
  ]

  for (const [name, end, expected] of ends) {
    for (const coding of ['identity', 'gzip']) {
      const body = coding === 'gzip' ? gzipSync('abcde') : Buffer.from('abcde')

      test(`${coding}: ${name} ends the call of a client`, async (t) => {
        for (const read of ['read', 'iterBytes', 'iterRaw', 'bodyStream'] as const) {
          const { client, backend } = scriptedClient(t, { timeout: { total: 1000 } })
          const controller = new AbortController()
          const pending = client.stream('GET', URL, { signal: controller.signal })
          await respond(backend, coding, body)
          const response = await pending
          await end(client, controller, backend)
          const reading = read === 'read' ? response.read() : readAll(response[read]())
          await assert.rejects(reading, expected, read)
        }
      })

      test(`${coding}: ${name} ends a fetch`, async () => {
        for (const read of ['text', 'body'] as const) {
          const backend = new ScriptedBackend()
          const fetch = createFetch({ backend, timeout: { total: 1000 } })
          const controller = new AbortController()
          const pending = fetch(URL, { signal: controller.signal })
          await respond(backend, coding, body)
          const response = await pending
          await end(fetch, controller, backend)
          const reading =
            read === 'text' ? response.text() : readAll(response.body as AsyncIterable<Uint8Array>)
          await assert.rejects(reading, (error: Error) => expected(error.cause ?? error), read)
          await fetch.close()
        }
      })
    }
  }

  test('a reader that is slow after the last chunk gets its end', async (t) => {
    for (const coding of ['identity', 'gzip']) {
      const { client, backend } = scriptedClient(t, { timeout: { total: 1000 } })
      const pending = client.stream('GET', URL)
      await respond(backend, coding, coding === 'gzip' ? gzipSync('abc') : Buffer.from('abc'))
      const chunks = (await pending).iterBytes()
      assert.equal(String((await chunks.next()).value), 'abc')
      await backend.clock.advance(2000)
      assert.equal((await chunks.next()).done, true)
    }
  })
})

test('50 close() of a response ends its decoding', async (t) => {
  const { contentEncoding, body } = quietBomb('gzip')
  const { client, backend } = scriptedClient(t)
  const pending = client.stream('GET', URL)
  await respond(backend, contentEncoding, body)
  const response = await pending
  const reading = assert.rejects(readAll(response.iterBytes()), StreamClosed)
  await settle()
  await response.close()
  await reading
})

test('50 cancelling the body of a fetch ends its decoding', async (t) => {
  const { contentEncoding, body } = quietBomb('gzip')
  const inflaters = spyOnInflateRaw(t)
  const backend = new ScriptedBackend()
  const fetch = createFetch({ backend })
  const pending = fetch(URL)
  await respond(backend, contentEncoding, body)
  const { body: stream } = await pending
  const reader = stream?.getReader()
  const first = reader?.read()
  await until(() => inflaters.length > 0)
  await reader?.cancel()
  await first
  await until(() => inflaters.every((inflater) => inflater.stream.destroyed))
  await settle()
  const { length } = inflaters
  for (let i = 0; i < 20; i++) await settle()
  assert.equal(inflaters.length, length)
  await fetch.close()
})

test('50 the event loop gets a turn after 10 ms of work, where zlib gives it none', async () => {
  const clock = new ScriptedClock()
  const guard = new CallGuard({
    signal: null,
    deadline: null,
    timeoutError: () => new Error('no deadline'),
    owner: { isClosed: false },
    clock,
  })
  for (let i = 0; i < 3; i++) {
    await clock.advance(9)
    assert.equal(guard.beforeSlice(), null)
    await clock.advance(1)
    let isOver = false
    const turn = guard.beforeSlice()?.then(() => {
      isOver = true
    })
    assert.ok(turn)
    await settle()
    assert.equal(isOver, false)
    await clock.flush()
    assert.equal(isOver, true)
  }
})

test('50 decoding a bomb takes little memory, whatever ends it', async (t) => {
  for (const [, { contentEncoding, body }] of bombs) {
    const client = openClient(t, {
      dispatcher: new MockDispatcher(() => ({
        status: 200,
        headers: { 'content-encoding': contentEncoding },
        content: body,
      })),
    })
    const before = process.memoryUsage.rss()
    let peak = before
    let isRunning = true
    const watching = until(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
      return !isRunning
    })
    await client.get(URL, { timeout: { total: 200 } }).catch(() => {})
    isRunning = false
    await watching
    assert.ok(peak - before < 64 << 20, `${peak - before} bytes more`)
  }
})

describe('59 maxResponseSize of createFetch', () => {
  const text = 'a text of 22 characters'.slice(0, 22)
  for (const [coding, body] of [
    ['identity', Buffer.from(text)],
    ['gzip', gzipSync(text)],
    ['gzip, gzip', gzipSync(gzipSync(text))],
  ] as const) {
    const read = async (
      maxResponseSize: number | null,
      way: 'text' | 'blob' | 'body' | 'clone',
    ) => {
      const backend = new ScriptedBackend()
      const fetch = createFetch({ backend, maxResponseSize })
      const pending = fetch(URL)
      await respond(backend, coding, body)
      const response = await pending
      const chosen = way === 'clone' ? response.clone() : response
      const reading =
        way === 'text' || way === 'blob'
          ? chosen[way]()
          : readAll(chosen.body as AsyncIterable<Uint8Array>)
      return reading.finally(() => fetch.close())
    }

    for (const way of ['text', 'blob', 'body', 'clone'] as const) {
      test(`${coding}, ${way}: a larger body fails with ResponseTooLarge as the cause`, async () => {
        for (const max of [0, 21]) {
          await assert.rejects(read(max, way), (error) => {
            assert.ok(error instanceof TypeError)
            assert.ok(error.cause instanceof ResponseTooLarge, String(error.cause))
            assert.equal(error.cause.request?.method, 'GET')
            assert.equal(error.cause.responseStarted, true)
            return true
          })
        }
      })

      test(`${coding}, ${way}: a body of this size is accepted`, async () => {
        for (const max of [22, null]) await read(max, way)
      })
    }
  }

  test('must be a number of bytes', () => {
    for (const maxResponseSize of [-1, Number.NaN, '1']) {
      assert.throws(() => createFetch({ maxResponseSize } as object), TypeError)
    }
  })
})
