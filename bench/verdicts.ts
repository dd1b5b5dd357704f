import type { ContestantName } from './contestants/index.ts'
import type { Outcome, Results } from './rounds.ts'
import type { Metric, Spread } from './statistics.ts'
import { compare } from './statistics.ts'
import type { Comparison, Target, Workload } from './workloads/workload.ts'

/** What became of one target. Not measured: one of the two has no samples. */
export interface Verdict {
  workload: string
  what: string
  wanted: string
  median: number
  met: boolean
}

export interface Aim extends Target {
  subject: ContestantName
  rival: ContestantName
}

/** What the table calls each metric. */
export const words: Record<Metric, string> = {
  speed: 'req/s',
  thrift: 'CPU',
  cpu: 'CPU',
  latency: 'latency',
  p99: 'p99',
  heap: 'heap',
  rss: 'RSS',
  peakMiB: 'peak RSS growth',
}

export function verdicts({ workload, results }: Outcome): Verdict[] {
  return [
    ...workload.comparisons.flatMap((row) => judge(aimsOf(row), workload, results, row.label)),
    ...judge(floorAims(workload), workload, results, 'dispatch/floor'),
  ]
}

export function aimsOf({ subject, rival, targets }: Comparison): Aim[] {
  return targets.map((target) => ({ ...target, subject, rival }))
}

/** A slow server hides requests per second, and not CPU: both are judged. */
export function floorAims({ floorTarget: atLeast }: Workload): Aim[] {
  if (atLeast === undefined) return []
  const pair = { subject: 'hawser-dispatch', rival: 'floor', atLeast } as const
  return [
    { ...pair, metric: 'speed' },
    { ...pair, metric: 'thrift' },
  ]
}

export function judge(
  aims: Aim[],
  workload: Workload,
  results: Results,
  label?: string,
): Verdict[] {
  return aims.flatMap((aim) => {
    const found = ratioOf(results, aim.metric, aim.subject, aim.rival)
    if (!found) return []
    const { median } = found
    const met = median >= (aim.atLeast ?? -Infinity) && median <= (aim.atMost ?? Infinity)
    const what = [label, words[aim.metric]].filter(Boolean).join(' ')
    return [{ workload: workload.name, what, wanted: wanted(aim), median, met }]
  })
}

export function wanted({ metric, atLeast, atMost }: Target): string {
  const unit = metric === 'peakMiB' ? ' MB' : 'x'
  return atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`
}

export function ratioOf(
  results: Results,
  metric: Metric,
  subject: ContestantName,
  rival: ContestantName,
): Spread | undefined {
  const a = results.get(subject)?.samples ?? []
  const b = results.get(rival)?.samples ?? []
  return a.length > 0 && b.length > 0 ? compare(metric, a, b) : undefined
}
