import type { ContestantName } from './contestants/index.ts'
import type { Machine } from './machine.ts'
import type { Pace, Results } from './rounds.ts'
import type { Metric, Sample, Spread } from './statistics.ts'
import { compare, cpuPerRequest, rate, spread } from './statistics.ts'
import type { Comparison, Target, Workload } from './workloads.ts'

export interface Outcome {
  workload: Workload
  results: Results
}

/** What became of one target. Not measured: one of the two has no samples. */
export interface Verdict {
  workload: string
  what: string
  wanted: string
  median: number
  met: boolean
}

interface Aim extends Target {
  subject: ContestantName
  rival: ContestantName
}

/** What the table calls each metric. */
const words: Record<Metric, string> = {
  speed: 'req/s',
  thrift: 'CPU',
  cpu: 'CPU',
  latency: 'latency',
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

function aimsOf({ subject, rival, targets }: Comparison): Aim[] {
  return targets.map((target) => ({ ...target, subject, rival }))
}

/** A slow server hides requests per second, and not CPU: both are judged. */
function floorAims({ floorTarget: atLeast }: Workload): Aim[] {
  if (atLeast === undefined) return []
  const pair = { subject: 'hawser-dispatch', rival: 'floor', atLeast } as const
  return [
    { ...pair, metric: 'speed' },
    { ...pair, metric: 'thrift' },
  ]
}

function judge(aims: Aim[], workload: Workload, results: Results, label?: string): Verdict[] {
  return aims.flatMap((aim) => {
    const found = spreadOf(results, aim.metric, aim.subject, aim.rival)
    if (!found) return []
    const { median } = found
    const met = median >= (aim.atLeast ?? -Infinity) && median <= (aim.atMost ?? Infinity)
    const what = [label, words[aim.metric]].filter(Boolean).join(' ')
    return [{ workload: workload.name, what, wanted: wanted(aim), median, met }]
  })
}

function wanted({ metric, atLeast, atMost }: Target): string {
  const unit = metric === 'peakMiB' ? ' MB' : 'x'
  return atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`
}

function spreadOf(
  results: Results,
  metric: Metric,
  subject: ContestantName,
  rival: ContestantName,
): Spread | undefined {
  const a = results.get(subject)?.samples ?? []
  const b = results.get(rival)?.samples ?? []
  return a.length > 0 && b.length > 0 ? compare(metric, a, b) : undefined
}

// --- The tables ---

export function heading(machine: Machine, pace: Pace): string {
  const { date, node, undici, platform, cpu, cores, load, server } = machine
  const busy = load > cores / 2 ? ': other work disturbs these figures' : ''
  return [
    `# Hawser bench, ${date} UTC`,
    '',
    `- Node ${node}, undici ${undici}`,
    `- ${cpu}, ${cores} cores, ${platform}`,
    `- load average before: ${load.toFixed(1)}${busy}`,
    `- server: ${server}, in a process of its own, on 127.0.0.1`,
    `- medians of ${pace.rounds} rounds, slices of about ${pace.sliceSeconds} s`,
  ].join('\n')
}

/** The project's targets, row by row. */
export function mainTable(outcomes: readonly Outcome[]): string {
  const head = ['workload', 'hawser', 'the other', 'ratio (min..max)', 'ratio CPU']
  const rows = outcomes.flatMap((outcome) => {
    const floor = floorCell(outcome.results)
    return outcome.workload.comparisons.map((row, index) => rowOf(outcome, row, index, floor))
  })
  return table([...head, 'dispatch/floor', 'target', 'met?'], rows)
}

function rowOf(outcome: Outcome, row: Comparison, index: number, floor: string): string[] {
  const { workload, results } = outcome
  const { label, subject, rival } = row
  const aims = index === 0 ? [...aimsOf(row), ...floorAims(workload)] : aimsOf(row)
  const judged = judge(aims, workload, results)
  const title = label ? `${workload.title}, ${label}` : workload.title
  return [
    title,
    figures(workload, results.get(subject)),
    figures(workload, results.get(rival)),
    ...ratioCells(workload, results, subject, rival),
    index === 0 ? floor : '',
    targetText(row.targets, index === 0 ? workload.floorTarget : undefined),
    verdictText(judged, aims),
  ]
}

function ratioCells(
  { measure }: Workload,
  results: Results,
  subject: ContestantName,
  rival: ContestantName,
): string[] {
  const cell = (metric: Metric, text = '') => {
    const found = spreadOf(results, metric, subject, rival)
    return found ? `${text}${times(found.median)} (${bounds(found)})` : '-'
  }
  if (measure === 'idle-memory') return [`${cell('heap', 'heap ')}, ${cell('rss', 'RSS ')}`, '']
  const cpu = spreadOf(results, 'cpu', subject, rival)
  const thrift = spreadOf(results, 'thrift', subject, rival)
  const cpuCell = cpu && thrift ? `${times(thrift.median)} (uses ${cpu.median.toFixed(2)})` : '-'
  return [measure === 'latency' ? cell('latency', 'latency ') : cell('speed'), cpuCell]
}

