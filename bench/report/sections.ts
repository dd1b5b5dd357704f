import type { ContestantName } from '../contestants/index.ts'
import type { Figures } from '../figures.ts'
import { bytesPerSecond, count, kilobytes, micros, rounded, table } from '../format.ts'
import type { Outcome } from '../rounds.ts'
import type { Percentile, Sample } from '../statistics.ts'
import { cpuPerRequest, median, percentiles, rate, spreadOf, tailAt } from '../statistics.ts'
import type { Series } from '../workloads/growth.ts'
import { byBodySize, byConnections } from '../workloads/growth.ts'
import type { Workload } from '../workloads/workload.ts'
import { barChart } from './bar-chart.ts'
import { footerOf } from './footer.ts'
import { labelOf } from './labels.ts'
import { lineChart } from './line-chart.ts'

/** A part of the report: a chart, and the same figures as a table. */
export interface Section {
  /** Of the chart. */
  file: string
  title: string
  words: string
  svg: string
  table: string
}

/** Something that is measured, and how people read it. */
interface Figure {
  title: string
  note: string
  of(sample: Sample, workload: Workload): number
  text(value: number): string
}

const more = 'more is better'
const less = 'less is better'
const perSecond: Figure = { title: 'Requests per second', note: more, of: rate, text: count }
const cpu: Figure = { title: 'CPU per request', note: less, of: cpuPerRequest, text: micros }
const latency = { title: 'Time of a request', note: less, text: micros }
const heap: Figure = {
  title: 'JavaScript heap',
  note: less,
  of: ({ heapBytes = NaN }) => heapBytes,
  text: kilobytes,
}
const resident: Figure = {
  title: 'Resident memory',
  note: less,
  of: ({ rssBytes = NaN }) => rssBytes,
  text: kilobytes,
}
const throughput: Figure = {
  title: 'Body bytes per second',
  note: more,
  of: (sample, { responseBytes }) => rate(sample) * responseBytes,
  text: bytesPerSecond,
}

/** What of the report can be made of these figures: whatever was not measured is left out. */
export function sectionsOf(figures: Figures): Section[] {
  const sections = [
    bars(figures, 'get-65b', {
      title: 'Small responses: GET of 65 bytes',
      words:
        '50 requests at a time on 50 connections. Bare sockets without a client are the floor.',
      columns: [perSecond, cpu],
    }),
    bars(figures, 'get-1mb', {
      title: 'Large responses: GET of 1 MB',
      words: '16 requests at a time on 16 connections, each body whole in memory.',
      columns: [perSecond, cpu],
    }),
    tails(figures),
    bars(figures, 'idle-memory', {
      title: 'Memory of an idle connection',
      words:
        '1,000 connections are opened at once; when all are idle and garbage is collected, the growth of memory is divided by them.',
      columns: [heap, resident],
    }),
    growth(figures, 'connections', byConnections, {
      title: 'Growth with connections: GET of 65 bytes',
      words: 'As many requests at a time as there are connections.',
      across: 'connections',
      panels: [perSecond, cpu],
    }),
    growth(figures, 'body-size', byBodySize, {
      title: 'Growth with the size of the body',
      words: '16 requests at a time on 16 connections, each body whole in memory.',
      across: 'size of the body',
      panels: [throughput, cpu],
    }),
  ]
  return sections.filter((section) => section !== undefined)
}

/** Those who have samples. */
function measured({ results }: Outcome): [ContestantName, Sample[]][] {
  return [...results].flatMap(([name, { samples }]) =>
    samples.length > 0 ? [[name, samples]] : [],
  )
}

interface Words {
  title: string
  words: string
}

