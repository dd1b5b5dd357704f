import type { ContestantName } from './contestants/index.ts'
import type { Machine } from './machine.ts'
import type { Outcome, Pace, Results } from './rounds.ts'
import type { Sample } from './statistics.ts'
import { workloads } from './workloads/index.ts'

/** The results of one run of the benchmark. */
export interface Figures {
  machine: Machine
  pace: Pace
  /** Duration of the run. */
  seconds: number
  outcomes: readonly Outcome[]
}

type FiguresHeader = Omit<Figures, 'outcomes'>

interface ContestantLine {
  workload: string
  contestant: ContestantName
  samples: Sample[]
  failure?: string
}

/**
 * Formats figures as JSON lines: first the machine, then one line for each workload and contestant.
 */
export function figuresToJsonLines({ outcomes, ...head }: Figures): string {
  const lines: (FiguresHeader | ContestantLine)[] = [head]
  for (const { workload, results } of outcomes) {
    for (const [contestant, result] of results) {
      lines.push({ workload: workload.name, contestant, ...result })
    }
  }
  return `${lines.map((line) => JSON.stringify(line, roundNumber)).join('\n')}\n`
}

/** Parses the output of `figuresToJsonLines`. Throws if a workload no longer exists. */
export function figuresFromJsonLines(text: string): Figures {
  const [head, ...lines] = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const byWorkload = new Map<string, Results>()
  for (const { workload, contestant, ...result } of lines as ContestantLine[]) {
    const results = byWorkload.get(workload) ?? (new Map() as Results)
    byWorkload.set(workload, results.set(contestant, result))
  }
  const outcomes = [...byWorkload].map(([name, results]) => {
    const workload = workloads.find((candidate) => candidate.name === name)
    if (!workload) throw new Error(`The figures contain an unknown workload: ${name}`)
    return { workload, results }
  })
  return { ...(head as FiguresHeader), outcomes }
}

/** A replacer for `JSON.stringify` that rounds numbers to six decimals: seconds to microseconds. */
export function roundNumber(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value
}
