import type { Figures } from '../figures.ts'
import { formatKilobytes, formatMicros } from '../format.ts'
import { isBusy } from '../machine.ts'
import type { Outcome, Results } from '../rounds.ts'
import type { Metric, Sample } from '../statistics.ts'
import { median, tailAt } from '../statistics.ts'
import { ratioOf } from '../verdicts.ts'
import { sectionsOf } from './sections.ts'

/** The comments in README.md between which the summary is written. */
export const markers = { begin: '<!-- bench -->', end: '<!-- /bench -->' }

/** The rows of the table: a workload, the index of one of its comparisons, and two cells. */
const rows: readonly (readonly [string, number, request: string, comparedWith: string])[] = [
  ['get-65b', 0, '`pool.request`, GET of 65 bytes', "undici's `request`"],
  ['tls-get-65b', 0, '`pool.request`, GET of 65 bytes over TLS', "undici's `request`"],
  ['get-1mb', 0, '`pool.request`, GET of 1 MB', "undici's `request`"],
  ['fetch-65b', 0, '`fetch` of `hawser/fetch`, GET of 65 bytes', '`fetch` of Node.js'],
  ['client-get-65b', 0, '`client.get()`, GET of 65 bytes', "undici's `request`"],
  ['client-get-65b', 1, '`client.get()`, GET of 65 bytes', 'axios'],
]

/** Formats the summary for README.md: a chart of the report in `folder`, and a table. */
export function summaryOf(figures: Figures, folder: string): string {
  const { machine, pace, outcomes } = figures
  const { node, undici } = machine.versions
  const busy = isBusy(machine) ? ' The machine was busy, so these figures are inaccurate.' : ''
  const files = sectionsOf(figures).map(({ file }) => file)
  const file = 'get-65b.svg'
  const chart = `[![Requests per second and CPU per request, GET of 65 bytes, by client](${folder}/${file})](${folder}/README.md)`
  return [
    `Measured with \`npm run bench\` on ${machine.date.slice(0, 10)}: Node.js ${node}, undici ${undici}, ${machine.server} on the same`,
    `machine (${machine.cpu}, ${machine.cores} cores), medians of ${pace.rounds} interleaved rounds.${busy}`,
    '2.00x requests per second is twice as many, and 0.50x CPU time per request is half as much.',
    '',
    ...(files.includes(file) ? [chart, ''] : []),
    '| Request | Compared with | Requests per second | CPU per request |',
    '| --- | --- | --- | --- |',
    ...rows.flatMap(([name, comparison, request, comparedWith]) => {
      const outcome = outcomes.find(({ workload }) => workload.name === name)
      const cells = outcome && ratioCells(outcome, comparison)
      return cells ? [`| ${[request, comparedWith, ...cells].join(' | ')} |`] : []
    }),
    '',
    ...[memorySentence(outcomes), tailSentence(outcomes)].filter(Boolean),
    `[${folder}](${folder}/README.md) has all figures, and [bench/README.md](bench/README.md) describes the method.`,
  ].join('\n')
}

/** Replaces the text between the markers. Throws if the markers are missing. */
export function withSummary(text: string, summary: string): string {
  const begin = text.indexOf(markers.begin)
  const end = text.indexOf(markers.end, begin)
  if (begin === -1 || end === -1) {
    throw new Error(`README.md has no ${markers.begin} ... ${markers.end}`)
  }
  const before = text.slice(0, begin + markers.begin.length)
  return `${before}\n\n${summary}\n\n${text.slice(end)}`
}

/** Returns the last two cells of a row, undefined if the comparison was not measured. */
function ratioCells({ workload, results }: Outcome, comparison: number): string[] | undefined {
  const row = workload.comparisons[comparison]
  if (!row) return undefined
  const speed = ratioOf(results, 'speed', row.subject, row.rival)
  const cpu = ratioOf(results, 'cpu', row.subject, row.rival)
  if (!speed || !cpu) return undefined
  return [formatShortRatio(speed.median), formatShortRatio(cpu.median)]
}

/** Formats a ratio with two or three significant digits. */
function formatShortRatio(ratio: number): string {
  return `${ratio.toFixed(ratio < 5 ? 2 : ratio < 10 ? 1 : 0)}x`
}

function memorySentence(outcomes: readonly Outcome[]): string {
  const results = outcomes.find(({ workload }) => workload.name === 'idle-memory')?.results
  const heap = (sample: Sample) => sample.heapBytes ?? NaN
  return compareWithUndici(results, heap, 'heap', ([ours, theirs]) => {
    return `An idle connection takes ${formatKilobytes(ours)} of heap memory, compared with ${formatKilobytes(theirs)} in undici.`
  })
}

function tailSentence(outcomes: readonly Outcome[]): string {
  const results = outcomes.find(({ workload }) => workload.measure === 'tail')?.results
  return compareWithUndici(results, tailAt('p99'), 'p99', ([ours, theirs]) => {
    return `At 1,000 requests per second, the 99th percentile of the latency is ${formatMicros(ours)}, compared with ${formatMicros(theirs)} for undici.`
  })
}

/** Formats the medians of Hawser and undici. Returns an empty text if one was not measured. */
function compareWithUndici(
  results: Results | undefined,
  getValue: (sample: Sample) => number,
  metric: Metric,
  format: (values: [number, number]) => string,
): string {
  const found = results && ratioOf(results, metric, 'hawser-request', 'undici-request')
  if (!results || !found) return ''
  const medianOf = (name: 'hawser-request' | 'undici-request') =>
    median(results.get(name)?.samples ?? [], getValue)
  return format([medianOf('hawser-request'), medianOf('undici-request')])
}
