import type { ContestantName } from './contestants/index.ts'
import type { Outcome, Results } from './rounds.ts'
import type { Metric, Spread } from './statistics.ts'
import { compareRounds } from './statistics.ts'
import type { Comparison, Target, Workload } from './workloads/workload.ts'

/** The result of one target. */
export interface Verdict {
  workload: string
  /** What was compared: the label of the row, and the metric. */
  label: string
  /** The target as text. */
  target: string
  median: number
  met: boolean
}

/** A target and the two contestants that it compares. */
export interface ComparisonTarget extends Target {
  subject: ContestantName
  rival: ContestantName
}

/** The name of each metric in tables. */
export const metricLabels: Record<Metric, string> = {
  speed: 'req/s',
  efficiency: 'CPU',
  cpu: 'CPU',
  latency: 'latency',
  p99: 'p99',
  heap: 'heap',
  rss: 'RSS',
  peakMiB: 'peak RSS growth',
}

/** Returns the results of all targets of a workload. Targets without samples are left out. */
export function verdictsOf({ workload, results }: Outcome): Verdict[] {
  return [
    ...workload.comparisons.flatMap((row) =>
      checkTargets(comparisonTargets(row), workload, results, row.label),
    ),
    ...checkTargets(floorTargets(workload), workload, results, 'dispatch/floor'),
  ]
}

export function comparisonTargets({ subject, rival, targets }: Comparison): ComparisonTarget[] {
  return targets.map((target) => ({ ...target, subject, rival }))
}

/** Both metrics are compared: a slow server limits requests per second, but not CPU time. */
export function floorTargets({ floorTarget: atLeast }: Workload): ComparisonTarget[] {
  if (atLeast === undefined) return []
  const pair = { subject: 'hawser-dispatch', rival: 'floor', atLeast } as const
  return [
    { ...pair, metric: 'speed' },
    { ...pair, metric: 'efficiency' },
  ]
}

export function checkTargets(
  targets: readonly ComparisonTarget[],
  workload: Workload,
  results: Results,
  label?: string,
): Verdict[] {
  return targets.flatMap((target) => {
    const found = ratioOf(results, target.metric, target.subject, target.rival)
    if (!found) return []
    const { median } = found
    const met = median >= (target.atLeast ?? -Infinity) && median <= (target.atMost ?? Infinity)
    const fullLabel = [label, metricLabels[target.metric]].filter(Boolean).join(' ')
    const text = formatTarget(target)
    return [{ workload: workload.name, label: fullLabel, target: text, median, met }]
  })
}

export function formatTarget({ metric, atLeast, atMost }: Target): string {
  const unit = metric === 'peakMiB' ? ' MB' : 'x'
  return atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`
}

/** Compares two contestants. Undefined if one of them has no samples. */
export function ratioOf(
  results: Results,
  metric: Metric,
  subject: ContestantName,
  rival: ContestantName,
): Spread | undefined {
  const a = results.get(subject)?.samples ?? []
  const b = results.get(rival)?.samples ?? []
  return a.length > 0 && b.length > 0 ? compareRounds(metric, a, b) : undefined
}
