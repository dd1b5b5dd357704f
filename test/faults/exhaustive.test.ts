// A part of it: `npm run test:faults` does it at every byte, and with every bit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpus } from './corpus/corpus.ts'
import { tryAll } from './whole.ts'

const PART = { bytes: 3, allBits: false }

for (const exchange of corpus) {
  test(exchange.name, async () => {
    const { lost } = await tryAll(exchange, PART)
    assert.deepEqual(lost, [])
  })
}

test('at least 60 exchanges, each with a name of its own', () => {
  const names = new Set(corpus.map(({ name }) => name))
  assert.equal(names.size, corpus.length)
  assert.ok(names.size >= 60)
})
