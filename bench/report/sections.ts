import type { ContestantName } from '../contestants/index.ts'
import type { Figures } from '../figures.ts'
import {
  formatByteRate,
  formatCount,
  formatKilobytes,
  formatMicros,
  formatTable,
  trimZeros,
} from '../format.ts'
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

/** A section of the report: a chart, and a table with the same figures. */
export interface Section {
  /** File name of the chart. */
  file: string
  title: string
  description: string
  svg: string
  table: string
}

/** A measured quantity, and how it is shown. */
interface Quantity {
  title: string
  /** Whether more or less is better. */
  note: string
  getValue(sample: Sample, workload: Workload): number
  format(value: number): string
}

const MORE_IS_BETTER = 'more is better'
const LESS_IS_BETTER = 'less is better'
const perSecond: Quantity = {
  title: 'Requests per second',
  note: MORE_IS_BETTER,
  getValue: rate,
  format: formatCount,
}
const cpu: Quantity = {
  title: 'CPU per request',
  note: LESS_IS_BETTER,
  getValue: cpuPerRequest,
  format: formatMicros,
}
const latency = { title: 'Time per request', note: LESS_IS_BETTER }
const heap: Quantity = {
  title: 'JavaScript heap',
  note: LESS_IS_BETTER,
  getValue: ({ heapBytes = NaN }) => heapBytes,
  format: formatKilobytes,
}
const resident: Quantity = {
  title: 'Resident memory',
  note: LESS_IS_BETTER,
  getValue: ({ rssBytes = NaN }) => rssBytes,
  format: formatKilobytes,
}
const throughput: Quantity = {
  title: 'Body bytes per second',
  note: MORE_IS_BETTER,
  getValue: (sample, { responseBytes }) => rate(sample) * responseBytes,
  format: formatByteRate,
}

/** Creates the sections of the report. Sections without samples are left out. */
export function sectionsOf(figures: Figures): Section[] {
  const sections = [
    barSection(figures, 'get-65b', {
      title: 'Small responses: GET of 65 bytes',
      description:
        '50 requests in flight on 50 connections. No client can be faster than bare sockets.',
      columns: [perSecond, cpu],
    }),
    barSection(figures, 'get-1mb', {
      title: 'Large responses: GET of 1 MB',
      description: '16 requests in flight on 16 connections. Each body is collected in memory.',
      columns: [perSecond, cpu],
    }),
    tailSection(figures),
    barSection(figures, 'idle-memory', {
      title: 'Memory of an idle connection',
      description:
        'Memory growth per connection, after 1,000 connections were opened at once and became idle.',
      columns: [heap, resident],
    }),
    growthSection(figures, 'connections', byConnections, {
      title: 'Number of connections: GET of 65 bytes',
      description: 'The number of requests in flight equals the number of connections.',
      xLabel: 'connections',
      panels: [perSecond, cpu],
    }),
    growthSection(figures, 'body-size', byBodySize, {
      title: 'Body size',
      description: '16 requests in flight on 16 connections. Each body is collected in memory.',
      xLabel: 'body size',
      panels: [throughput, cpu],
    }),
  ]
  return sections.filter((section) => section !== undefined)
}

/** Returns the contestants that have samples. */
function measuredContestants({ results }: Outcome): [ContestantName, Sample[]][] {
  return [...results].flatMap(([name, { samples }]) =>
    samples.length > 0 ? [[name, samples]] : [],
  )
}

interface SectionText {
  title: string
  description: string
}

