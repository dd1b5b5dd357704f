import type { ContestantName } from './contestants/index.ts'
import { formatCount, formatDuration } from './format.ts'
import type { Step } from './plan.ts'
import { estimateStep, estimateTurn, estimateWarmUp } from './plan.ts'
import type { Outcome, Pace } from './rounds.ts'
import { roundsOf } from './rounds.ts'
import type { Sample } from './statistics.ts'
import { rate } from './statistics.ts'
import { verdictsOf } from './verdicts.ts'

/** A stream for the progress messages: a terminal, or a file or pipe. */
export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Prints what is being measured, the percentage that is done, and the estimated remaining time. */
export class Progress {
  private readonly pace: Pace
  private readonly output: Output
  private readonly now: () => number
  private readonly start: number
  private readonly total: number
  // Estimated seconds of the finished steps, and of the finished part of the current step.
  private finishedSeconds = 0
  private currentSeconds = 0
  private lastRate = ''

  /** `now` returns a time in milliseconds. */
  constructor(steps: readonly Step[], pace: Pace, output: Output, now = () => performance.now()) {
    this.pace = pace
    this.output = output
    this.now = now
    this.start = now()
    this.total = steps.reduce((sum, step) => sum + estimateStep(step, pace), 0)
  }

  /** Reports the start of a workload. */
  begin({ workload, names }: Step): void {
    this.lastRate = ''
    if (this.output.isTTY) return
    const contestants = names.length === 1 ? '1 contestant' : `${names.length} contestants`
    this.output.write(`${this.status()}  ${workload.name}: ${workload.title}, ${contestants}\n`)
  }

  /** Reports the start of a turn, or with a sample its end. Round 0 is the warm-up. */
  turn({ workload }: Step, round: number, name: ContestantName, sample?: Sample): void {
    const { pace } = this
    if (sample) this.currentSeconds += estimateTurn(workload, pace)
    if (sample && workload.measure === 'rate') this.lastRate = `, ${formatCount(rate(sample))}/s`
    if (this.output.isTTY) {
      const turn = round === 0 ? 'warming up' : `round ${round} of ${roundsOf(workload, pace)}`
      this.overwriteLine(`${this.status()}  ${workload.name}  ${turn}  ${name}${this.lastRate}`)
    }
    if (round === 0) this.currentSeconds += estimateWarmUp(workload, pace)
  }

  /** Reports the result of a workload. */
  done(step: Step, outcome: Outcome): void {
    this.finishedSeconds += estimateStep(step, this.pace)
    this.currentSeconds = 0
    if (this.output.isTTY) this.output.write('\r\x1b[K')
    this.output.write(`${step.workload.name.padEnd(22)}${formatOutcome(outcome)}\n`)
    for (const { failure } of outcome.results.values()) {
      if (failure !== undefined) this.output.write(`  FAILED: ${failure}\n`)
    }
  }

  private status(): string {
    const done = Math.min(this.finishedSeconds + this.currentSeconds, this.total * 0.99)
    const elapsed = (this.now() - this.start) / 1000
    // The estimate is corrected by the measured speed. The correction starts small, since the first
    // measurements are few.
    const slowdown = (elapsed + 20) / (done + 20)
    const percent = `${Math.floor((done / this.total) * 100)}`.padStart(3)
    return `${percent} %, ${formatDuration((this.total - done) * slowdown)} left`
  }

  private overwriteLine(line: string): void {
    // A wrapped line cannot be overwritten. Terminals that do not know their width report 0.
    this.output.write(`\r\x1b[K${line.slice(0, (this.output.columns || 80) - 1)}`)
  }
}

function formatOutcome(outcome: Outcome): string {
  const texts = verdictsOf(outcome).map(
    ({ label, median, target, met }) =>
      `${label} ${median.toFixed(2)} (${target})${met ? '' : ' !'}`,
  )
  return texts.join('; ') || 'done'
}
