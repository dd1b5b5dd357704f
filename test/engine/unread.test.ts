// Forgotten responses: a program that never reads them ends by itself, and they are not lost to a
// handle that can still read them.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inChild } from './child.ts'
import { checkOutcomes, remote, runForget } from './run-forget.ts'
import { httpServer } from './servers.ts'

describe('a program that forgets its responses ends by itself', () => {
  const ways = [
    ['direct', { scheme: 'http', isTunnelled: false }],
    ['TLS', { scheme: 'https', isTunnelled: false }],
    ['a tunnel', { scheme: 'http', isTunnelled: true }],
    ['TLS through a tunnel', { scheme: 'https', isTunnelled: true }],
  ] as const
  for (const inWorker of [false, true]) {
    const where = inWorker ? 'a worker' : 'the main thread'

    for (const [route, way] of ways) {
      test(`42, 43 in ${where}: ${route}`, async (t) => {
        checkOutcomes(await runForget(t, { inWorker, limit: 2, counts: remote(4) }, way), 4, 2)
      })
    }

    test(`42 in ${where}: in-process responses, and iterators that were left`, async (t) => {
      const counts = { iterator: 2, app: 2, listener: 2, mock: 2, custom: 2 }
      const outcomes = await runForget(t, { inWorker, limit: 2, counts })
      for (const [face, outcome] of Object.entries(outcomes)) {
        assert.deepEqual(outcome, { forgotten: 2, PoolTimeout: 0 }, face)
      }
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
