// Injects faults at a few bytes of each message. `npm run test:faults` tries every byte and bit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpus } from './corpus/corpus.ts'
import { tryAll } from './try-all.ts'

const PART = { bytes: 3, allBits: false }

for (const exchange of corpus) {
  test(exchange.name, async () => {
    const { failures } = await tryAll(exchange, PART)
    assert.deepEqual(failures, [])
  })
}

test('at least 60 exchanges, each with its own name', () => {
  const names = new Set(corpus.map(({ name }) => name))
  assert.equal(names.size, corpus.length)
  assert.ok(names.size >= 60)
})
