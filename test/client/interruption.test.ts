// A call ends at its signal or `total` timeout even while it waits for a function of the caller.
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import type { AuthInit, ClientOptions } from '../../src/index.ts'
import { ClientClosed, TotalTimeout } from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { inChild } from './child.ts'
import { openClient, settle } from './clients.ts'

const never = () => new Promise<never>(() => {})
const neverAuth: AuthInit = never

const cases: [name: string, options: (gate: () => Promise<unknown>) => ClientOptions][] = [
  ['a request hook', (gate) => ({ eventHooks: { request: [gate] } })],
  ['a response hook', (gate) => ({ eventHooks: { response: [gate] } })],
  ['an auth function', (gate) => ({ auth: (request) => gate().then(() => request) })],
]

const WAITS = [
  'a request hook',
  'a response hook',
  'an auth flow',
  'an auth function',
  'onDownloadProgress',
]

async function start(t: TestContext) {
  return (await httpServer(t, (_, response) => response.end('x'))).origin
}

describe('while waiting for', () => {
  for (const [name, options] of cases) {
    test(`${name}: the signal is aborted`, async (t) => {
      const origin = await start(t)
      let reached!: () => void
      const called = new Promise<void>((resolve) => {
        reached = resolve
      })
      let open!: () => void
      const gate = () => {
        reached()
        return new Promise<void>((resolve) => {
          open = resolve
        })
      }
      const client = openClient(t, options(gate))
      const controller = new AbortController()
      const call = client.get(origin, { signal: controller.signal })
      await called
      const reason = new Error('aborted')
      controller.abort(reason)
      await assert.rejects(call, reason)
      open() // The response that arrives now is closed.
      await settle()
      assert.match(inspect(client), /0 connecting, 0 active/)
    })

    test(`${name}: the client is closed`, { timeout: 5_000 }, async (t) => {
      const origin = await start(t)
      let reached!: () => void
      const called = new Promise<void>((resolve) => {
        reached = resolve
      })
      const client = openClient(
        t,
        options(() => {
          reached()
          return never()
        }),
      )
      const content = new Readable({ read() {} })
      content.push('x')
      const call = client.post(origin, { content: name.startsWith('a resp') ? 'x' : content })
      await called
      const closing = client.close()
      await assert.rejects(call, ClientClosed)
      await closing
      if (!name.startsWith('a resp')) assert.equal(content.destroyed, true)
    })

    test(`${name}: is not called if the signal is aborted already`, {
      timeout: 5_000,
    }, async (t) => {
      const gate = () => assert.fail()
      const client = openClient(t, options(gate))
      const reason = new Error('aborted')
      const content = new Readable({ read() {} })
      const signal = AbortSignal.abort(reason)
      await assert.rejects(client.post('http://h.test/', { content, signal }), reason)
      assert.equal(content.destroyed, true)
    })

    test(`${name}: which aborts the signal itself`, { timeout: 5_000 }, async (t) => {
      const origin = await start(t)
      const controller = new AbortController()
      const reason = new Error('aborted')
      let calls = 0
      const gate = () => {
        calls++
        controller.abort(reason)
        return never()
      }
      const given = options(gate)
      const { request = [], response = [] } = given.eventHooks ?? {}
      const next = () => assert.fail()
      const eventHooks = {
        request: [...request, ...(request.length ? [next] : [])],
        response: [...response, next],
      }
      const client = openClient(t, { ...given, eventHooks })
      await assert.rejects(client.get(origin, { signal: controller.signal }), reason)
      assert.equal(calls, 1)
      await settle()
    })

    test(`${name}: the total timeout expires`, async (t) => {
      const origin = await start(t)
      const client = openClient(t, options(never))
      const call = client.get(origin, { timeout: { total: 20 } })
      await assert.rejects(call, (error: Error) => {
        assert.ok(error instanceof TotalTimeout)
        assert.match(error.message, /^The request did not complete within 20 ms/)
        assert.equal(error.request?.method, 'GET')
        return true
      })
    })
  }
})

describe('while waiting for an asynchronous cookie store', { timeout: 5_000 }, () => {
  for (const name of ['findCookies', 'putCookie']) {
    test(`${name}: the client is closed`, async (t) => {
      const { origin } = await httpServer(t, (_, response) => {
        response.writeHead(200, { 'set-cookie': 'a=b' }).end('x')
      })
      const store = new MemoryCookieStore()
      store.synchronous = false
      let reached!: () => void
      const called = new Promise<void>((resolve) => {
        reached = resolve
      })
      const client = openClient(t, { cookies: new CookieJar(store) })
      Object.assign(store, {
        [name]() {
          reached()
          return never()
        },
      })
      const call = client.get(origin)
      await called
      const closing = client.close()
      await assert.rejects(call, ClientClosed)
      await closing
    })
  }
})

describe('while waiting for an asynchronous onDownloadProgress', { timeout: 5_000 }, () => {
  test('the signal is aborted', async (t) => {
    const origin = await start(t)
    const controller = new AbortController()
    const reason = new Error('aborted')
    const onDownloadProgress = () => {
      setImmediate(() => controller.abort(reason))
      return never()
    }
    const { signal } = controller
    await assert.rejects(openClient(t).get(origin, { signal, onDownloadProgress }), reason)
  })

  test('the total timeout expires', async (t) => {
    const origin = await start(t)
    const options = { timeout: { total: 50 }, onDownloadProgress: never }
    await assert.rejects(openClient(t).get(origin, options), (error: Error) => {
      assert.ok(error instanceof TotalTimeout)
      assert.match(error.message, /^The request did not complete within 50 ms/)
      assert.equal(error.responseStarted, true)
      return true
    })
  })
})

test('88 a deadline keeps the process alive while the call waits for code of the caller', async () => {
  const { output, errors, status } = await inChild(async ({ hawser }, names) => {
    const never = () => new Promise<never>(() => {})
    const app = () => new Response('x')
    const waits: Record<string, object> = {
      'a request hook': { eventHooks: { request: [never] } },
      'a response hook': { app, eventHooks: { response: [never] } },
      'an auth flow': {
        auth: {
          authFlow: async function* () {
            yield await never()
          },
        },
      },
      'an auth function': { auth: never },
      onDownloadProgress: { app },
    }
    for (const name of names) {
      const client = new hawser.Client(waits[name])
      const more = name === 'onDownloadProgress' ? { onDownloadProgress: never } : {}
      for (const deadline of [{ timeout: { total: 20 } }, { signal: AbortSignal.timeout(20) }]) {
        const call = client.get('http://h.test/', { ...deadline, ...more })
        await call.catch((error: Error) => console.log(name, error.name))
      }
    }
  }, WAITS)
  assert.deepEqual(
    output.split('\n'),
    WAITS.flatMap((name) => [`${name} TotalTimeout`, `${name} TimeoutError`]),
  )
  assert.deepEqual({ errors, status }, { errors: '', status: 0 })
})

test('no listener remains on the signal', async (t) => {
  const origin = await start(t)
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: unknown[]) => {
    listeners++
    addEventListener.apply(signal, args as never)
  }
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--
    removeEventListener.apply(signal, args as never)
  }
  const client = openClient(t, { eventHooks: { request: [() => {}] } })
  await client.get(origin, { signal })
  await assert.rejects(client.get(origin, { signal, auth: neverAuth, timeout: { total: 10 } }))
  assert.equal(listeners, 0)
})
