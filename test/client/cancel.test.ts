// A signal ends a call in whatever it is doing, and leaves nothing behind.
import assert from 'node:assert/strict'
import { getEventListeners, setMaxListeners } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions, Response } from '../../src/index.ts'
import { StreamClosed } from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { openClient, scriptedClient, settle, states } from './clients.ts'

const URL = 'http://h.test/'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const REDIRECT = 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n'

type Scripted = ReturnType<typeof scriptedClient>
type Call = Pick<RequestOptions, 'signal'>

interface Moment {
  readonly client?: ClientOptions
  /** Begins the call, and resolves when it has come so far. */
  readonly reach: (
    scripted: Scripted,
    options: Call,
  ) => Promise<{ readonly pending: Promise<unknown>; readonly after?: () => void }>
}

/** A hook that waits until it is let go. */
function gate() {
  let open = (): void => {}
  const wait = () =>
    new Promise<void>((resolve) => {
      open = resolve
    })
  return { wait, open: () => open() }
}

async function begun(scripted: Scripted, options: Call) {
  const pending = scripted.client.get(URL, options)
  pending.catch(() => {})
  await settle()
  return pending
}

async function streamed(scripted: Scripted, options: Call): Promise<Response> {
  const pending = scripted.client.stream('GET', URL, options)
  await settle()
  scripted.backend.socket.receive(HEAD)
  return pending
}

const inRequestHook = gate()
const inResponseHook = gate()
const moments: Record<string, Moment> = {
  'before anything': {
    reach: async (scripted, options) => ({ pending: scripted.client.get(URL, options) }),
  },
  'while the name is looked up': {
    reach: async (scripted, options) => {
      scripted.backend.autoLookup = false
      return { pending: begun(scripted, options) }
    },
  },
  'while connecting': {
    reach: async (scripted, options) => {
      scripted.backend.autoConnect = false
      return { pending: begun(scripted, options) }
    },
  },
  'in the queue': {
    reach: async (scripted, options) => {
      scripted.client.get(URL).catch(() => {})
      await settle()
      return { pending: begun(scripted, options) }
    },
  },
  'while sending': {
    reach: async ({ client }, options) => {
      const content = new PassThrough()
      content.write('abc')
      const pending = client.post(URL, { ...options, content })
      pending.catch(() => {})
      await settle()
      return { pending, after: () => assert.ok(content.destroyed) }
    },
  },
  'while waiting for the response': {
    reach: async (scripted, options) => ({ pending: begun(scripted, options) }),
  },
  'while the body is read': {
    reach: async (scripted, options) => {
      const pending = begun(scripted, options)
      await settle()
      scripted.backend.socket.receive(`${HEAD}begin`)
      await settle()
      return { pending }
    },
  },
  'while the body is iterated': {
    reach: async (scripted, options) => {
      const chunks = (await streamed(scripted, options)).iterBytes()
      return { pending: chunks.next() }
    },
  },
  'while a coded body is iterated': {
    reach: async (scripted, options) => {
      const pending = scripted.client.stream('GET', URL, options)
      await settle()
      scripted.backend.socket.receive(
        HEAD.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\n'),
      )
      return { pending: (await pending).iterLines().next() }
    },
  },
  'while the bodyStream is read': {
    reach: async (scripted, options) => {
      const reader = (await streamed(scripted, options)).bodyStream().getReader()
      return { pending: reader.read() }
    },
  },
  'before the streamed body is read': {
    reach: async (scripted, options) => {
      const response = await streamed(scripted, options)
      return { pending: settle().then(() => response.read()) }
    },
  },
  'while the reader holds the body up': {
    reach: async (scripted, options) => {
      const chunks = (await streamed(scripted, options)).iterBytes()
      for (let i = 0; i < 20; i++) scripted.backend.socket.receive('x'.repeat(10_000))
      await chunks.next()
      const rest = async () => {
        await settle()
        for await (const _ of chunks);
      }
      return { pending: rest() }
    },
  },
  'in a request hook': {
    client: { eventHooks: { request: [() => inRequestHook.wait()] } },
    reach: async (scripted, options) => ({
      pending: begun(scripted, options),
      after: inRequestHook.open,
    }),
  },
  'in a response hook': {
    client: { eventHooks: { response: [() => inResponseHook.wait()] } },
    reach: async (scripted, options) => {
      const pending = begun(scripted, options)
      await settle()
      scripted.backend.socket.receive(OK)
      await settle()
      return { pending, after: inResponseHook.open }
    },
  },
  'in a response hook that reads': {
    client: { eventHooks: { response: [(response) => response.read()] } },
    reach: async (scripted, options) => {
      const pending = begun(scripted, options)
      await settle()
      scripted.backend.socket.receive(`${HEAD}begin`)
      await settle()
      return { pending }
    },
  },
  'behind a redirect': {
    reach: async (scripted, options) => {
      const pending = begun(scripted, options)
      await settle()
      scripted.backend.socket.receive(REDIRECT)
      await settle()
      return { pending, after: () => assert.match(scripted.backend.socket.written, /GET \/next/) }
    },
  },
  'between rounds of auth': {
    client: {
      auth: {
        async *authFlow(request) {
          yield request
          yield request
        },
      },
    },
    reach: async (scripted, options) => {
      const pending = begun(scripted, options)
      await settle()
      scripted.backend.socket.receive(OK)
      await settle()
      return { pending }
    },
  },
  'while it waits to try again': {
    client: { retries: 5 },
    reach: async (scripted, options) => {
      scripted.backend.hosts.set('h.test', new Error('no such name'))
      return { pending: begun(scripted, options) }
    },
  },
}

