import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrivals, measureTail } from '../../bench/measures/tail.ts'
import { compare, percentilesOf, spread } from '../../bench/statistics.ts'
import { sample } from './samples.ts'

test('percentiles are values that were measured', () => {
  const values = Float64Array.from({ length: 1000 }, (_, index) => 1000 - index)
  assert.deepEqual(percentilesOf(values), { p50: 500, p90: 900, p99: 990, 'p99.9': 999 })
  assert.deepEqual(percentilesOf(Float64Array.of(7)), { p50: 7, p90: 7, p99: 7, 'p99.9': 7 })
})

test('the median of an even number of rounds lies between the two in the middle', () => {
  assert.deepEqual(spread([4, 1, 2, 10]), { median: 3, min: 1, max: 10 })
})

test('ratios are taken within a round', () => {
  const fast = [sample(300, 10), sample(30, 10), sample(600, 10)]
  const slow = [sample(100, 20), sample(10, 20), sample(100, 20)]
  assert.deepEqual(compare('speed', fast, slow), { median: 3, min: 3, max: 6 })
  assert.equal(compare('thrift', fast, slow).median, 2)
})

test('the slowest in a hundred are compared like this', () => {
  const times = (p99: number) => ({ tailMicros: { p50: 1, p90: 1, p99, 'p99.9': 1 } })
  assert.equal(compare('p99', [sample(1, 1, times(10))], [sample(1, 1, times(30))]).median, 3)
})

test('requests come at random, the same way every time, and about as often as they should', () => {
  const due = arrivals(10_000, 1000)
  assert.deepEqual(due, arrivals(10_000, 1000))
  const gaps = due.map((at, index) => at - (due[index - 1] ?? 0))
  assert.ok(gaps.every((gap) => gap > 0))
  assert.ok(Math.abs(due.at(-1)! / 10_000 - 1) < 0.05, `${due.at(-1)} ms`)
  // Of a Poisson process, e^-1 of the gaps are longer than the mean.
  const long = gaps.filter((gap) => gap > 1).length / gaps.length
  assert.ok(Math.abs(long - Math.exp(-1)) < 0.02, `${long}`)
})

test('who stalls is late for all that come meanwhile', async () => {
  let runs = 0
  const run = async () => {
    if (++runs > 1) return
    const start = performance.now()
    while (performance.now() - start < 50);
  }
  const { tailMicros, requests } = await measureTail({ run, close: async () => {} }, 100, 2000)
  assert.deepEqual([runs, requests], [100, 100])
  // 100 of them are due within about 50 ms, so half of them wait for 25 ms or so.
  assert.ok(tailMicros!.p90 > 20_000, `${tailMicros!.p90} µs`)
  assert.ok(tailMicros!['p99.9'] >= 50_000)
})

test('a request that fails ends the measurement', async () => {
  const run = () => Promise.reject(new Error('refused'))
  await assert.rejects(measureTail({ run, close: async () => {} }, 10, 1000), /refused/)
})
