import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  environmentNames,
  environmentVariable,
  hasEnvironmentVariable,
  runtimeGlobal,
} from '../../src/models/environment.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

describe('51 an environment variable', () => {
  test('is a property of the environment, and not of Object.prototype', () => {
    const polluted = { HAWSER_TEST: '0', Bun: {}, Deno: {} }
    withPollutedPrototype(polluted, () => {
      assert.equal(environmentVariable('HAWSER_TEST'), undefined)
      assert.equal(environmentVariable('HAWSER_TEST', { HAWSER_TEST: '1' }), '1')
      assert.equal(hasEnvironmentVariable('HAWSER_TEST'), false)
      assert.equal(environmentNames({ A: '' }).join(), 'A')
    })
    assert.equal(environmentVariable('PATH'), process.env.PATH)
  })

  test('that is empty is set, but has no value', () => {
    assert.equal(environmentVariable('A', { A: '' }), undefined)
    assert.equal(hasEnvironmentVariable('A', { A: '' }), true)
  })

  test('94 that may not be read is not set, as on Deno without --allow-env', () => {
    const refuse = () => {
      throw new Error('NotCapable')
    }
    const env = new Proxy({}, { get: refuse, getOwnPropertyDescriptor: refuse, ownKeys: refuse })
    assert.equal(environmentVariable('A', env), undefined)
    assert.equal(hasEnvironmentVariable('A', env), false)
    assert.deepEqual(environmentNames(env), [])
  })
})

test('51 the global of another runtime is not read from Object.prototype', () => {
  const isHere = (name: string) => Object.hasOwn(globalThis, name)
  withPollutedPrototype({ Bun: {}, Deno: {} }, () => {
    assert.equal(runtimeGlobal('Bun') !== undefined, isHere('Bun'))
    assert.equal(runtimeGlobal('Deno') !== undefined, isHere('Deno'))
  })
})
