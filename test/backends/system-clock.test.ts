import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/backends/system-clock.ts'

test('now advances', async () => {
  const before = systemClock.now()
  await sleep(10)
  assert.ok(systemClock.now() - before >= 9)
})

test('microtask runs before afterPending', async () => {
  const order: string[] = []
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      systemClock.afterPending(() => {
        order.push('pending')
        resolve()
      })
      systemClock.microtask(() => order.push('microtask'))
      order.push('timer')
    }, 1)
  })
  assert.deepEqual(order, ['timer', 'microtask', 'pending'])
})

test('a timer calls back once, after the time of the last arm', async () => {
  const calls: number[] = []
  const start = systemClock.now()
  const timer = systemClock.timer(() => calls.push(systemClock.now() - start))
  timer.arm(5)
  timer.arm(60) // another length
  timer.arm(30)
  await sleep(15)
  timer.arm(30) // the same length again
  await sleep(80)
  assert.equal(calls.length, 1)
  assert.ok(calls[0]! >= 43, `${calls[0]}`)
  timer.arm(30) // after it has called back
  await sleep(60)
  assert.equal(calls.length, 2)
})

test('a cancelled timer does not call back, and can be armed again', async () => {
  let calls = 0
  const timer = systemClock.timer(() => {
    calls += 1
  })
  timer.cancel()
  timer.arm(5)
  timer.cancel()
  await sleep(20)
  assert.equal(calls, 0)
  timer.arm(5)
  timer.cancel()
  timer.arm(5)
  await sleep(20)
  assert.equal(calls, 1)
})

test('a timer can be armed in its own callback', async () => {
  let calls = 0
  const timer = systemClock.timer(() => {
    calls += 1
    if (calls < 3) timer.arm(3)
  })
  timer.arm(3)
  for (let waits = 0; calls < 3 && waits < 1000; waits++) await sleep(3)
  assert.equal(calls, 3)
})

test('a timer can be longer than 2^31-1 milliseconds', (t) => {
  const longest = 2 ** 31 - 1
  const delays: number[] = []
  let elapse = () => {}
  const set = (callback: (arg: unknown) => void, ms: number, arg: unknown) => {
    assert.ok(ms <= longest)
    delays.push(ms)
    elapse = () => callback(arg)
    return { unref: () => ({ refresh: () => delays.push(ms) }) }
  }
  t.mock.method(globalThis, 'setTimeout', set as unknown as typeof setTimeout)
  t.mock.method(globalThis, 'clearTimeout', () => {})
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
