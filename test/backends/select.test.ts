import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeBackend } from '../../src/backends/node.ts'
import { bunApi, denoApi } from '../../src/backends/other-runtimes.ts'
import type { BackendChoice } from '../../src/backends/select.ts'
import { selectBackend } from '../../src/backends/select.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'

test('backends by name', () => {
  assert.equal(selectBackend('node'), nodeBackend)
  assert.equal(selectBackend(undefined), selectBackend('auto'))
  assert.equal(selectBackend('auto').name, bunApi() ? 'bun' : denoApi() ? 'deno' : 'node')
})

test('backends of other runtimes', () => {
  for (const [name, api, runtime] of [
    ['bun', bunApi(), 'Bun'],
    ['deno', denoApi(), 'Deno'],
  ] as const) {
    if (api) assert.equal(selectBackend(name).name, name)
    else {
      const message = new RegExp(`^backend: '${name}' requires ${runtime}`)
      assert.throws(() => selectBackend(name), { name: 'TypeError', message })
    }
    if (api) assert.equal(selectBackend(name), selectBackend(name))
  }
})

test('a custom backend', () => {
  const backend = new ScriptedBackend()
  assert.equal(selectBackend(backend), backend)
})

test('82 a backend without one of its methods is refused', () => {
  const backend = new ScriptedBackend()
  const methods = ['lookup', 'connect', 'secure', 'hold', 'release', 'clock']
  for (const name of methods) {
    const incomplete = Object.create(backend, { [name]: { value: undefined } })
    assert.throws(() => selectBackend(incomplete), /^TypeError: backend: expected/, name)
  }
  for (const name of ['now', 'timer', 'afterPending', 'afterPoll', 'microtask']) {
    const clock = Object.create(backend.clock, { [name]: { value: undefined } })
    const incomplete = Object.create(backend, { clock: { value: clock } })
    assert.throws(() => selectBackend(incomplete), /^TypeError: backend: expected/, name)
  }
})

test('unknown names and other values are a TypeError', () => {
  const select = (choice: unknown) => () => selectBackend(choice as BackendChoice)
  assert.throws(select('curl'), { name: 'TypeError', message: /got 'curl'/ })
  for (const wrong of [null, 1, {}, [], () => {}, { connect() {} }, Symbol('x')]) {
    assert.throws(select(wrong), TypeError)
  }
  assert.throws(select(Object.create(null)), TypeError)
})