describe('1 aborted', () => {
  for (const [when, { client: ofClient, reach }] of Object.entries(moments)) {
    for (const reason of [new Error('enough'), 'a string', null]) {
      test(`${when}, with ${reason}`, async (t) => {
        const scripted = scriptedClient(t, {
          ...ofClient,
          poolLimits: { maxConnections: 1 },
          timeout: null,
        })
        const controller = new AbortController()
        const { signal } = controller
        const { pending, after } = await reach(scripted, { signal })
        const outcome = pending.then(
          () => assert.fail('resolved'),
          (error) => ({ error }),
        )
        await settle()
        assert.ok(getEventListeners(signal, 'abort').length <= 1)
        controller.abort(reason)
        after?.()
        assert.equal((await outcome).error, reason)
        await settle()
        assert.equal(getEventListeners(signal, 'abort').length, 0)
        const others = when === 'in the queue' ? 1 : 0
        assert.match(states(scripted.client), new RegExp(`^${others} active`))
        await scripted.client.close()
        await settle()
        assert.equal(scripted.backend.held, 0)
        assert.equal(scripted.clock.armedTimers, 0)
      })
    }
  }

  test('in the moment in which an attempt fails: it does not wait for the next', async (t) => {
    const { client, backend } = scriptedClient(t, { retries: 5 })
    backend.autoLookup = false
    const controller = new AbortController()
    const { signal } = controller
    const failed = assert.rejects(client.get(URL, { signal }), (reason) => reason === 'enough')
    await settle()
    backend.lookups[0].fail(new Error('no such name'))
    controller.abort('enough')
    await failed
  })

  test('long before: nothing is opened', async (t) => {
    const { client, backend } = scriptedClient(t)
    const signal = AbortSignal.abort()
    await assert.rejects(client.get(URL, { signal }), (error) => error === signal.reason)
    await settle()
    assert.equal(backend.sockets.length, 0)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('without a reason: an AbortError; by a timeout: a TimeoutError', async (t) => {
    const { client } = scriptedClient(t)
    const controller = new AbortController()
    const pending = assert.rejects(client.get(URL, { signal: controller.signal }), {
      name: 'AbortError',
    })
    controller.abort()
    await pending
    const { origin } = await rawServer(t, () => {})
    const signal = AbortSignal.timeout(1)
    await assert.rejects(openClient(t).get(origin, { signal }), { name: 'TimeoutError' })
  })

  test('after the end: nothing happens', async (t) => {
    const { client, backend } = scriptedClient(t)
    const controller = new AbortController()
    const pending = client.get(URL, { signal: controller.signal })
    await settle()
    backend.socket.receive(OK)
    const response = await pending
    controller.abort()
    await settle()
    assert.equal(response.text(), 'ok')
    assert.equal(states(client), '0 active, 1 idle')
  })

  test('close of the response is harmless behind it, and before', async (t) => {
    for (const first of ['abort', 'close']) {
      const scripted = scriptedClient(t)
      const controller = new AbortController()
      const response = await streamed(scripted, controller)
      if (first === 'abort') controller.abort()
      await response.close()
      controller.abort()
      await response.close()
      await settle()
      await assert.rejects(response.read(), first === 'abort' ? /./ : StreamClosed)
      assert.equal(states(scripted.client), '0 active, 0 idle')
    }
  })
})

describe('13 one signal for many calls', () => {
  const warnings = async (work: () => Promise<void>): Promise<string[]> => {
    const seen: string[] = []
    const listen = (warning: Error) => seen.push(warning.name)
    process.on('warning', listen)
    await work()
    await settle()
    process.off('warning', listen)
    return seen
  }

  test('1,000 at once', async (t) => {
    const { client } = scriptedClient(t)
    const controller = new AbortController()
    const { signal } = controller
    setMaxListeners(1, signal)
    const reason = new Error('enough')
    const seen = await warnings(async () => {
      const calls = Array.from({ length: 1000 }, () => client.get(URL, { signal }))
      const outcomes = Promise.allSettled(calls)
      await settle()
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      controller.abort(reason)
      for (const outcome of await outcomes) {
        assert.equal((outcome as PromiseRejectedResult).reason, reason)
      }
    })
    assert.deepEqual(seen, [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('1,000 that wait to try again', async (t) => {
    const { client, backend } = scriptedClient(t, { retries: 3, timeout: null })
    backend.hosts.set('h.test', new Error('no such name'))
    const controller = new AbortController()
    const { signal } = controller
    setMaxListeners(1, signal)
    const seen = await warnings(async () => {
      const calls = Array.from({ length: 1000 }, () => client.get(URL, { signal }))
      const outcomes = Promise.allSettled(calls)
      await settle()
      await settle()
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      controller.abort()
      for (const { status } of await outcomes) assert.equal(status, 'rejected')
    })
    assert.deepEqual(seen, [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    assert.equal(backend.clock.armedTimers, 0)
  })

  test('1,000 one after the other, streamed and read, leave none', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.end('ok'))
    const client = openClient(t)
    const { signal } = new AbortController()
    const seen = await warnings(async () => {
      for (let i = 0; i < 500; i++) {
        await client.get(origin, { signal })
        const response = await client.stream('GET', origin, { signal })
        for await (const _ of response.iterBytes());
      }
    })
    assert.deepEqual(seen, [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})

test('the signal of buildRequest, and another of send', async (t) => {
  const { client } = scriptedClient(t)
  const first = new AbortController()
  const second = new AbortController()
  const request = client.buildRequest('GET', URL, { signal: first.signal })
  const pending = client.send(request)
  const other = client.send(request, { signal: second.signal })
  const third = client.send(request, { signal: null })
  third.catch(() => {})
  first.abort('first')
  second.abort('second')
  await assert.rejects(pending, (reason) => reason === 'first')
  await assert.rejects(other, (reason) => reason === 'second')
  const still = await Promise.race([third, settle().then(() => 'goes on')])
  assert.equal(still, 'goes on')
})
