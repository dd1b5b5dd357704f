import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClientOptions } from '../../src/index.ts'
import { Client, MockDispatcher } from '../../src/index.ts'

describe('options of connections are checked where there are none', () => {
  const wrong: readonly object[] = [
    { poolLimits: { maxConections: 1 } },
    { lookup: 5 },
    { onConnect: 'x' },
    { trace: 7 },
  ]
  const ways: readonly [name: string, options: ClientOptions][] = [
    ['app', { app: () => new Response() }],
    ['dispatcher', { dispatcher: new MockDispatcher(() => ({})) }],
  ]
  for (const [name, way] of ways) {
    for (const options of wrong) {
      test(`${name} with ${Object.keys(options)}`, () => {
        assert.throws(() => new Client({ ...way, ...options } as never), TypeError)
      })
    }
  }
})
