import type { Figures } from '../figures.ts'
import { count, kilobytes, micros } from '../format.ts'
import { isBusy } from '../machine.ts'
import type { Outcome, Results } from '../rounds.ts'
import type { Metric, Sample } from '../statistics.ts'
import { median, tailAt } from '../statistics.ts'
import { ratioOf, verdicts } from '../verdicts.ts'
import { sectionsOf } from './sections.ts'

/** Where the README shows the figures. */
export const markers = { begin: '<!-- bench -->', end: '<!-- /bench -->' }

/** Workload, the comparison's place in it, what of Hawser, and beside what. */
const rows: readonly (readonly [string, number, string, string])[] = [
  ['get-65b', 0, '`pool.request`, 65 bytes', "undici's `request`"],
  ['tls-get-65b', 0, 'the same over TLS', ''],
  ['connections-1000', 0, 'the same, 1,000 connections', ''],
  ['queue-40000', 0, '40,000 requests queued at once', ''],
  ['get-1mb', 0, '1 MB', ''],
  ['post-1k', 0, 'POST of 1 KB', ''],
  ['post-1mb', 0, 'POST of 1 MB', ''],
  ['one-at-a-time', 0, 'one at a time', ''],
  ['tunnel-65b', 0, 'through a tunnel, 65 bytes', "undici's `ProxyAgent`"],
  ['forward-65b', 0, 'forwarded by a proxy', ''],
  ['uds-65b', 0, 'over a unix socket', "undici's `Pool`"],
  ['fetch-65b', 0, '`fetch` of `hawser/fetch`, 65 bytes', "Node's `fetch`"],
  ['fetch-1mb', 0, 'the same, 1 MB', ''],
  ['client-get-65b', 0, '`client.get()`, 65 bytes', "undici's `request`"],
  ['client-get-65b', 1, '', 'axios'],
  ['client-get-65b', 2, '', 'got'],
]

/** What the README quotes: charts in `folder`, and a table. */
export function summaryOf(figures: Figures, folder: string): string {
  const { machine, pace, outcomes } = figures
  const { node, undici } = machine.versions
  const judged = outcomes.flatMap(verdicts)
  const missed = judged.filter(({ met }) => !met).length
  const busy = isBusy(machine) ? ' The machine was busy with other work, which disturbs them.' : ''
  const files = sectionsOf(figures).map(({ file }) => file)
  const chart = (file: string, alt: string) =>
    files.includes(file) ? [`[![${alt}](${folder}/${file})](${folder}/README.md)`, ''] : []
  return [
    `Measured by \`npm run bench\` on ${machine.date.slice(0, 10)}: Node ${node}, undici ${undici}, ${machine.server} on the same`,
    `machine (${machine.cpu}, ${machine.cores} cores), medians of ${pace.rounds} interleaved rounds.${busy}`,
    '',
    ...chart('get-65b.svg', 'Requests per second and CPU for each, GET of 65 bytes, by client'),
    '| | beside | requests per second | CPU for each |',
    '| --- | --- | --- | --- |',
    ...rows.flatMap(([name, comparison, title, rival]) => {
      const outcome = outcomes.find(({ workload }) => workload.name === name)
      const cells = outcome && ratios(outcome, comparison)
      return cells ? [`|${[title, rival, ...cells].map(cell).join('|')}|`] : []
    }),
    '',
    ...chart('tail-latency.svg', 'Latency of each client from p50 to p99.9 at a fixed rate'),
    ...[memory(outcomes), tail(outcomes)].filter(Boolean),
    `[${folder}](${folder}/README.md) has more charts and every figure, [bench/README.md](bench/README.md) says how`,
    `it is measured. ${judged.length - missed} of ${judged.length} targets are met${missed > 0 ? '; the report names the others' : ''}.`,
  ].join('\n')
}

/** Throws when the text lacks the markers. */
export function withSummary(text: string, summary: string): string {
  const begin = text.indexOf(markers.begin)
  const end = text.indexOf(markers.end, begin)
  if (begin === -1 || end === -1) throw new Error(`no ${markers.begin} ... ${markers.end}`)
  const before = text.slice(0, begin + markers.begin.length)
  return `${before}\n\n${summary}\n\n${text.slice(end)}`
}

function ratios({ workload, results }: Outcome, comparison: number): string[] | undefined {
  const row = workload.comparisons[comparison]
  if (!row) return undefined
  const speed = ratioOf(results, 'speed', row.subject, row.rival)
  const thrift = ratioOf(results, 'thrift', row.subject, row.rival)
  if (!speed || !thrift) return undefined
  const cpu = thrift.median
  return [`${short(speed.median)}x`, cpu < 1 ? `${short(1 / cpu)}x more` : `${short(cpu)}x less`]
}

const cell = (text: string) => (text === '' ? ' ' : ` ${text} `)

/** As many digits as it deserves. */
function short(ratio: number): string {
  return ratio >= 10 ? count(Math.round(ratio)).replace('.0', '') : ratio.toFixed(ratio < 5 ? 2 : 1)
}

function memory(outcomes: readonly Outcome[]): string {
  const results = outcomes.find(({ workload }) => workload.name === 'idle-memory')?.results
  const heap = (sample: Sample) => sample.heapBytes ?? NaN
  return beside(results, heap, 'heap', ([ours, theirs]) => {
    return `An idle connection holds ${kilobytes(ours)} of heap, undici's ${kilobytes(theirs)}.`
  })
}

function tail(outcomes: readonly Outcome[]): string {
  const results = outcomes.find(({ workload }) => workload.measure === 'tail')?.results
  return beside(results, tailAt('p99'), 'p99', ([ours, theirs]) => {
    return `At 1,000 requests a second, 99 in 100 take at most ${micros(ours)}, undici's ${micros(theirs)}.`
  })
}

function beside(
  results: Results | undefined,
  of: (sample: Sample) => number,
  metric: Metric,
  say: (values: [number, number]) => string,
): string {
  const found = results && ratioOf(results, metric, 'hawser-request', 'undici-request')
  if (!results || !found) return ''
  const mid = (name: 'hawser-request' | 'undici-request') =>
    median(results.get(name)?.samples ?? [], of)
  return say([mid('hawser-request'), mid('undici-request')])
}
