// Forgotten responses: a program that never reads them ends by itself, and they are not lost to a
// handle that can still read them.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { certificateFor } from '../support/certificates.ts'
import { httpProxy } from '../support/proxies.ts'
import { inChild } from './child.ts'
import type { Face, Outcomes, Settings } from './forget.ts'
import { httpServer } from './servers.ts'

const BODY = Buffer.alloc(1 << 20)

/** `maxConnections` of the pool and the client in `forget.ts`, and of `fetch`. */
const [LIMIT, FETCH_LIMIT] = [20, 100]

const certificate = certificateFor(['127.0.0.1'])

/** Starts a server that responds with 1 MB to each request. */
async function startServer(t: TestContext, scheme: string): Promise<string> {
  const server =
    scheme === 'https'
      ? createHttpsServer(certificate, (_, response) => response.end(BODY))
      : createServer((_, response) => response.end(BODY))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Runs `forget.ts` in a new process until it ends. Fails if it does not end by itself. */
async function runForget(settings: Settings): Promise<Record<Face, Outcomes>> {
  const program = fileURLToPath(new URL('forget.js', import.meta.url))
  const permissions = 'Deno' in globalThis ? ['run', '--allow-all'] : []
  const child = spawn(process.execPath, [...permissions, program, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = await ended
  assert.deepEqual({ errors, status }, { errors: '', status: 0 })
  return JSON.parse(output) as Record<Face, Outcomes>
}

/** Checks what became of the calls over connections. */
function checkOutcomes(outcomes: Record<Face, Outcomes>, count: number): void {
  const { fetch, request, stream, dispatch } = outcomes
  assert.deepEqual(fetch, { forgotten: Math.max(count, FETCH_LIMIT + 20), PoolTimeout: 0 })
  // They are never garbage-collected, unlike the others.
  assert.deepEqual(dispatch, { forgotten: LIMIT, PoolTimeout: count - LIMIT })
  for (const { forgotten, PoolTimeout } of [request, stream]) {
    assert.equal(forgotten + PoolTimeout, count)
    assert.ok(forgotten >= LIMIT, `${forgotten}`)
  }
}

function remote(count: number) {
  return {
    fetch: Math.max(count, FETCH_LIMIT + 20),
    request: count,
    stream: count,
    dispatch: count,
  }
}

const inProcess = { iterator: 20, app: 20, listener: 20, mock: 20, custom: 20 } // at most LIMIT

describe('a program that forgets its responses ends by itself', () => {
  for (const inWorker of [false, true]) {
    test(`42, 43 1,000 responses, in ${inWorker ? 'a worker' : 'the main thread'}`, async (t) => {
      const url = await startServer(t, 'http')
      const counts = { ...remote(1000), ...inProcess }
      const outcomes = await runForget({ inWorker, counts, url, ca: null, proxy: null })
      checkOutcomes(outcomes, 1000)
      for (const face of Object.keys(inProcess) as Face[]) {
        assert.deepEqual(outcomes[face], { forgotten: 20, PoolTimeout: 0 }, face)
      }
    })
  }

  for (const [route, scheme, isTunnelled] of [
    ['TLS', 'https', false],
    ['a tunnel', 'http', true],
    ['TLS through a tunnel', 'https', true],
  ] as const) {
    test(`42, 43 more than the limit, by ${route}`, async (t) => {
      const url = await startServer(t, scheme)
      const proxy = isTunnelled ? (await httpProxy(t)).url : null
      const ca = scheme === 'https' ? certificate.cert : null
      const count = LIMIT + 10
      checkOutcomes(
        await runForget({ inWorker: false, counts: remote(count), url, ca, proxy }),
        count,
      )
    })
  }
})

describe('a body stays available to each handle on it', () => {
  const SIZE = 300_000

  async function sizeAfterCollection(
    t: TestContext,
    handle: 'iterator' | 'ReadableStream' | 'fetch stream' | 'client stream',
  ) {
    const { origin } = await httpServer(t, (_, response) => response.end(Buffer.alloc(SIZE)))
    return inChild(
      async ({ engine, hawser, fetch }, { origin, handle }) => {
        const pool = new engine.ConnectionPool()
        const open = async (): Promise<AsyncIterable<Uint8Array>> => {
          if (handle === 'fetch stream') {
            return (await fetch.fetch(origin)).body as unknown as AsyncIterable<Uint8Array>
          }
          if (handle === 'client stream') {
            const response = await new hawser.Client({ trustEnv: false }).stream('GET', origin)
            return response.bodyStream() as unknown as AsyncIterable<Uint8Array>
          }
          const response = await pool.request({ origin, path: '/' })
          if (handle === 'ReadableStream') {
            const { from } = ReadableStream as unknown as {
              from(chunks: object): AsyncIterable<Uint8Array>
            }
            return from.call(ReadableStream, response)
          }
          const iterator = response[Symbol.asyncIterator]()
          return { [Symbol.asyncIterator]: () => iterator }
        }
        const body = await open()
        const collect = globalThis.gc ?? (globalThis as { Bun?: { gc(now: true): void } }).Bun?.gc
        for (let turns = 0; turns < 50; turns++) {
          await new Promise((resolve) => setTimeout(resolve, 2))
          collect?.(true as never)
        }
        let size = 0
        for await (const chunk of body) size += chunk.length
        console.log(size)
      },
      { origin, handle },
      ['--expose-gc'],
    )
  }

  for (const handle of ['iterator', 'ReadableStream', 'fetch stream', 'client stream'] as const) {
    test(`45 after a garbage collection: ${handle}`, async (t) => {
      const { output, errors, status } = await sizeAfterCollection(t, handle)
      assert.deepEqual({ output, errors, status }, { output: `${SIZE}`, errors: '', status: 0 })
    })
  }

  test('45 a response whose iterator was left is collected', async () => {
    const { output, errors, status } = await inChild(
      async ({ scripted: { ScriptedPool, settle } }) => {
        const pool = new ScriptedPool()
        await (async () => {
          const promise = pool.request({ origin: 'http://a.test', path: '/' })
          await settle()
          pool.backend.socket.receive('HTTP/1.1 200 OK\r\n\r\nfirst')
          await (await promise)[Symbol.asyncIterator]().next()
          pool.backend.socket.receive('x'.repeat(70_000))
          await settle()
        })()
        console.log(pool.stats().unread)
        for (let turns = 0; turns < 20; turns++) {
          await settle()
          globalThis.gc?.()
        }
        console.log(pool.counts())
      },
      undefined,
      ['--expose-gc'],
    )
    const output0 = '1\n0 connecting, 0 active, 0 idle, 0 waiting'
    assert.deepEqual({ output, errors, status }, { output: output0, errors: '', status: 0 })
  })

  test('45 a Request passes on an abort while its response is read', async (t) => {
    const { origin } = await httpServer(t, (_, response) => void response.write('part'))
    const { output, errors, status } = await inChild(
      async ({ fetch }, origin) => {
        const controller = new AbortController()
        const response = await (() => {
          const body = new ReadableStream({
            start: (stream) => stream.enqueue(Buffer.from('content')),
          })
          const init = { method: 'POST', body, duplex: 'half', signal: controller.signal }
          return fetch.fetch(new Request(origin, init as RequestInit))
        })()
        const text = response.text().catch((error) => error)
        for (let turns = 0; turns < 50; turns++) {
          await new Promise((resolve) => setTimeout(resolve, 2))
          globalThis.gc?.()
        }
        controller.abort('aborted')
        const late = new Promise((resolve) => setTimeout(resolve, 1000, 'not aborted'))
        console.log(await Promise.race([text, late]))
        process.exit()
      },
      origin,
      ['--expose-gc'],
    )
    assert.deepEqual({ output, errors, status }, { output: 'aborted', errors: '', status: 0 })
  })
})
