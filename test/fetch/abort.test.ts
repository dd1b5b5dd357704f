// Tests of aborts. Like fetch.test.ts, they run with the fetch of Node and with Hawser's.
import assert from 'node:assert/strict'
import { errorOf, table } from './table.ts'

const reason = { reason: true }

/** Returns the error of `run` after its signal was aborted in the next turn of the event loop. */
async function errorOfAborted(
  run: (signal: AbortSignal) => Promise<unknown>,
  ...reason: [] | [unknown]
): Promise<unknown> {
  const controller = new AbortController()
  const failed = errorOf(() => run(controller.signal))
  await new Promise((resolve) => setImmediate(resolve))
  controller.abort(...reason)
  return failed
}

table('abort', [
  [
    'before the call: rejects with the reason',
    async (fetch, origin) => [
      await errorOf(() => fetch(`${origin}/text`, { signal: AbortSignal.abort(reason) })),
      await errorOf(() => fetch(`${origin}/text`, { signal: AbortSignal.abort() })),
      await errorOf(() =>
        fetch(new Request(`${origin}/text`, { signal: AbortSignal.abort(reason) })),
      ),
    ],
    [reason, 'AbortError', reason],
  ],
  [
    'before the call: an invalid argument is reported first',
    (fetch, origin) =>
      errorOf(() => fetch(`${origin}/text`, { method: ' ', signal: AbortSignal.abort(reason) })),
    'TypeError',
  ],
  [
    'while the response is awaited',
    async (fetch, origin) => [
      await errorOfAborted((signal) => fetch(`${origin}/never`, { signal }), reason),
      await errorOfAborted((signal) => fetch(`${origin}/never`, { signal })),
      await errorOfAborted(
        (signal) => fetch(new Request(`${origin}/never`, { signal }), {}),
        reason,
      ),
      await errorOf(() => fetch(`${origin}/never`, { signal: AbortSignal.timeout(5) })),
    ],
    [reason, 'AbortError', reason, 'TimeoutError'],
  ],
  [
    'while the body is read',
    async (fetch, origin) => {
      const read = async (method: 'text' | 'arrayBuffer' | 'blob' | 'json') => {
        const controller = new AbortController()
        const response = await fetch(`${origin}/unfinished`, { signal: controller.signal })
        const failed = errorOf(() => response[method]())
        controller.abort(reason)
        return failed
      }
      return [await read('text'), await read('arrayBuffer'), await read('blob'), await read('json')]
    },
    [reason, reason, reason, reason],
  ],
  [
    'while a stream is read',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/unfinished`, { signal: controller.signal })
      const reader = response.body!.getReader()
      const { value } = await reader.read()
      const failed = errorOf(() => reader.read())
      controller.abort(reason)
      return [Buffer.from(value!).toString(), await failed, await errorOf(() => reader.read())]
    },
    ['first', reason, reason],
  ],
  [
    'both halves of a clone',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/unfinished`, { signal: controller.signal })
      const copy = response.clone()
      const failed = [errorOf(() => response.text()), errorOf(() => copy.text())]
      controller.abort(reason)
      return Promise.all(failed)
    },
    [reason, reason],
  ],
  [
    'after the end: no effect',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/text`, { signal: controller.signal })
      const text = await response.text()
      controller.abort(reason)
      return [text, response.status]
    },
    ['hello', 200],
  ],
  [
    'one signal for several calls',
    async (fetch, origin) => {
      const controller = new AbortController()
      const { signal } = controller
      const calls = Array.from({ length: 5 }, () =>
        errorOf(() => fetch(`${origin}/never`, { signal })),
      )
      await new Promise((resolve) => setTimeout(resolve, 5))
      controller.abort(reason)
      const results = await Promise.all(calls)
      assert.equal(new Set(results).size, 1)
      return results[0]
    },
    reason,
  ],
  [
    '47 after data has arrived: reading it rejects, although the response is complete',
    async (fetch, origin) => {
      const read = async (path: string, use: (response: Response) => Promise<unknown>) => {
        const controller = new AbortController()
        const response = await fetch(`${origin}${path}`, { signal: controller.signal })
        await new Promise((resolve) => setTimeout(resolve, 20)) // the whole body arrives
        controller.abort(reason)
        const error = await errorOf(() => use(response))
        return error === reason || error === 'AbortError' // Node.js loses the reason in `text()`
      }
      return [
        await read('/text', (response) => response.text()),
        await read('/coded/gzip', (response) => response.text()),
        await read('/text', (response) => response.body!.getReader().read()),
        await read('/coded/br', (response) => response.body!.getReader().read()),
        await read('/unfinished', (response) => response.body!.getReader().read()),
        await read('/text', (response) => response.clone().text()),
        await read('/text', async (response) => {
          for await (const _ of response.body!) break
        }),
      ]
    },
    new Array(7).fill(true),
  ],
  [
    '47 both halves of a clone, when one has read what had arrived',
    async (fetch, origin) => {
      const controller = new AbortController()
      const response = await fetch(`${origin}/unfinished`, { signal: controller.signal })
      const copy = response.clone()
      const reader = response.body!.getReader()
      const { value } = await reader.read()
      controller.abort(reason)
      await new Promise((resolve) => setImmediate(resolve))
      return [
        Buffer.from(value!).toString(),
        await errorOf(() => copy.body!.getReader().read()), // first, because a failure ends both
        await errorOf(() => reader.read()),
      ]
    },
    ['first', reason, reason],
  ],
])
