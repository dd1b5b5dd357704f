import type { ContestantName } from './contestants/index.ts'
import { count, duration } from './format.ts'
import type { Step } from './plan.ts'
import { costOf, turnCost, warmUpCost } from './plan.ts'
import type { Outcome, Pace } from './rounds.ts'
import { roundsOf } from './rounds.ts'
import type { Sample } from './statistics.ts'
import { rate } from './statistics.ts'
import { verdicts } from './verdicts.ts'

/** What is written to: a terminal, or something that keeps lines. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Says what is measured, how far it is and how long it will still take, to people who wait. */
export class Progress {
  private readonly pace: Pace
  private readonly screen: Screen
  private readonly now: () => number
  private readonly start: number
  private readonly total: number
  /** The cost of the steps that are done, and what is done of the one under way. */
  private before = 0
  private within = 0
  private lastRate = ''

  /** `now` in milliseconds. */
  constructor(steps: readonly Step[], pace: Pace, screen: Screen, now = () => performance.now()) {
    this.pace = pace
    this.screen = screen
    this.now = now
    this.start = now()
    this.total = steps.reduce((sum, step) => sum + costOf(step, pace), 0)
  }

  begin({ workload, names }: Step): void {
    this.lastRate = ''
    if (this.screen.isTTY) return
    const who = names.length === 1 ? '1 contestant' : `${names.length} contestants`
    this.screen.write(`${this.where()}  ${workload.name}: ${workload.title}, ${who}\n`)
  }

  /** Round 0 is the warm-up. With a sample, the contestant's turn is over. */
  turn({ workload }: Step, round: number, name: ContestantName, sample?: Sample): void {
    const { pace } = this
    if (sample) this.within += turnCost(workload, pace)
    if (sample && workload.measure === 'rate') this.lastRate = `, ${count(rate(sample))}/s`
    if (this.screen.isTTY) {
      const turn = round === 0 ? 'warming up' : `round ${round} of ${roundsOf(workload, pace)}`
      this.show(`${this.where()}  ${workload.name}  ${turn}  ${name}${this.lastRate}`)
    }
    if (round === 0) this.within += warmUpCost(workload, pace)
  }

  done(step: Step, outcome: Outcome): void {
    this.before += costOf(step, this.pace)
    this.within = 0
    if (this.screen.isTTY) this.screen.write('\r\x1b[K')
    this.screen.write(`${step.workload.name.padEnd(22)}${resultOf(outcome)}\n`)
    for (const { failure } of outcome.results.values()) {
      if (failure !== undefined) this.screen.write(`  FAILED: ${failure}\n`)
    }
  }

  private where(): string {
    const done = Math.min(this.before + this.within, this.total * 0.99)
    const elapsed = (this.now() - this.start) / 1000
    // What was thought before weighs less the more has been seen.
    const pessimism = (elapsed + 20) / (done + 20)
    const percent = `${Math.floor((done / this.total) * 100)}`.padStart(3)
    return `${percent} %, ${duration((this.total - done) * pessimism)} left`
  }

  private show(line: string): void {
    // A line that wraps could not be taken back. Some terminals have 0 columns: they do not know.
    this.screen.write(`\r\x1b[K${line.slice(0, (this.screen.columns || 80) - 1)}`)
  }
}

function resultOf(outcome: Outcome): string {
  const judged = verdicts(outcome).map(
    ({ what, median, wanted, met }) => `${what} ${median.toFixed(2)} (${wanted})${met ? '' : ' !'}`,
  )
  return judged.join('; ') || 'done'
}
