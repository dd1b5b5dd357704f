import type { ContestantName } from './contestants/index.ts'
import { formatCount, formatMicros, formatRange, formatRatio, formatTable } from './format.ts'
import type { Machine } from './machine.ts'
import { isBusy } from './machine.ts'
import type { Outcome, Pace, Results } from './rounds.ts'
import type { Metric, Percentile, Sample } from './statistics.ts'
import { cpuPerRequest, median, percentiles, rate, spreadOf, tailAt } from './statistics.ts'
import type { ComparisonTarget, Verdict } from './verdicts.ts'
import {
  checkTargets,
  comparisonTargets,
  floorTargets,
  formatTarget,
  metricLabels,
  ratioOf,
} from './verdicts.ts'
import type { Comparison, Target, Workload } from './workloads/workload.ts'

/** Returns the heading that the terminal shows above the tables. */
export function heading(machine: Machine, pace: Pace): string {
  return [`# Hawser benchmark, ${machine.date} UTC`, '', ...setupLines(machine, pace)].join('\n')
}

/** Describes versions, machine, server and number of rounds in a list. */
export function setupLines(machine: Machine, pace: Pace): string[] {
  const { platform, cpu, cores, load, server, versions } = machine
  const { node, fetch, hawser, undici, axios, got } = versions
  const busy = isBusy(machine) ? ' (the machine was busy, so these figures are inaccurate)' : ''
  const fewer = pace.rounds > 3 ? ' (3 for some workloads)' : ''
  return [
    `- Hawser ${hawser}; undici ${undici}, axios ${axios}, got ${got}`,
    `- Node.js ${node} with undici ${fetch} as its fetch`,
    `- ${cpu}, ${cores} cores, ${platform}`,
    `- load average before the run: ${load.toFixed(1)}${busy}`,
    `- server: ${server} in a separate process, on 127.0.0.1`,
    `- medians of ${pace.rounds} rounds${fewer}, slices of about ${pace.sliceSeconds} s`,
  ]
}

/** Formats all comparisons, with the project's targets and whether they are met. */
export function targetTable(outcomes: readonly Outcome[]): string {
  const head = ['workload', 'Hawser', 'compared with', 'ratio (min..max)', 'CPU ratio']
  const rows = outcomes.flatMap((outcome) => {
    const floor = floorCell(outcome.results)
    return outcome.workload.comparisons.map((row, index) =>
      comparisonCells(outcome, row, index, floor),
    )
  })
  return formatTable([...head, 'dispatch/floor', 'target', 'met'], rows)
}

function comparisonCells(
  outcome: Outcome,
  row: Comparison,
  index: number,
  floor: string,
): string[] {
  const { workload, results } = outcome
  const { label, subject, rival } = row
  const targets =
    index === 0 ? [...comparisonTargets(row), ...floorTargets(workload)] : comparisonTargets(row)
  const verdicts = checkTargets(targets, workload, results)
  const title = label ? `${workload.title}, ${label}` : workload.title
  return [
    title,
    formatFigures(workload, results.get(subject)),
    formatFigures(workload, results.get(rival)),
    ...ratioCells(workload, results, subject, rival),
    index === 0 ? floor : '',
    targetText(row.targets, index === 0 ? workload.floorTarget : undefined),
    verdictText(verdicts, targets),
  ]
}

function ratioCells(
  { measure }: Workload,
  results: Results,
  subject: ContestantName,
  rival: ContestantName,
): string[] {
  const cell = (metric: Metric, text = '') => {
    const found = ratioOf(results, metric, subject, rival)
    return found ? `${text}${formatRatio(found.median)} (${formatRange(found)})` : '-'
  }
  if (measure === 'idle-memory') return [`${cell('heap', 'heap ')}, ${cell('rss', 'RSS ')}`, '']
  const cpu = ratioOf(results, 'cpu', subject, rival)
  const efficiency = ratioOf(results, 'efficiency', subject, rival)
  const cpuCell =
    cpu && efficiency ? `${formatRatio(efficiency.median)} (uses ${formatRatio(cpu.median)})` : '-'
  if (measure === 'tail') return [cell('p99', 'p99 '), '']
  return [measure === 'latency' ? cell('latency', 'latency ') : cell('speed'), cpuCell]
}

function floorCell(results: Results): string {
  const speed = ratioOf(results, 'speed', 'hawser-dispatch', 'floor')
  const efficiency = ratioOf(results, 'efficiency', 'hawser-dispatch', 'floor')
  if (!speed || !efficiency) return ''
  return `${speed.median.toFixed(2)}, CPU ${efficiency.median.toFixed(2)}`
}

