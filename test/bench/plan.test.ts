import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, estimateStep, listNames } from '../../bench/plan.ts'
import { workloads } from '../../bench/workloads/index.ts'

test('the plan has all workloads, each with different contestants', () => {
  const steps = createPlan({ quick: false })
  assert.deepEqual(
    steps.map(({ workload }) => workload),
    workloads,
  )
  for (const { workload, names } of steps) {
    assert.ok(names.length > 1, workload.name)
    assert.equal(new Set(names).size, names.length, workload.name)
  }
})

test('no two workloads have the same name or title', () => {
  assert.equal(new Set(workloads.map(({ name }) => name)).size, workloads.length)
  assert.equal(new Set(workloads.map(({ title }) => title)).size, workloads.length)
})

test('quick omits workloads without a target, and contestants for information', () => {
  const steps = createPlan({ quick: true })
  const names = steps.map(({ workload }) => workload.name)
  assert.ok(names.includes('get-65b') && names.includes('fetch-65b'))
  assert.ok(!names.includes('tail-latency') && !names.includes('fetch-1mb'))
  const [first] = steps
  assert.deepEqual(first?.names, ['hawser-request', 'undici-request', 'hawser-dispatch', 'floor'])
})

test('workloads that are named are measured, even if quick omits them', () => {
  const [step, ...others] = createPlan({ only: ['fetch-1mb'], contestants: ['got'], quick: true })
  assert.deepEqual([step?.workload.name, step?.names, others], ['fetch-1mb', ['got'], []])
})

test('unknown names throw', () => {
  const quick = false
  assert.throws(
    () => createPlan({ only: ['get-66b'], quick }),
    /Unknown workload: get-66b\. --list/,
  )
  assert.throws(
    () => createPlan({ contestants: ['curl'], quick }),
    /Unknown contestant: curl\. --list/,
  )
})

test('--list shows all workloads and contestants', () => {
  const text = listNames()
  for (const { name, title } of workloads) assert.ok(text.includes(name) && text.includes(title))
  assert.match(text, /\ncontestants: hawser-request, .*hawser-fetch.*\bfetch\b.*floor$/)
})

test('the estimated duration of a run is below twelve minutes', () => {
  const pace = { rounds: 5, sliceSeconds: 0.4, warmUpSeconds: 0.5 }
  const seconds = createPlan({ quick: false }).reduce(
    (sum, step) => sum + estimateStep(step, pace),
    0,
  )
  assert.ok(seconds < 12 * 60, `${seconds} s`)
})
