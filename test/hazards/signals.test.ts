// Signals of other implementations than the runtime's, and values that are no signals.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ConnectionPool } from '../../src/engine.ts'
import { createFetch } from '../../src/fetch/index.ts'
import { Client } from '../../src/index.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'

const ORIGIN = 'http://h.test'
const URL = `${ORIGIN}/`
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'

/**
 * What polyfills have in common, such as the npm package abort-controller: a signal has no `reason`
 * and no `throwIfAborted`, and listeners must be functions.
 */
class PolyfillSignal {
  aborted = false
  readonly #listeners = new Set<() => void>()

  addEventListener(type: string, listener: unknown): void {
    if (typeof listener !== 'function') throw new TypeError('The listener must be a function')
    if (type === 'abort') this.#listeners.add(listener as () => void)
  }

  removeEventListener(_type: string, listener: unknown): void {
    this.#listeners.delete(listener as () => void)
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  abort(): void {
    this.aborted = true
    for (const listener of this.#listeners) listener.call(this)
  }
}

type Call = (backend: ScriptedBackend, signal: AbortSignal) => Promise<unknown>

/** The public functions that take a signal. Each call reads the whole body. */
const calls: Record<string, Call> = {
  'pool.request': async (backend, signal) => {
    const pool = new ConnectionPool({ backend })
    try {
      return await (await pool.request({ origin: ORIGIN, path: '/', signal })).text()
    } finally {
      await pool.close()
    }
  },
  'pool.dispatch': (backend, signal) => {
    const pool = new ConnectionPool({ backend })
    const ended = new Promise((resolve, reject) => {
      const handler = { onHead() {}, onData() {}, onEnd: () => resolve(''), onError: reject }
      pool.dispatch({ origin: ORIGIN, path: '/', signal }, handler)
    })
    return ended.finally(() => pool.close())
  },
  'client.get': (backend, signal) => withClient(backend, (client) => client.get(URL, { signal })),
  'client.stream': (backend, signal) =>
    withClient(backend, async (client) => {
      const response = await client.stream('GET', URL, { signal })
      for await (const _ of response.iterLines());
    }),
  'client.send': (backend, signal) =>
    withClient(backend, (client) => client.send(client.buildRequest('GET', URL), { signal })),
  'client.buildRequest': (backend, signal) =>
    withClient(backend, async (client) => client.send(client.buildRequest('GET', URL, { signal }))),
  'fetch, text': (backend, signal) =>
    withFetch(backend, async (fetch) => (await fetch(URL, { signal })).text()),
  'fetch, body': (backend, signal) =>
    withFetch(backend, async (fetch) => {
      const { body } = await fetch(URL, { signal })
      for await (const _ of body as AsyncIterable<Uint8Array>);
    }),
  'fetch, clone': (backend, signal) =>
    withFetch(backend, async (fetch) => (await fetch(URL, { signal })).clone().text()),
}

async function withClient(backend: ScriptedBackend, use: (client: Client) => Promise<unknown>) {
  const client = new Client({ backend, trustEnv: false })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

async function withFetch(
  backend: ScriptedBackend,
  use: (fetch: ReturnType<typeof createFetch>) => Promise<unknown>,
) {
  const fetch = createFetch({ backend, trustEnv: false })
  try {
    return await use(fetch)
  } finally {
    await fetch.close()
  }
}

/** When a call is aborted. `null`: before the call. */
const moments: Record<string, ((backend: ScriptedBackend) => unknown) | null> = {
  'before the call': null,
  'while a connection is opened': () => {},
  'while the response is awaited': (backend) => backend.socket.connected(),
  'while the body is read': async (backend) => {
    backend.socket.connected()
    await settle()
    backend.socket.receive(HEAD)
  },
}

for (const [name, call] of Object.entries(calls)) {
  describe(`77 a signal without reason and throwIfAborted: ${name}`, () => {
    for (const [moment, reach] of Object.entries(moments)) {
      test(`${moment}: rejects with an AbortError`, async () => {
        const backend = new ScriptedBackend()
        backend.autoConnect = false
        const signal = new PolyfillSignal()
        if (reach === null) signal.abort()
        const failed = assert.rejects(call(backend, signal as never), {
          name: 'AbortError',
          message: 'This operation was aborted',
        })
        await settle()
        await reach?.(backend)
        await settle()
        if (reach !== null) signal.abort()
        await failed
        await settle()
        assert.equal(signal.listenerCount, 0)
      })
    }

    test('a call that is not aborted succeeds, and removes its listener', async () => {
      const backend = new ScriptedBackend()
      const signal = new PolyfillSignal()
      const done = call(backend, signal as never)
      await settle()
      backend.socket.receive(`${HEAD}defghij`)
      await done
      assert.equal(signal.listenerCount, 0)
    })
  })

  describe(`77 a value that is not a signal is a TypeError before anything is sent: ${name}`, () => {
    for (const [title, value, kind] of [
      ['an empty object', {}, 'Object'],
      ['an object without methods', { aborted: false }, 'Object'],
      ['the controller', new AbortController(), 'AbortController'],
      ['another event target', new EventTarget(), 'EventTarget'],
      ['a string', 'signal', 'string'],
      ['true', true, 'boolean'],
    ] as const) {
      test(title, async () => {
        const backend = new ScriptedBackend()
        await assert.rejects(call(backend, value as never), {
          name: 'TypeError',
          message: `signal must be an AbortSignal, not ${kind}`,
        })
        assert.equal(backend.lookups.length + backend.sockets.length, 0)
      })
    }
  })

  test(`77 null and undefined are no signal: ${name}`, async () => {
    for (const value of [null, undefined]) {
      const backend = new ScriptedBackend()
      const done = call(backend, value as never)
      await settle()
      backend.socket.receive(`${HEAD}defghij`)
      await done
    }
  })
}

test('77 an abort without a reason gives the call and the source of its upload the same error', async () => {
  const backend = new ScriptedBackend()
  const signal = new PolyfillSignal()
  let cancelled: unknown
  const body = new ReadableStream({
    pull: (queue) => queue.enqueue(Buffer.from('x')),
    cancel: (reason) => {
      cancelled = reason
    },
  })
  backend.autoConnect = false
  const init = { method: 'POST', duplex: 'half', body, signal: signal as never } as const
  const failed = withFetch(backend, (fetch) => fetch(URL, init)).catch((error) => error)
  await settle()
  signal.abort()
  assert.equal(await failed, cancelled)
  assert.ok(cancelled instanceof DOMException)
})

test('77 a wait for a hook ends by a signal without a reason', async () => {
  const signal = new PolyfillSignal()
  const backend = new ScriptedBackend()
  const never = new Promise<never>(() => {})
  const client = new Client({ backend, trustEnv: false, eventHooks: { request: [() => never] } })
  const failed = assert.rejects(client.get(URL, { signal: signal as never }), {
    name: 'AbortError',
  })
  await settle()
  signal.abort()
  await failed
  await client.close()
})

test('77 a client refuses a value that is not a signal before it calls a hook', async () => {
  const backend = new ScriptedBackend()
  let hooks = 0
  const request = [() => Promise.resolve(hooks++)]
  const client = new Client({ backend, trustEnv: false, eventHooks: { request } })
  const expected = { message: 'signal must be an AbortSignal, not Object' }
  assert.throws(() => client.buildRequest('GET', URL, { signal: {} as never }), expected)
  await assert.rejects(client.get(URL, { signal: {} as never }), expected)
  assert.equal(hooks, 0)
  await client.close()
})

test('77 all calls with a signal without a reason reject with the same error', async () => {
  const signal = new PolyfillSignal()
  signal.abort()
  const call = () =>
    withFetch(new ScriptedBackend(), (fetch) => fetch(URL, { signal: signal as never }))
  const [first, second] = await Promise.all([call(), call()].map((each) => each.catch((e) => e)))
  assert.ok(first instanceof DOMException)
  assert.equal(first, second)
})
