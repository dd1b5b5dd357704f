// The caller's own code takes its time: the call still ends when its signal or its total says so.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { AuthInit, ClientOptions } from '../../src/index.ts'
import { TotalTimeout } from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { openClient, settle } from './clients.ts'

const never = () => new Promise<never>(() => {})
const neverAuth: AuthInit = never

const places: [name: string, options: (gate: () => Promise<unknown>) => ClientOptions][] = [
  ['a request hook', (gate) => ({ eventHooks: { request: [gate] } })],
  ['a response hook', (gate) => ({ eventHooks: { response: [gate] } })],
  ['an auth function', (gate) => ({ auth: (request) => gate().then(() => request) })],
]

async function start(t: TestContext) {
  return (await httpServer(t, (_, response) => response.end('x'))).origin
}

describe('in', () => {
  for (const [name, options] of places) {
    test(`${name}: the signal`, async (t) => {
      const origin = await start(t)
      let reached!: () => void
      const here = new Promise<void>((resolve) => {
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
      await here
      const reason = new Error('enough')
      controller.abort(reason)
      await assert.rejects(call, reason)
      open() // what comes after all is closed
      await settle()
      assert.match(inspect(client), /0 connecting, 0 active/)
    })

    test(`${name}: the total`, async (t) => {
      const origin = await start(t)
      const client = openClient(t, options(never))
      const call = client.get(origin, { timeout: { total: 20 } })
      await assert.rejects(call, (error: Error) => {
        assert.ok(error instanceof TotalTimeout)
        assert.match(error.message, /^Not done within 20 ms/)
        assert.equal(error.request?.method, 'GET')
        return true
      })
    })
  }
})

test('a listener is left on no signal', async (t) => {
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
