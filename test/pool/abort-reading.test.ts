// After an abort, nothing of a response is read any more, although its data may have arrived.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Response } from '../../src/engine.ts'
import { OK, ScriptedPool, settle } from './scripted-pool.ts'

const ORIGIN = 'http://h.test'
const PART = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart'
const reason = { any: 'value' }

const readers: Record<string, (response: Response) => Promise<unknown>> = {
  'bytes()': (response) => response.bytes(),
  'text()': (response) => response.text(),
  'json()': (response) => response.json(),
  'an iterator': (response) => response[Symbol.asyncIterator]().next(),
  'a ReadableStream': (response) =>
    ReadableStream.from(response as AsyncIterable<Uint8Array>)
      .getReader()
      .read(),
}

async function respond(data: string, signal: AbortSignal) {
  const pool = new ScriptedPool()
  const pending = pool.request({ origin: ORIGIN, path: '/', signal })
  await settle()
  pool.backend.socket.receive(data)
  return { pool, response: await pending }
}

describe('47 reading after an abort rejects with the reason', () => {
  for (const [name, read] of Object.entries(readers)) {
    for (const [state, data] of Object.entries({ complete: OK, incomplete: PART })) {
      for (const later of [false, true]) {
        test(`${name}: a response that is ${state}${later ? ', later' : ''}`, async () => {
          const controller = new AbortController()
          const { pool, response } = await respond(data, controller.signal)
          controller.abort(reason)
          if (later) await settle()
          await assert.rejects(read(response), (error) => error === reason)
          pool.assertQuiescent()
        })
      }
    }
  }

  test('an iterator that has begun', async () => {
    for (const data of [OK, PART]) {
      const controller = new AbortController()
      const { pool, response } = await respond(data.slice(0, -1), controller.signal)
      const chunks = response[Symbol.asyncIterator]()
      assert.equal((await chunks.next()).done, false)
      pool.backend.socket.receive(data.slice(-1))
      controller.abort(reason)
      await assert.rejects(chunks.next(), (error) => error === reason)
      assert.equal((await chunks.next()).done, true)
      pool.assertQuiescent()
    }
  })

  test('a body that was read before stays readable', async () => {
    const controller = new AbortController()
    const { response } = await respond(OK, controller.signal)
    assert.equal(await response.text(), 'ok')
    controller.abort(reason)
    assert.equal(await response.text(), 'ok')
  })

  test('a failure that is no abort comes after the data that had arrived', async () => {
    const { pool, response } = await respond(PART, new AbortController().signal)
    pool.backend.socket.receiveEnd()
    const chunks = response[Symbol.asyncIterator]()
    assert.equal(String(Buffer.from((await chunks.next()).value ?? [])), 'part')
    await assert.rejects(chunks.next(), /5 bytes before the end/)
  })
})

describe('47 the source of an upload receives the reason of the abort', () => {
  test('a ReadableStream', async () => {
    for (const how of ['signal', 'abort'] as const) {
      const controller = new AbortController()
      const pool = new ScriptedPool()
      const reasons: unknown[] = []
      const stream = new ReadableStream({
        start: (queue) => queue.enqueue(Buffer.from('abc')),
        cancel: (given) => void reasons.push(given),
      })
      const body = { [Symbol.asyncIterator]: () => new StreamIterator(stream.getReader()) }
      const { signal } = controller
      const call = await pool.send(ORIGIN, '/', { method: 'POST', body, signal })
      if (how === 'signal') controller.abort(reason)
      else call.control?.abort(reason)
      await settle()
      assert.deepEqual(reasons, [reason])
      assert.equal(call.error, reason)
    }
  })
})

/** Iterates over a stream as a caller would, and cancels it without waiting for a pending read. */
class StreamIterator implements AsyncIterator<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return this.#reader.read() as Promise<IteratorResult<Uint8Array>>
  }

  async return(given?: unknown): Promise<IteratorResult<Uint8Array>> {
    await this.#reader.cancel(given)
    return { done: true, value: undefined }
  }
}
