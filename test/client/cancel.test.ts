// A signal aborts a call in every phase, and no resources remain in use.
import assert from 'node:assert/strict'
import { getEventListeners, setMaxListeners } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions, Response } from '../../src/index.ts'
import { StreamClosed } from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { only } from '../support/at.ts'
import { openClient, scriptedClient, settle, states } from './clients.ts'

const URL = 'http://h.test/'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const REDIRECT = 'HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n'

type Scripted = ReturnType<typeof scriptedClient>
type SignalOption = Pick<RequestOptions, 'signal'>

interface Phase {
  readonly client?: ClientOptions
  /** Starts the call, and resolves when it has reached this phase. */
  readonly reach: (
    scripted: Scripted,
    options: SignalOption,
  ) => Promise<{ readonly pending: Promise<unknown>; readonly after?: () => void }>
}

/** A hook that waits until `open` is called. */
function gate() {
  let open = (): void => {}
  const wait = () =>
    new Promise<void>((resolve) => {
      open = resolve
    })
  return { wait, open: () => open() }
}

async function startCall(scripted: Scripted, options: SignalOption) {
  const pending = scripted.client.get(URL, options)
  pending.catch(() => {})
  await settle()
  return pending
}

async function openStream(scripted: Scripted, options: SignalOption): Promise<Response> {
  const pending = scripted.client.stream('GET', URL, options)
  await settle()
  scripted.backend.socket.receive(HEAD)
  return pending
}

const inRequestHook = gate()
const inResponseHook = gate()
const phases: Record<string, Phase> = {
  'before any I/O': {
    reach: async (scripted, options) => ({ pending: scripted.client.get(URL, options) }),
  },
  'during name resolution': {
    reach: async (scripted, options) => {
      scripted.backend.autoLookup = false
      return { pending: startCall(scripted, options) }
    },
  },
  'while connecting': {
    reach: async (scripted, options) => {
      scripted.backend.autoConnect = false
      return { pending: startCall(scripted, options) }
    },
  },
  'in the queue': {
    reach: async (scripted, options) => {
      scripted.client.get(URL).catch(() => {})
      await settle()
      return { pending: startCall(scripted, options) }
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
    reach: async (scripted, options) => ({ pending: startCall(scripted, options) }),
  },
  'while the body is read': {
    reach: async (scripted, options) => {
      const pending = startCall(scripted, options)
      await settle()
      scripted.backend.socket.receive(`${HEAD}begin`)
      await settle()
      return { pending }
    },
  },
  'while the body is iterated': {
    reach: async (scripted, options) => {
      const chunks = (await openStream(scripted, options)).iterBytes()
      return { pending: chunks.next() }
    },
  },
  'while a compressed body is iterated': {
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
      const reader = (await openStream(scripted, options)).bodyStream().getReader()
      return { pending: reader.read() }
    },
  },
  'before the streamed body is read': {
    reach: async (scripted, options) => {
      const response = await openStream(scripted, options)
      return { pending: settle().then(() => response.read()) }
    },
  },
  'while the reader applies back-pressure': {
    reach: async (scripted, options) => {
      const chunks = (await openStream(scripted, options)).iterBytes()
      for (let i = 0; i < 20; i++) scripted.backend.socket.receive('x'.repeat(10_000))
      await chunks.next()
      const readAll = async () => {
        await settle()
        for await (const _ of chunks);
      }
      return { pending: readAll() }
    },
  },
  'in a request hook': {
    client: { eventHooks: { request: [() => inRequestHook.wait()] } },
    reach: async (scripted, options) => ({
      pending: startCall(scripted, options),
      after: inRequestHook.open,
    }),
  },
  'in a response hook': {
    client: { eventHooks: { response: [() => inResponseHook.wait()] } },
    reach: async (scripted, options) => {
      const pending = startCall(scripted, options)
      await settle()
      scripted.backend.socket.receive(OK)
      await settle()
      return { pending, after: inResponseHook.open }
    },
  },
  'in a response hook that reads the body': {
    client: { eventHooks: { response: [(response) => response.read()] } },
    reach: async (scripted, options) => {
      const pending = startCall(scripted, options)
      await settle()
      scripted.backend.socket.receive(`${HEAD}begin`)
      await settle()
      return { pending }
    },
  },
  'after a redirect': {
    reach: async (scripted, options) => {
      const pending = startCall(scripted, options)
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
      const pending = startCall(scripted, options)
      await settle()
      scripted.backend.socket.receive(OK)
      await settle()
      return { pending }
    },
  },
  'while waiting for a retry': {
    client: { retries: 5 },
    reach: async (scripted, options) => {
      scripted.backend.hosts.set('h.test', new Error('no such name'))
      return { pending: startCall(scripted, options) }
    },
  },
}