function floorCell(results: Results): string {
  const speed = spreadOf(results, 'speed', 'hawser-dispatch', 'floor')
  const thrift = spreadOf(results, 'thrift', 'hawser-dispatch', 'floor')
  if (!speed || !thrift) return ''
  return `${speed.median.toFixed(2)}, CPU ${thrift.median.toFixed(2)}`
}

function targetText(targets: readonly Target[], floorTarget: number | undefined): string {
  const parts = new Map<string, string[]>()
  for (const target of targets) {
    const text = wanted(target)
    parts.set(text, [...(parts.get(text) ?? []), words[target.metric]])
  }
  const texts = [...parts].map(([text, metrics]) => `${metrics.join(' and ')} ${text}`)
  if (floorTarget !== undefined) texts.push(`floor ≥ ${floorTarget}`)
  return texts.join(', ')
}

function verdictText(judged: readonly Verdict[], aims: readonly Aim[]): string {
  if (judged.length < aims.length) return 'not measured'
  const missed = judged.flatMap(({ met, what, wanted, median }, index) => {
    if (met) return []
    const name = aims[index]?.rival === 'floor' ? `floor ${what}` : what
    return [`${name} ${median.toFixed(2)} (${wanted})`]
  })
  return missed.length === 0 ? 'yes' : `**NO**: ${missed.join(', ')}`
}

/** All that was measured, those without a target too. */
export function contestantTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(({ workload, results }) =>
    [...results].map(([name, result], index) => [
      index === 0 ? workload.title : '',
      name,
      ...columns(workload, result),
    ]),
  )
  return table(['workload', 'contestant', 'req/s', 'CPU/req', 'more'], rows)
}

type Result = { samples: Sample[]; failure?: string } | undefined

function columns(workload: Workload, result: Result): string[] {
  if (!result || result.samples.length === 0) return ['-', '-', failureOf(result)]
  const { samples, failure } = result
  const more: string[] = []
  const mebibytes = 1024 * 1024
  if (workload.measure === 'latency') more.push(`latency ${micros(latencyOf(samples))}`)
  if (workload.measure === 'idle-memory') more.push(memoryOf(samples))
  if (workload.responseBytes >= mebibytes || workload.requestBytes >= mebibytes) {
    const bytes = Math.max(workload.responseBytes, workload.requestBytes)
    more.push(`${((median(samples, rate) * bytes) / 1e9).toFixed(2)} GB/s`)
  }
  if (workload.reading === 'stream') {
    more.push(`peak RSS +${Math.round(highest(samples, peakOf) / mebibytes)} MB`)
  }
  if (failure !== undefined) more.push(failureOf(result))
  const perSecond = workload.measure === 'rate' ? count(median(samples, rate)) : ''
  return [perSecond, micros(median(samples, cpuPerRequest)), more.join(', ')]
}

function failureOf(result: Result): string {
  const first = result?.failure?.split('\n')[0]
  return first === undefined ? '' : `FAILED: ${first}`
}

function figures(workload: Workload, result: Result): string {
  if (!result || result.samples.length === 0) return result?.failure ? 'FAILED' : '-'
  const { samples } = result
  if (workload.measure === 'idle-memory') return memoryOf(samples)
  const cpu = micros(median(samples, cpuPerRequest))
  if (workload.measure === 'latency') return `${micros(latencyOf(samples))}, CPU ${cpu}`
  const peak = Math.round(highest(samples, peakOf) / 1024 / 1024)
  const memory = workload.reading === 'stream' ? `, +${peak} MB` : ''
  return `${count(median(samples, rate))}/s, ${cpu}${memory}`
}

function median(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return spread(samples.map(of)).median
}

function highest(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return spread(samples.map(of)).max
}

const peakOf = (sample: Sample) => sample.peakBytes ?? NaN
const latencyOf = (samples: readonly Sample[]) => median(samples, (s) => s.latencyMicros ?? NaN)

function memoryOf(samples: readonly Sample[]): string {
  const heap = median(samples, (sample) => sample.heapBytes ?? NaN)
  const rss = median(samples, (sample) => sample.rssBytes ?? NaN)
  return `${(heap / 1024).toFixed(1)} KB heap, ${(rss / 1024).toFixed(1)} KB RSS`
}

export function count(value: number): string {
  if (value < 100) return value.toFixed(1)
  return Math.round(value).toLocaleString('en')
}

export function micros(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} ms`
  return `${value.toFixed(value < 100 ? 1 : 0)} us`
}

const times = (ratio: number) => `${ratio.toFixed(2)}x`
const bounds = ({ min, max }: Spread) => `${min.toFixed(2)}..${max.toFixed(2)}`

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
