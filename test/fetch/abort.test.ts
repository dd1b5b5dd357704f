// As fetch.test.ts: on Node's own fetch and on ours.
import assert from 'node:assert/strict'
import { errorOf, table } from './table.ts'

const why = { why: true }

/** What it rejects with, when the signal is aborted once `begun` has settled. */
async function aborted(
  work: (signal: AbortSignal) => Promise<unknown>,
  ...reason: [] | [unknown]
): Promise<unknown> {
  const controller = new AbortController()
  const failed = errorOf(() => work(controller.signal))
  await new Promise((resolve) => setImmediate(resolve))
  controller.abort(...reason)
  return failed
}

table('abort', [
  [
    'before: with the reason',
    async (fetch, origin) => [
      await errorOf(() => fetch(`${origin}/text`, { signal: AbortSignal.abort(why) })),
      await errorOf(() => fetch(`${origin}/text`, { signal: AbortSignal.abort() })),
      await errorOf(() => fetch(new Request(`${origin}/text`, { signal: AbortSignal.abort(why) }))),
    ],
    [why, 'AbortError', why],
  ],
  [
    'before: a bad call is told first',
    (fetch, origin) =>
      errorOf(() => fetch(`${origin}/text`, { method: ' ', signal: AbortSignal.abort(why) })),
    'TypeError',
  ],
  [
    'while the response is awaited',
    async (fetch, origin) => [
      await aborted((signal) => fetch(`${origin}/never`, { signal }), why),
      await aborted((signal) => fetch(`${origin}/never`, { signal })),
      await aborted((signal) => fetch(new Request(`${origin}/never`, { signal }), {}), why),
      await errorOf(() => fetch(`${origin}/never`, { signal: AbortSignal.timeout(5) })),
    ],
    [why, 'AbortError', why, 'TimeoutError'],
  ],
  [
    'while the body is read',
    async (fetch, origin) => {
      const read = async (method: 'text' | 'arrayBuffer' | 'blob' | 'json') => {
        const controller = new AbortController()
        const response = await fetch(`${origin}/early`, { signal: controller.signal })
        const failed = errorOf(() => response[method]())
        controller.abort(why)
        return failed
      }
      return [await read('text'), await read('arrayBuffer'), await read('blob'), await read('json')]
    },
    [why, why, why, why],
  ],
  [
    'while a stream is read',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/early`, { signal: controller.signal })
      const reader = response.body!.getReader()
      const { value } = await reader.read()
      const failed = errorOf(() => reader.read())
      controller.abort(why)
      return [Buffer.from(value!).toString(), await failed, await errorOf(() => reader.read())]
    },
    ['first', why, why],
  ],
  [
    'both halves of a clone',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/early`, { signal: controller.signal })
      const copy = response.clone()
      const failed = [errorOf(() => response.text()), errorOf(() => copy.text())]
      controller.abort(why)
      return Promise.all(failed)
    },
    [why, why],
  ],
  [
    'after the end: nothing',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/text`, { signal: controller.signal })
      const text = await response.text()
      controller.abort(why)
      return [text, response.status]
    },
    ['hello', 200],
  ],
  [
    'one signal for many',
    async (fetch, origin) => {
      const controller = new AbortController()
      const { signal } = controller
      const calls = Array.from({ length: 5 }, () =>
        errorOf(() => fetch(`${origin}/never`, { signal })),
      )
      await new Promise((resolve) => setTimeout(resolve, 5))
      controller.abort(why)
      const results = await Promise.all(calls)
      assert.equal(new Set(results).size, 1)
      return results[0]
    },
    why,
  ],
])
