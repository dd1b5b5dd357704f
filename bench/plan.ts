import type { ContestantName } from './contestants/index.ts'
import { contestantNames, isContestant } from './contestants/index.ts'
import type { Pace } from './rounds.ts'
import { roundsOf, sliceSecondsOf } from './rounds.ts'
import { workloads } from './workloads/index.ts'
import type { Workload } from './workloads/workload.ts'
import { contestantsOf, hasTarget } from './workloads/workload.ts'

/** One workload, and who does it. */
export interface Step {
  workload: Workload
  names: readonly ContestantName[]
}

export interface Choice {
  /** Names of workloads; when absent, all, and for quick all that have a target. */
  only?: readonly string[]
  contestants?: readonly string[]
  quick: boolean
}

/** What is to be measured, in this order. Throws for a name that nobody has. */
export function planOf({ only, contestants, quick }: Choice): Step[] {
  for (const name of only ?? []) {
    if (!workloads.some((workload) => workload.name === name)) {
      throw new Error(`no workload named ${name}; --list names them`)
    }
  }
  const taking = contestants?.map((name) => {
    if (!isContestant(name)) throw new Error(`no contestant named ${name}; --list names them`)
    return name
  })
  return workloads
    .filter((workload) => only?.includes(workload.name) ?? (!quick || hasTarget(workload)))
    .map((workload) => ({ workload, names: taking ?? contestantsOf(workload, quick) }))
}

/** What `--list` prints. */
export function everyName(): string {
  const lines = workloads.map(({ name, title }) => `${name.padEnd(22)}${title}`)
  return `${lines.join('\n')}\n\ncontestants: ${contestantNames.join(', ')}`
}

// About how long things take, in seconds, for the time that is left.
const startOfProcess = 0.5
const restOfTurn = 0.15
const turnInFreshProcess = 1.7

/** A process that starts and gets warm. */
export function warmUpCost({ measure }: Workload, pace: Pace): number {
  return measure === 'idle-memory' ? 0 : startOfProcess + pace.warmUpSeconds * 1.3
}

/** One contestant's turn in one round. */
export function turnCost(workload: Workload, pace: Pace): number {
  if (workload.measure === 'idle-memory') return turnInFreshProcess
  return sliceSecondsOf(workload, pace) + restOfTurn
}

export function costOf({ workload, names }: Step, pace: Pace): number {
  const turns = roundsOf(workload, pace) * turnCost(workload, pace)
  return names.length * (warmUpCost(workload, pace) + turns)
}
