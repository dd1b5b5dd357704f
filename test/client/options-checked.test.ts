import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClientOptions } from '../../src/index.ts'
import { Client, MockDispatcher } from '../../src/index.ts'

describe('options of connections are checked even if there are no connections', () => {
  const invalid: readonly object[] = [
    { poolLimits: { maxConections: 1 } },
    { lookup: 5 },
    { onConnect: 'x' },
    { trace: 7 },
  ]
  const routes: readonly [name: string, options: ClientOptions][] = [
    ['app', { app: () => new Response() }],
    ['dispatcher', { dispatcher: new MockDispatcher(() => ({})) }],
  ]
  for (const [name, route] of routes) {
    for (const options of invalid) {
      test(`${name} with ${Object.keys(options)}`, () => {
        assert.throws(() => new Client({ ...route, ...options } as never), TypeError)
      })
    }
  }
})
