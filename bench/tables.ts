import type { ContestantName } from './contestants/index.ts'
import { bounds, count, micros, table, times } from './format.ts'
import type { Machine } from './machine.ts'
import { isBusy } from './machine.ts'
import type { Outcome, Pace, Results } from './rounds.ts'
import type { Metric, Percentile, Sample } from './statistics.ts'
import { cpuPerRequest, median, percentiles, rate, spreadOf, tailAt } from './statistics.ts'
import type { Aim, Verdict } from './verdicts.ts'
import { aimsOf, floorAims, judge, ratioOf, wanted, words } from './verdicts.ts'
import type { Comparison, Target, Workload } from './workloads/workload.ts'

export function heading(machine: Machine, pace: Pace): string {
  return [`# Hawser bench, ${machine.date} UTC`, '', ...facts(machine, pace)].join('\n')
}

/** What the figures were taken on, as a list. */
export function facts(machine: Machine, pace: Pace): string[] {
  const { platform, cpu, cores, load, server, versions } = machine
  const { node, fetch, hawser, undici, axios, got } = versions
  const busy = isBusy(machine) ? ': other work disturbs these figures' : ''
  const fewer = pace.rounds > 3 ? ' (3 where they are long or workloads many)' : ''
  return [
    `- Hawser ${hawser}; undici ${undici}, axios ${axios}, got ${got}`,
    `- Node ${node}, whose fetch is undici ${fetch}`,
    `- ${cpu}, ${cores} cores, ${platform}`,
    `- load average before: ${load.toFixed(1)}${busy}`,
    `- server: ${server}, in a process of its own, on 127.0.0.1`,
    `- medians of ${pace.rounds} rounds${fewer}, slices of about ${pace.sliceSeconds} s`,
  ]
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
    const found = ratioOf(results, metric, subject, rival)
    return found ? `${text}${times(found.median)} (${bounds(found)})` : '-'
  }
  if (measure === 'idle-memory') return [`${cell('heap', 'heap ')}, ${cell('rss', 'RSS ')}`, '']
  const cpu = ratioOf(results, 'cpu', subject, rival)
  const thrift = ratioOf(results, 'thrift', subject, rival)
  const cpuCell = cpu && thrift ? `${times(thrift.median)} (uses ${cpu.median.toFixed(2)})` : '-'
  if (measure === 'tail') return [cell('p99', 'p99 '), '']
  return [measure === 'latency' ? cell('latency', 'latency ') : cell('speed'), cpuCell]
}

function floorCell(results: Results): string {
  const speed = ratioOf(results, 'speed', 'hawser-dispatch', 'floor')
  const thrift = ratioOf(results, 'thrift', 'hawser-dispatch', 'floor')
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
  if (aims.length === 0) return ''
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
  if (workload.measure === 'tail') more.push(tailOf(samples))
  if (workload.measure === 'latency') more.push(`latency ${micros(latencyOf(samples))}`)
  if (workload.measure === 'idle-memory') more.push(memoryOf(samples))
  if (workload.responseBytes >= mebibytes || workload.requestBytes >= mebibytes) {
    const bytes = Math.max(workload.responseBytes, workload.requestBytes)
    more.push(`${((median(samples, rate) * bytes) / 1e9).toFixed(2)} GB/s`)
  }
  if (workload.reading === 'stream') {
    more.push(`peak RSS +${Math.round(spreadOf(samples, peakOf).max / mebibytes)} MB`)
  }
  if (failure !== undefined) more.push(failureOf(result))
  const perSecond = workload.measure === 'rate' ? count(median(samples, rate)) : ''
  // For tails the event loop is kept busy, so its CPU says nothing.
  const cpu = workload.measure === 'tail' ? '' : micros(median(samples, cpuPerRequest))
  return [perSecond, cpu, more.join(', ')]
}

function failureOf(result: Result): string {
  const first = result?.failure?.split('\n')[0]
  return first === undefined ? '' : `FAILED: ${first}`
}

function figures(workload: Workload, result: Result): string {
  if (!result || result.samples.length === 0) return result?.failure ? 'FAILED' : '-'
  const { samples } = result
  if (workload.measure === 'idle-memory') return memoryOf(samples)
  if (workload.measure === 'tail') return tailOf(samples)
  const cpu = micros(median(samples, cpuPerRequest))
  if (workload.measure === 'latency') return `${micros(latencyOf(samples))}, CPU ${cpu}`
  const peak = Math.round(spreadOf(samples, peakOf).max / 1024 / 1024)
  const memory = workload.reading === 'stream' ? `, +${peak} MB` : ''
  return `${count(median(samples, rate))}/s, ${cpu}${memory}`
}

const peakOf = (sample: Sample) => sample.peakBytes ?? NaN
const latencyOf = (samples: readonly Sample[]) => median(samples, (s) => s.latencyMicros ?? NaN)

function memoryOf(samples: readonly Sample[]): string {
  const heap = median(samples, (sample) => sample.heapBytes ?? NaN)
  const rss = median(samples, (sample) => sample.rssBytes ?? NaN)
  return `${(heap / 1024).toFixed(1)} KB heap, ${(rss / 1024).toFixed(1)} KB RSS`
}

function tailOf(samples: readonly Sample[]): string {
  const names = Object.keys(percentiles) as Percentile[]
  return names.map((name) => `${name} ${micros(median(samples, tailAt(name)))}`).join(', ')
}