function targetText(targets: readonly Target[], floorTarget: number | undefined): string {
  const parts = new Map<string, string[]>()
  for (const target of targets) {
    const text = formatTarget(target)
    parts.set(text, [...(parts.get(text) ?? []), metricLabels[target.metric]])
  }
  const texts = [...parts].map(([text, metrics]) => `${metrics.join(' and ')} ${text}`)
  if (floorTarget !== undefined) texts.push(`floor ≥ ${floorTarget}`)
  return texts.join(', ')
}

function verdictText(verdicts: readonly Verdict[], targets: readonly ComparisonTarget[]): string {
  if (targets.length === 0) return ''
  if (verdicts.length < targets.length) return 'not measured'
  const missed = verdicts.flatMap(({ met, label, target, median }, index) => {
    if (met) return []
    const name = targets[index]?.rival === 'floor' ? `floor ${label}` : label
    return [`${name} ${median.toFixed(2)} (${target})`]
  })
  return missed.length === 0 ? 'yes' : `**no**: ${missed.join(', ')}`
}

/** Formats the results of all contestants, including those without a target. */
export function contestantTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(({ workload, results }) =>
    [...results].map(([name, result], index) => [
      index === 0 ? workload.title : '',
      name,
      ...contestantCells(workload, result),
    ]),
  )
  return formatTable(['workload', 'contestant', 'req/s', 'CPU/req', 'details'], rows)
}

type Result = { samples: Sample[]; failure?: string } | undefined

function contestantCells(workload: Workload, result: Result): string[] {
  if (!result || result.samples.length === 0) return ['-', '-', formatFailure(result)]
  const { samples, failure } = result
  const details: string[] = []
  const mebibytes = 1024 * 1024
  if (workload.measure === 'tail') details.push(formatTail(samples))
  if (workload.measure === 'latency') details.push(`latency ${formatMicros(latencyOf(samples))}`)
  if (workload.measure === 'idle-memory') details.push(formatMemory(samples))
  if (workload.responseBytes >= mebibytes || workload.requestBytes >= mebibytes) {
    const bytes = Math.max(workload.responseBytes, workload.requestBytes)
    details.push(`${((median(samples, rate) * bytes) / 1e9).toFixed(2)} GB/s`)
  }
  if (workload.reading === 'stream') {
    details.push(`peak RSS +${Math.round(spreadOf(samples, peakOf).max / mebibytes)} MB`)
  }
  if (failure !== undefined) details.push(formatFailure(result))
  const perSecond = workload.measure === 'rate' ? formatCount(median(samples, rate)) : ''
  // The measure `tail` keeps the event loop busy, so its CPU time is meaningless.
  const cpu = workload.measure === 'tail' ? '' : formatMicros(median(samples, cpuPerRequest))
  return [perSecond, cpu, details.join(', ')]
}

function formatFailure(result: Result): string {
  const first = result?.failure?.split('\n')[0]
  return first === undefined ? '' : `FAILED: ${first}`
}

function formatFigures(workload: Workload, result: Result): string {
  if (!result || result.samples.length === 0) return result?.failure ? 'FAILED' : '-'
  const { samples } = result
  if (workload.measure === 'idle-memory') return formatMemory(samples)
  if (workload.measure === 'tail') return formatTail(samples)
  const cpu = formatMicros(median(samples, cpuPerRequest))
  if (workload.measure === 'latency') return `${formatMicros(latencyOf(samples))}, CPU ${cpu}`
  const peak = Math.round(spreadOf(samples, peakOf).max / 1024 / 1024)
  const memory = workload.reading === 'stream' ? `, +${peak} MB` : ''
  return `${formatCount(median(samples, rate))}/s, ${cpu}${memory}`
}

const peakOf = (sample: Sample) => sample.peakBytes ?? NaN
const latencyOf = (samples: readonly Sample[]) => median(samples, (s) => s.latencyMicros ?? NaN)

function formatMemory(samples: readonly Sample[]): string {
  const heap = median(samples, (sample) => sample.heapBytes ?? NaN)
  const rss = median(samples, (sample) => sample.rssBytes ?? NaN)
  return `${(heap / 1024).toFixed(1)} KB heap, ${(rss / 1024).toFixed(1)} KB RSS`
}

function formatTail(samples: readonly Sample[]): string {
  const names = Object.keys(percentiles) as Percentile[]
  return names.map((name) => `${name} ${formatMicros(median(samples, tailAt(name)))}`).join(', ')
}
