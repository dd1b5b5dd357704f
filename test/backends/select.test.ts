import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeBackend } from '../../src/backends/node.ts'
import { ScriptedBackend } from '../../src/backends/scripted.ts'
import type { BackendChoice } from '../../src/backends/select.ts'
import { selectBackend } from '../../src/backends/select.ts'

test('names', () => {
  assert.equal(selectBackend(undefined), nodeBackend)
  assert.equal(selectBackend('auto'), nodeBackend)
  assert.equal(selectBackend('node'), nodeBackend)
})

test('a backend of its own', () => {
  const backend = new ScriptedBackend()
  assert.equal(selectBackend(backend), backend)
})

test('what there is not, or is no backend', () => {
  const select = (choice: unknown) => () => selectBackend(choice as BackendChoice)
  assert.throws(select('bun'), { name: 'TypeError', message: /no 'bun' backend/ })
  assert.throws(select('deno'), { name: 'TypeError', message: /no 'deno' backend/ })
  assert.throws(select('curl'), { name: 'TypeError', message: /got 'curl'/ })
  for (const wrong of [null, 1, {}, [], () => {}, { connect() {} }, Symbol('x')]) {
    assert.throws(select(wrong), TypeError)
  }
  assert.throws(select(Object.create(null)), TypeError)
})
