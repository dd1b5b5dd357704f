import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linear, logarithmic, logTicks } from '../../bench/report/scale.ts'

test('a linear scale starts at 0', () => {
  const x = linear(200, 10, 110)
  assert.deepEqual([x(0), x(100), x(200)], [10, 60, 110])
})

test('on a logarithmic scale each power of ten has the same width', () => {
  const y = logarithmic(1, 1000, 300, 0)
  assert.deepEqual([1, 10, 100, 1000].map(y).map(Math.round), [300, 200, 100, 0])
})

test('scales work with one value, or with none', () => {
  assert.equal(linear(0, 5, 10)(0), 5)
  assert.equal(logarithmic(7, 7, 5, 10)(7), 5)
})

const ticks: [values: number[], expected: number[]][] = [
  [
    [12, 480],
    [10, 20, 50, 100, 200, 500],
  ],
  [
    [10, 500],
    [10, 20, 50, 100, 200, 500],
  ],
  [
    [0.07, 2],
    [0.05, 0.1, 0.2, 0.5, 1, 2],
  ],
  [
    [11, 90_000],
    [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000],
  ],
  [
    [1, 1e6],
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
  ],
  [[3], [2, 5]],
  [[5], [5, 10]],
]
for (const [values, expected] of ticks) {
  test(`an axis for ${values.join(' to ')} has the ticks ${expected.join(', ')}`, () => {
    assert.deepEqual(logTicks(values), expected)
  })
}
