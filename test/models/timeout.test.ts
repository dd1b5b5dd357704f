import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { TimeoutFields } from '../../src/models/timeout.ts'
import { Timeout } from '../../src/models/timeout.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const each = (value: number | null) => ({ connect: value, read: value, write: value, pool: value })
const invalid: unknown[] = [0, -0, -1, -Infinity, NaN, '1000', true, 10n, Symbol('a'), () => 1]
const names = ['connect', 'read', 'write', 'pool', 'total'] as const

test('8 each default is 5000 ms, except for total, which is null', () => {
  assert.deepEqual({ ...Timeout.default }, { ...each(5000), total: null })
  assert.deepEqual({ ...new Timeout() }, { ...Timeout.default })
})

test('a number sets all timeouts except total', () => {
  assert.deepEqual({ ...new Timeout(1000) }, { ...each(1000), total: null })
})

test('null and Infinity mean no timeout', () => {
  assert.deepEqual({ ...new Timeout(null) }, { ...each(null), total: null })
  assert.deepEqual({ ...new Timeout(Infinity) }, { ...each(null), total: null })
  const fields = { read: Infinity, total: Infinity }
  assert.deepEqual({ ...new Timeout(1, fields) }, { ...each(1), read: null, total: null })
})

test('fields take precedence over the number', () => {
  const timeout = new Timeout(10_000, { connect: 60_000, read: null, write: undefined, total: 9 })
  assert.deepEqual(
    { ...timeout },
    { connect: 60_000, read: null, write: 10_000, pool: 10_000, total: 9 },
  )
})

test('fractions, and durations beyond the range of a timer, are not changed', () => {
  assert.equal(new Timeout(0.5).read, 0.5)
  assert.equal(new Timeout(2 ** 31).read, 2 ** 31)
  assert.equal(new Timeout(Number.MAX_VALUE).read, Number.MAX_VALUE)
})

for (const value of invalid) {
  test(`${String(value)} (${typeof value}) is a TypeError with the name and the value`, () => {
    const shown = String(value).replace(/[()]/g, '\\$&')
    const isRefusal = (label: string) => ({
      name: 'TypeError',
      message: new RegExp(`^${label} .*`),
    })
    assert.throws(() => new Timeout(value as number), isRefusal('timeout'))
    assert.throws(() => Timeout.from(value as number, Timeout.default), isRefusal('timeout'))
    for (const name of names) {
      const fields = { [name]: value } as TimeoutFields
      assert.throws(() => new Timeout(1, fields), isRefusal(`timeout.${name}`))
      assert.throws(() => Timeout.from(fields, Timeout.default), isRefusal(`timeout.${name}`))
    }
    if (typeof value === 'number' && !Object.is(value, -0)) {
      assert.throws(() => new Timeout(value), new RegExp(`not ${shown}$`))
    }
  })
}

test('90 a value that is not an object, or has an unknown name, is a TypeError', () => {
  const from = (value: unknown) => () => Timeout.from(value as number, Timeout.default)
  assert.throws(from([1000]), { name: 'TypeError', message: /^timeout must be an object/ })
  for (const value of [
    new Date(),
    new Map(),
    /1/,
    new Number(1),
    Promise.resolve(1),
    new Error(),
  ]) {
    assert.throws(from(value), { name: 'TypeError', message: /^timeout must be an object/ })
  }
  assert.throws(from({ raed: 1 }), {
    name: 'TypeError',
    message: /^timeout\.raed is not an option/,
  })
  class Fields {
    read = 1
  }
  const foreign: unknown = runInNewContext('({ read: 1 })')
  for (const fields of [Object.create(null), runInNewContext('({})'), new Fields(), foreign]) {
    assert.doesNotThrow(from(fields))
  }
  assert.throws(() => new Timeout(1, null as never), TypeError)
  assert.throws(() => new Timeout(1, 5 as never), TypeError)
})

test('an instance is immutable', () => {
  const timeout = new Timeout(1) as { read: number | null }
  assert.throws(() => (timeout.read = 2), TypeError)
  assert.throws(() => Object.assign(Timeout.default, { read: 2 }), TypeError)
})

const base = new Timeout(10, { connect: 20, total: 30 })

test('`from` returns the base for undefined, and a Timeout itself', () => {
  const timeout = new Timeout(1)
  assert.equal(Timeout.from(undefined, base), base)
  assert.equal(Timeout.from(timeout, base), timeout)
})

test('`from` takes missing fields of a plain object from the base', () => {
  assert.deepEqual({ ...Timeout.from({ read: 1 }, base) }, { ...base, read: 1 })
  assert.deepEqual({ ...Timeout.from({ total: null }, base) }, { ...base, total: null })
  assert.deepEqual(
    { ...Timeout.from({ read: undefined, pool: Infinity }, base) },
    {
      ...base,
      pool: null,
    },
  )
  assert.deepEqual({ ...Timeout.from({}, base) }, { ...base })
  const withoutPrototype: TimeoutFields = Object.assign(Object.create(null), { write: 5 })
  assert.deepEqual({ ...Timeout.from(withoutPrototype, base) }, { ...base, write: 5 })
})

test('`from` keeps the total of the base for a number, and removes it for null', () => {
  assert.deepEqual({ ...Timeout.from(1, base) }, { ...each(1), total: 30 })
  assert.deepEqual({ ...Timeout.from(Infinity, base) }, { ...each(null), total: 30 })
  assert.deepEqual({ ...Timeout.from(null, base) }, { ...each(null), total: null })
})

test('22 a polluted Object.prototype sets no timeout', () => {
  const polluted = { connect: 1, read: 1, write: 1, pool: 1, total: 1 }
  const [fromEmpty, made] = withPollutedPrototype(polluted, () => [
    Timeout.from({}, base),
    new Timeout(5, {}),
  ])
  assert.deepEqual({ ...fromEmpty }, { ...base })
  assert.deepEqual({ ...made }, { ...each(5), total: null })
})
