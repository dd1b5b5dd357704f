import assert from 'node:assert/strict'
import { test } from 'node:test'
import { measureTail, poissonArrivals } from '../../bench/measures/tail.ts'
import { compareRounds, computeSpread, percentilesOf } from '../../bench/statistics.ts'
import { sample } from './samples.ts'

test('percentiles are measured values', () => {
  const values = Float64Array.from({ length: 1000 }, (_, index) => 1000 - index)
  assert.deepEqual(percentilesOf(values), { p50: 500, p90: 900, p99: 990, 'p99.9': 999 })
  assert.deepEqual(percentilesOf(Float64Array.of(7)), { p50: 7, p90: 7, p99: 7, 'p99.9': 7 })
})

test('the median of an even number of rounds is the mean of the two in the middle', () => {
  assert.deepEqual(computeSpread([4, 1, 2, 10]), { median: 3, min: 1, max: 10 })
})

test('ratios are computed within a round', () => {
  const fast = [sample(300, 10), sample(30, 10), sample(600, 10)]
  const slow = [sample(100, 20), sample(10, 20), sample(100, 20)]
  assert.deepEqual(compareRounds('speed', fast, slow), { median: 3, min: 3, max: 6 })
  assert.equal(compareRounds('efficiency', fast, slow).median, 2)
})

test('p99 is the ratio of the 99th percentiles', () => {
  const times = (p99: number) => ({ tailMicros: { p50: 1, p90: 1, p99, 'p99.9': 1 } })
  assert.equal(compareRounds('p99', [sample(1, 1, times(10))], [sample(1, 1, times(30))]).median, 3)
})

test('arrivals are random, reproducible, and have the requested rate', () => {
  const due = poissonArrivals(10_000, 1000)
  assert.deepEqual(due, poissonArrivals(10_000, 1000))
  const gaps = due.map((at, index) => at - (due[index - 1] ?? 0))
  assert.ok(gaps.every((gap) => gap > 0))
  assert.ok(Math.abs(due.at(-1)! / 10_000 - 1) < 0.05, `${due.at(-1)} ms`)
  // In a Poisson process, a fraction of e^-1 of the gaps is longer than the mean.
  const long = gaps.filter((gap) => gap > 1).length / gaps.length
  assert.ok(Math.abs(long - Math.exp(-1)) < 0.02, `${long}`)
})

test('a stall delays all requests that become due during it', async () => {
  let runs = 0
  const run = async () => {
    if (++runs > 1) return
    const start = performance.now()
    while (performance.now() - start < 50);
  }
  const { tailMicros, requests } = await measureTail({ run, close: async () => {} }, 100, 2000)
  assert.deepEqual([runs, requests], [100, 100])
  // All 100 are due within about 50 ms, so half of them wait at least 25 ms.
  assert.ok(tailMicros!.p90 > 20_000, `${tailMicros!.p90} µs`)
  assert.ok(tailMicros!['p99.9'] >= 50_000)
})

test('a request that fails ends the measurement', async () => {
  const run = () => Promise.reject(new Error('refused'))
  await assert.rejects(measureTail({ run, close: async () => {} }, 10, 1000), /refused/)
})
