import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PoolLimits } from '../../src/models/limits.ts'
import { resolveLimits } from '../../src/models/limits.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const defaults = {
  maxConnections: 100,
  maxKeepaliveConnections: 100,
  keepaliveExpiry: 5000,
  maxConnectionsPerOrigin: null,
  maxLifetime: null,
}

test('5 the defaults', () => {
  assert.deepEqual(resolveLimits(), defaults)
  assert.deepEqual(resolveLimits(undefined), defaults)
  assert.deepEqual(resolveLimits({}), defaults)
  assert.deepEqual(resolveLimits({ maxConnections: undefined, maxLifetime: undefined }), defaults)
})

test('given limits replace the defaults', () => {
  const limits = {
    maxConnections: 10,
    maxKeepaliveConnections: 5,
    keepaliveExpiry: 0.5,
    maxConnectionsPerOrigin: 2,
    maxLifetime: 2 ** 40,
  }
  assert.deepEqual(resolveLimits(limits), limits)
})

test('maxKeepaliveConnections defaults to maxConnections', () => {
  assert.equal(resolveLimits({ maxConnections: 7 }).maxKeepaliveConnections, 7)
  assert.equal(resolveLimits({ maxConnections: null }).maxKeepaliveConnections, null)
  assert.equal(resolveLimits({ maxConnections: Infinity }).maxKeepaliveConnections, null)
})

test('null and Infinity mean no limit', () => {
  for (const name of Object.keys(defaults) as (keyof PoolLimits)[]) {
    assert.equal(resolveLimits({ [name]: null })[name], null)
    assert.equal(resolveLimits({ [name]: Infinity })[name], null)
  }
})

test('0 is a valid limit for idle connections', () => {
  assert.equal(resolveLimits({ maxKeepaliveConnections: 0 }).maxKeepaliveConnections, 0)
  assert.equal(resolveLimits({ keepaliveExpiry: 0 }).keepaliveExpiry, 0)
})

const neverValid = [-1, NaN, -Infinity, '10', true, 10n, {}]
const invalid: Record<keyof PoolLimits, unknown[]> = {
  maxConnections: [...neverValid, 0, 1.5, 2 ** 53],
  maxKeepaliveConnections: [...neverValid, 1.5],
  keepaliveExpiry: neverValid,
  maxConnectionsPerOrigin: [...neverValid, 0, 1.5],
  maxLifetime: [...neverValid, 0],
}
for (const [name, values] of Object.entries(invalid)) {
  test(`an invalid ${name} is a TypeError with its name`, () => {
    for (const value of values) {
      assert.throws(() => resolveLimits({ [name]: value }), {
        name: 'TypeError',
        message: new RegExp(`^${name} must be .*, not `),
      })
    }
  })
}

test('a value that is not an object, or has an unknown name, is a TypeError', () => {
  for (const value of [null, 100, 'all', [], [100]]) {
    assert.throws(() => resolveLimits(value as PoolLimits), TypeError)
  }
  assert.throws(() => resolveLimits({ maxConections: 1 } as PoolLimits), {
    name: 'TypeError',
    message: /^poolLimits\.maxConections is not an option/,
  })
})

test('the result is frozen', () => {
  assert.ok(Object.isFrozen(resolveLimits({ maxConnections: 1 })))
})

test('22 a polluted Object.prototype sets no limit', () => {
  const polluted = {
    maxConnections: 1,
    maxKeepaliveConnections: 1,
    keepaliveExpiry: 1,
    maxConnectionsPerOrigin: 1,
    maxLifetime: 1,
  }
  assert.deepEqual(
    withPollutedPrototype(polluted, () => ({ ...resolveLimits({}) })),
    defaults,
  )
})
