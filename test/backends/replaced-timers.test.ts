// The clock takes the timers when it is loaded.
// Own process: replaces timers before the clock is loaded.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import timers from 'node:timers'

const longest = 2 ** 31 - 1
const delays: number[] = []
let elapse = () => {}
const { setTimeout, clearTimeout } = timers
const fakeTimeout = (callback: (arg: unknown) => void, ms: number, arg: unknown) => {
  assert.ok(ms <= longest)
  delays.push(ms)
  elapse = () => callback(arg)
  return { unref: () => ({ refresh: () => delays.push(ms) }) }
}
Object.assign(timers, { setTimeout: fakeTimeout, clearTimeout: () => {} })
const { systemClock } = await import('../../src/backends/system-clock.ts')
Object.assign(timers, { setTimeout, clearTimeout })

test('a timer can be longer than 2^31-1 milliseconds', () => {
  let calls = 0
  const timer = systemClock.timer(() => {
    calls += 1
  })
  timer.arm(2 * longest + 10)
  for (let step = 0; step < 3; step++) {
    assert.equal(calls, 0)
    elapse()
  }
  assert.equal(calls, 1)
  assert.deepEqual(delays, [longest, longest, 10])
})
