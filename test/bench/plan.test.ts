import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf, everyName, planOf } from '../../bench/plan.ts'
import { workloads } from '../../bench/workloads/index.ts'

test('all workloads are measured, each by whom it names', () => {
  const steps = planOf({ quick: false })
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

test('quick leaves out what has no target, and who is there for information', () => {
  const steps = planOf({ quick: true })
  const names = steps.map(({ workload }) => workload.name)
  assert.ok(names.includes('get-65b') && names.includes('fetch-65b'))
  assert.ok(!names.includes('tail-latency') && !names.includes('fetch-1mb'))
  const [first] = steps
  assert.deepEqual(first?.names, ['hawser-request', 'undici-request', 'hawser-dispatch', 'floor'])
})

test('what is asked for by name is measured, quick or not', () => {
  const [step, ...others] = planOf({ only: ['fetch-1mb'], contestants: ['got'], quick: true })
  assert.deepEqual([step?.workload.name, step?.names, others], ['fetch-1mb', ['got'], []])
})

test('names that nobody has are refused', () => {
  const quick = false
  assert.throws(() => planOf({ only: ['get-66b'], quick }), /no workload named get-66b; --list/)
  assert.throws(() => planOf({ contestants: ['curl'], quick }), /no contestant named curl; --list/)
})

test('--list has them all', () => {
  const text = everyName()
  for (const { name, title } of workloads) assert.ok(text.includes(name) && text.includes(title))
  assert.match(text, /\ncontestants: hawser-request, .*hawser-fetch.*\bfetch\b.*floor$/)
})

test('the report takes no more than twelve minutes on a machine that is not busy', () => {
  const pace = { rounds: 5, sliceSeconds: 0.4, warmUpSeconds: 0.5 }
  const seconds = planOf({ quick: false }).reduce((sum, step) => sum + costOf(step, pace), 0)
  assert.ok(seconds < 12 * 60, `${seconds} s`)
})