describe('1 aborted', () => {
  for (const [when, { client: clientOptions, reach }] of Object.entries(phases)) {
    for (const reason of [new Error('aborted'), 'a string', null]) {
      test(`${when}, with ${reason}`, async (t) => {
        const scripted = scriptedClient(t, {
          ...clientOptions,
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
        assert.equal(scripted.backend.holdCount, 0)
        assert.equal(scripted.clock.armedTimers, 0)
      })
    }
  }

  test('while an attempt fails: the call does not wait for a retry', async (t) => {
    const { client, backend } = scriptedClient(t, { retries: 5 })
    backend.autoLookup = false
    const controller = new AbortController()
    const { signal } = controller
    const failed = assert.rejects(client.get(URL, { signal }), (reason) => reason === 'aborted')
    await settle()
    only(backend.lookups).fail(new Error('no such name'))
    controller.abort('aborted')
    await failed
  })

  test('before the call: no connection is opened', async (t) => {
    const { client, backend } = scriptedClient(t)
    const signal = AbortSignal.abort()
    await assert.rejects(client.get(URL, { signal }), (error) => error === signal.reason)
    await settle()
    assert.equal(backend.sockets.length, 0)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('without a reason: AbortError; by AbortSignal.timeout: TimeoutError', async (t) => {
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

  test('after the end of the call: no effect', async (t) => {
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

  test('response.close() before or after the abort has no effect', async (t) => {
    for (const first of ['abort', 'close']) {
      const scripted = scriptedClient(t)
      const controller = new AbortController()
      const response = await openStream(scripted, { signal: controller.signal })
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
  const warningsOf = async (work: () => Promise<void>): Promise<string[]> => {
    const names: string[] = []
    const listen = (warning: Error) => names.push(warning.name)
    process.on('warning', listen)
    await work()
    await settle()
    process.off('warning', listen)
    return names
  }

  test('1,000 calls at the same time', async (t) => {
    const { client } = scriptedClient(t)
    const controller = new AbortController()
    const { signal } = controller
    setMaxListeners(1, signal)
    const reason = new Error('aborted')
    const warnings = await warningsOf(async () => {
      const calls = Array.from({ length: 1000 }, () => client.get(URL, { signal }))
      const outcomes = Promise.allSettled(calls)
      await settle()
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      controller.abort(reason)
      for (const outcome of await outcomes) {
        assert.equal((outcome as PromiseRejectedResult).reason, reason)
      }
    })
    assert.deepEqual(warnings, [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  test('1,000 calls that wait for a retry', async (t) => {
    const { client, backend } = scriptedClient(t, { retries: 3, timeout: null })
    backend.hosts.set('h.test', new Error('no such name'))
    const controller = new AbortController()
    const { signal } = controller
    setMaxListeners(1, signal)
    const warnings = await warningsOf(async () => {
      const calls = Array.from({ length: 1000 }, () => client.get(URL, { signal }))
      const outcomes = Promise.allSettled(calls)
      await settle()
      await settle()
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      controller.abort()
      for (const { status } of await outcomes) assert.equal(status, 'rejected')
    })
    assert.deepEqual(warnings, [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    assert.equal(backend.clock.armedTimers, 0)
  })

  test('1,000 calls in sequence, streamed and read, leave no listener', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.end('ok'))
    const client = openClient(t)
    const { signal } = new AbortController()
    const warnings = await warningsOf(async () => {
      for (let i = 0; i < 500; i++) {
        await client.get(origin, { signal })
        const response = await client.stream('GET', origin, { signal })
        for await (const _ of response.iterBytes());
      }
    })
    assert.deepEqual(warnings, [])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })
})

test('the signal of send replaces that of buildRequest', async (t) => {
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
  const outcome = await Promise.race([third, settle().then(() => 'pending')])
  assert.equal(outcome, 'pending')
})
