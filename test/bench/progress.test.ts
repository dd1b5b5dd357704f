import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPlan, estimateStep } from '../../bench/plan.ts'
import type { Output } from '../../bench/progress.ts'
import { Progress } from '../../bench/progress.ts'
import type { Pace } from '../../bench/rounds.ts'
import { outcome, sample, small } from './samples.ts'

const pace: Pace = { rounds: 2, sliceSeconds: 1, warmUpSeconds: 1 }

/** Collects the output. */
class TextOutput implements Output {
  text = ''
  readonly isTTY: boolean
  readonly columns = 60

  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }

  write(text: string) {
    this.text += text
  }
}

/** Reports two workloads of equal duration, on a machine that is `slowness` times slower. */
function run(output: Output, slowness: number): void {
  const contestants = ['hawser-request', 'undici-request']
  const steps = createPlan({ only: ['get-65b', 'get-1mb'], contestants, quick: false })
  let now = 0
  const progress = new Progress(steps, pace, output, () => now)
  for (const step of steps) {
    progress.begin(step)
    for (const name of step.names) progress.turn(step, 0, name)
    for (let round = 1; round <= pace.rounds; round++) {
      for (const name of step.names) {
        progress.turn(step, round, name)
        progress.turn(step, round, name, sample(1234, 10))
      }
    }
    now += estimateStep(step, pace) * 1000 * slowness
    progress.done(step, step.workload.name === 'get-65b' ? small : outcome('get-1mb', {}))
  }
}

test('without a terminal, progress is printed as lines: percentage, remaining time, workload, result', () => {
  const output = new TextOutput(false)
  run(output, 1)
  const [first, result, second, ...rest] = output.text.split('\n')
  assert.match(first ?? '', /^ {2}0 %, 20 s left {2}get-65b: GET 65 B, 2 contestants$/)
  assert.match(result ?? '', /^get-65b +req\/s 3\.03 \(≥ 2\.3x\); CPU 3\.00 \(≥ 2\.3x\)$/)
  assert.match(second ?? '', /^ 50 %, 10 s left {2}get-1mb: /)
  assert.deepEqual(rest, ['get-1mb               done', ''])
})

test('the remaining time grows on a slow machine', () => {
  const output = new TextOutput(false)
  run(output, 10)
  assert.match(output.text, /\n 50 %, (3\d|4\d) s left {2}get-1mb/)
})

test('on a terminal one line is overwritten, and never wraps', () => {
  const output = new TextOutput(true)
  run(output, 1)
  const shown = output.text.split('\r\x1b[K')
  const passing = shown.filter((line) => line !== '' && !line.endsWith('\n'))
  assert.ok(passing.length > 10)
  for (const line of passing) assert.ok(line.length < output.columns, line)
  assert.ok(passing.some((line) => line.includes('get-65b  warming up  undici-request')))
  assert.ok(passing.some((line) => line.includes('get-1mb  round 2 of 2  ')))
})

test('failures are printed at once', () => {
  const output = new TextOutput(false)
  const [step] = createPlan({ only: ['get-65b'], quick: false })
  new Progress([step!], pace, output, () => 0).done(
    step!,
    outcome('get-65b', { got: [] }, { got: 'it hangs' }),
  )
  assert.match(output.text, /\n {2}FAILED: it hangs\n/)
})
