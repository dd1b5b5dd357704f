import type { ContestantName } from './contestants/index.ts'
import type { Machine } from './machine.ts'
import type { Outcome, Pace, Results } from './rounds.ts'
import type { Sample } from './statistics.ts'
import { workloads } from './workloads/index.ts'

/** All that one run of the bench has measured. */
export interface Figures {
  machine: Machine
  pace: Pace
  /** How long it took. */
  seconds: number
  outcomes: readonly Outcome[]
}

type Head = Omit<Figures, 'outcomes'>

interface Line {
  workload: string
  contestant: ContestantName
  samples: Sample[]
  failure?: string
}

/** JSON lines: first the machine, then one for each workload and contestant. */
export function toLines({ outcomes, ...head }: Figures): string {
  const lines: (Head | Line)[] = [head]
  for (const { workload, results } of outcomes) {
    for (const [contestant, result] of results) {
      lines.push({ workload: workload.name, contestant, ...result })
    }
  }
  return `${lines.map((line) => JSON.stringify(line, shortened)).join('\n')}\n`
}

/** Throws for a workload that there is no more. */
export function fromLines(text: string): Figures {
  const [head, ...lines] = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  const byWorkload = new Map<string, Results>()
  for (const { workload, contestant, ...result } of lines as Line[]) {
    const results = byWorkload.get(workload) ?? (new Map() as Results)
    byWorkload.set(workload, results.set(contestant, result))
  }
  const outcomes = [...byWorkload].map(([name, results]) => {
    const workload = workloads.find((candidate) => candidate.name === name)
    if (!workload) throw new Error(`figures of ${name}, which is not a workload`)
    return { workload, results }
  })
  return { ...(head as Head), outcomes }
}

/** Microseconds of a second are as much as anybody can measure. */
export function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1e6) / 1e6 : value
}
