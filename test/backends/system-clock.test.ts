import assert from 'node:assert/strict'
import { test } from 'node:test'
import timers from 'node:timers'
import { setTimeout as sleep } from 'node:timers/promises'
import { hold, release, systemClock } from '../../src/backends/system-clock.ts'
import { runChild } from '../client/child.ts'

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

test('76 the clock and its timers are those of the time when it was loaded', async (t) => {
  // Not `t.mock`: on Deno, it cannot replace these.
  const replace = (target: object, fakes: object) => {
    const before = Object.keys(fakes).map((name) => [name, Reflect.get(target, name)])
    t.after(() => Object.assign(target, Object.fromEntries(before)))
    Object.assign(target, fakes)
  }
  const never = () => 1
  const fakes = { setTimeout: never, setImmediate: never, setInterval: never }
  replace(timers, fakes)
  replace(globalThis, { ...fakes, queueMicrotask: never })
  replace(performance, { now: () => 0 })
  assert.notEqual(systemClock.now(), 0)
  await new Promise<void>((resolve) => systemClock.microtask(resolve))
  await new Promise<void>((resolve) => systemClock.afterPending(resolve))
  await new Promise<void>((resolve) => systemClock.afterPoll(resolve, () => {}))
  hold() // keeps the process alive, because the timer does not
  await new Promise<void>((resolve) => systemClock.timer(resolve).arm(1))
  release()
})

test('76 what a microtask throws is an uncaught exception', async () => {
  const { output, status } = await runChild(`
    import { microtask } from ${JSON.stringify(new URL('../../src/backends/runtime-timers.js', import.meta.url).href)}
    process.on('uncaughtException', (error) => console.log('uncaught', error.message))
    process.on('unhandledRejection', () => console.log('rejection'))
    microtask(() => { throw new Error('from the callback') })
  `)
  assert.deepEqual([output, status], ['uncaught from the callback', 0])
})