function barSection(
  figures: Figures,
  file: string,
  { title, description, columns }: SectionText & { columns: Quantity[] },
): Section | undefined {
  const outcome = figures.outcomes.find(({ workload }) => workload.name === file)
  const rows = outcome ? measuredContestants(outcome) : []
  if (!outcome || rows.length === 0) return undefined
  const values = rows.map(([name, samples]) => ({
    name,
    values: columns.map(({ getValue }) =>
      spreadOf(samples, (sample) => getValue(sample, outcome.workload)),
    ),
  }))
  const direction = columns[0]?.note === MORE_IS_BETTER ? -1 : 1
  values.sort((a, b) => direction * ((a.values[0]?.median ?? 0) - (b.values[0]?.median ?? 0)))
  const head = ['', ...columns.map(({ title }) => title)]
  const cells = values.map(({ name, values }) => [
    labelOf(name),
    ...values.map(({ median, min, max }, column) => {
      const format = columns[column]?.format ?? String
      return `${format(median)} (${format(min)} to ${format(max)})`
    }),
  ])
  const footer = footerOf(figures, outcome.workload, ', thin lines: lowest to highest round')
  const caption = { title, subtitle: withoutBackticks(description), footer }
  const svg = barChart({ ...caption, columns, rows: values })
  return { file: `${file}.svg`, title, description, svg, table: formatTable(head, cells) }
}

function tailSection(figures: Figures): Section | undefined {
  const outcome = figures.outcomes.find(({ workload }) => workload.measure === 'tail')
  const rows = outcome ? measuredContestants(outcome) : []
  if (!outcome || rows.length === 0) return undefined
  const names = Object.keys(percentiles) as Percentile[]
  const lines = rows.map(([name, samples]) => ({
    name,
    values: names.map((percentile) => median(samples, tailAt(percentile))),
  }))
  const requestRate = formatCount(outcome.workload.perSecond ?? NaN)
  const title = `Latency percentiles at ${requestRate} requests per second`
  const description =
    'GET of 65 bytes at random instants. Times are measured from the instant at which a request is due.'
  const points = names.map((label) => ({ position: 1 / (1 - percentiles[label]), label }))
  const svg = lineChart({
    title,
    subtitle: description,
    footer: footerOf(figures, outcome.workload),
    xLabel: 'percentile',
    points,
    panels: [{ ...latency, format: (value) => trimZeros(formatMicros(value)), lines }],
  })
  const cells = lines.map(({ name, values }) => [labelOf(name), ...values.map(formatMicros)])
  return {
    file: 'tail-latency.svg',
    title,
    description,
    svg,
    table: formatTable(['', ...names], cells),
  }
}

function growthSection(
  figures: Figures,
  file: string,
  series: Series,
  { title, description, xLabel, panels }: SectionText & { xLabel: string; panels: Quantity[] },
): Section | undefined {
  const outcomes = series.points.map(({ workload: { name } }) =>
    figures.outcomes.find(({ workload }) => workload.name === name),
  )
  const names = [
    ...new Set(
      outcomes.flatMap((outcome) => (outcome ? measuredContestants(outcome) : [])).map(([n]) => n),
    ),
  ]
  const [first] = outcomes.filter((outcome) => outcome !== undefined)
  if (!first || names.length === 0) return undefined
  const valuesOf = (name: ContestantName, { getValue }: Quantity) =>
    outcomes.map((outcome) => {
      const samples = outcome?.results.get(name)?.samples ?? []
      if (!outcome || samples.length === 0) return undefined
      return median(samples, (sample) => getValue(sample, outcome.workload))
    })
  const svg = lineChart({
    title,
    subtitle: withoutBackticks(description),
    footer: footerOf(figures, first.workload),
    xLabel,
    points: series.points,
    panels: panels.map((quantity) => ({
      ...quantity,
      format: (value) => trimZeros(quantity.format(value)),
      lines: names.map((name) => ({ name, values: valuesOf(name, quantity) })),
    })),
  })
  const rows = panels.flatMap((quantity) =>
    names.map((name, row) => [
      row === 0 ? quantity.title : '',
      labelOf(name),
      ...valuesOf(name, quantity).map((value) =>
        value === undefined ? '' : quantity.format(value),
      ),
    ]),
  )
  const head = ['', '', ...series.points.map(({ label }) => label)]
  return { file: `${file}.svg`, title, description, svg, table: formatTable(head, rows) }
}

/** SVG text has no Markdown. */
const withoutBackticks = (text: string) => text.replaceAll('`', '')