function bars(
  figures: Figures,
  file: string,
  { title, words, columns }: Words & { columns: Figure[] },
): Section | undefined {
  const outcome = figures.outcomes.find(({ workload }) => workload.name === file)
  const rows = outcome ? measured(outcome) : []
  if (!outcome || rows.length === 0) return undefined
  const values = rows.map(([name, samples]) => ({
    name,
    values: columns.map(({ of }) => spreadOf(samples, (sample) => of(sample, outcome.workload))),
  }))
  const first = columns[0]?.note === more ? -1 : 1
  values.sort((a, b) => first * ((a.values[0]?.median ?? 0) - (b.values[0]?.median ?? 0)))
  const head = ['', ...columns.map(({ title }) => title)]
  const cells = values.map(({ name, values }) => [
    labelOf(name),
    ...values.map(({ median, min, max }, column) => {
      const text = columns[column]?.text ?? String
      return `${text(median)} (${text(min)} to ${text(max)})`
    }),
  ])
  const spread = ', thin lines from the lowest to the highest'
  const footer = footerOf(figures, outcome.workload, spread)
  const caption = { title, subtitle: plain(words), footer }
  const svg = barChart({ ...caption, columns, rows: values })
  return { file: `${file}.svg`, title, words, svg, table: table(head, cells) }
}

function tails(figures: Figures): Section | undefined {
  const outcome = figures.outcomes.find(({ workload }) => workload.measure === 'tail')
  const rows = outcome ? measured(outcome) : []
  if (!outcome || rows.length === 0) return undefined
  const names = Object.keys(percentiles) as Percentile[]
  const lines = rows.map(([name, samples]) => ({
    name,
    values: names.map((percentile) => median(samples, tailAt(percentile))),
  }))
  const title = 'Latency, from the usual to the slowest in a thousand'
  const rateText = count(outcome.workload.perSecond ?? NaN)
  const words = `GET of 65 bytes. ${rateText} requests a second come at random instants, the same for all, and are timed from there.`
  const points = names.map((label) => ({ at: 1 / (1 - percentiles[label]), label }))
  const svg = lineChart({
    title,
    subtitle: words,
    footer: footerOf(figures, outcome.workload),
    across: 'part of the requests that took no longer, in percent',
    points,
    panels: [{ ...latency, text: (value) => rounded(micros(value)), lines }],
  })
  const cells = lines.map(({ name, values }) => [labelOf(name), ...values.map(micros)])
  return { file: 'tail-latency.svg', title, words, svg, table: table(['', ...names], cells) }
}

function growth(
  figures: Figures,
  file: string,
  series: Series,
  { title, words, across, panels }: Words & { across: string; panels: Figure[] },
): Section | undefined {
  const outcomes = series.points.map(({ workload: { name } }) =>
    figures.outcomes.find(({ workload }) => workload.name === name),
  )
  const names = [
    ...new Set(outcomes.flatMap((outcome) => (outcome ? measured(outcome) : [])).map(([n]) => n)),
  ]
  const [first] = outcomes.filter((outcome) => outcome !== undefined)
  if (!first || names.length === 0) return undefined
  const valuesOf = (name: ContestantName, { of }: Figure) =>
    outcomes.map((outcome) => {
      const samples = outcome?.results.get(name)?.samples ?? []
      if (!outcome || samples.length === 0) return undefined
      return median(samples, (sample) => of(sample, outcome.workload))
    })
  const svg = lineChart({
    title,
    subtitle: plain(words),
    footer: footerOf(figures, first.workload),
    across,
    points: series.points,
    panels: panels.map((figure) => ({
      ...figure,
      text: (value) => rounded(figure.text(value)),
      lines: names.map((name) => ({ name, values: valuesOf(name, figure) })),
    })),
  })
  const rows = panels.flatMap((figure) =>
    names.map((name, row) => [
      row === 0 ? figure.title : '',
      labelOf(name),
      ...valuesOf(name, figure).map((value) => (value === undefined ? '' : figure.text(value))),
    ]),
  )
  const head = ['', '', ...series.points.map(({ label }) => label)]
  return { file: `${file}.svg`, title, words, svg, table: table(head, rows) }
}

/** Without the marks of Markdown. */
const plain = (words: string) => words.replaceAll('`', '')
