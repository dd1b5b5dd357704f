import type { ContestantName } from './contestants/index.ts'
import { contestantNames, isContestant } from './contestants/index.ts'
import type { Pace } from './rounds.ts'
import { roundsOf, sliceSecondsOf } from './rounds.ts'
import { workloads } from './workloads/index.ts'
import type { Workload } from './workloads/workload.ts'
import { contestantsOf, hasTarget } from './workloads/workload.ts'

/** A workload and the contestants that run it. */
export interface Step {
  workload: Workload
  names: readonly ContestantName[]
}

export interface Selection {
  /** Names of workloads. Default: all, or with `quick` all that have a target. */
  only?: readonly string[]
  /** Names of contestants. Default: those of the workload. */
  contestants?: readonly string[]
  quick: boolean
}

/** Returns the workloads to measure, in order. Throws if a name is unknown. */
export function createPlan({ only, contestants, quick }: Selection): Step[] {
  for (const name of only ?? []) {
    if (!workloads.some((workload) => workload.name === name)) {
      throw new Error(`Unknown workload: ${name}. --list shows all workloads`)
    }
  }
  const selected = contestants?.map((name) => {
    if (!isContestant(name)) {
      throw new Error(`Unknown contestant: ${name}. --list shows all contestants`)
    }
    return name
  })
  return workloads
    .filter((workload) => only?.includes(workload.name) ?? (!quick || hasTarget(workload)))
    .map((workload) => ({ workload, names: selected ?? contestantsOf(workload, quick) }))
}

/** Returns the output of `--list`. */
export function listNames(): string {
  const lines = workloads.map(({ name, title }) => `${name.padEnd(22)}${title}`)
  return `${lines.join('\n')}\n\ncontestants: ${contestantNames.join(', ')}`
}

// Approximate durations in seconds, used to estimate the remaining time.
const PROCESS_START_SECONDS = 0.5
const TURN_OVERHEAD_SECONDS = 0.15
const FRESH_PROCESS_TURN_SECONDS = 1.7

/** Estimates the start and warm-up of one process, in seconds. */
export function estimateWarmUp({ measure }: Workload, pace: Pace): number {
  return measure === 'idle-memory' ? 0 : PROCESS_START_SECONDS + pace.warmUpSeconds * 1.3
}

/** Estimates one contestant's turn in one round, in seconds. */
export function estimateTurn(workload: Workload, pace: Pace): number {
  if (workload.measure === 'idle-memory') return FRESH_PROCESS_TURN_SECONDS
  return sliceSecondsOf(workload, pace) + TURN_OVERHEAD_SECONDS
}

/** Estimates a whole step, in seconds. */
export function estimateStep({ workload, names }: Step, pace: Pace): number {
  const turns = roundsOf(workload, pace) * estimateTurn(workload, pace)
  return names.length * (estimateWarmUp(workload, pace) + turns)
}
