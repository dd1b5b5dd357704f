import { formatRange, formatRatio, formatTable } from '../format.ts'
import { isBusy } from '../machine.ts'
import type { Sample } from '../statistics.ts'
import { compareRounds, cpuPerRequest, spreadOf } from '../statistics.ts'
import type { LayerFigures, LayerRow } from './figures.ts'

/** Rows are compared with this one, if there is no row of the pool for the same request. */
const REFERENCE = 'request'

/** Describes the machine, the runtime and the number of rounds in a paragraph. */
export function conditions({ computer, node, rounds }: LayerFigures): string {
  const { date, cpu, cores, platform, load } = computer
  const busy = isBusy(computer) ? ': the machine was busy, so these figures are inaccurate' : ''
  return [
    `Measured on ${date} UTC with Node ${node}, ${cpu}, ${cores} cores, ${platform}.`,
    `Each figure is the median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}. Load average before: ${load.toFixed(1)}${busy}.`,
  ].join('\n')
}

/** Formats the CPU per request of each row, also as a ratio to its reference row. */
export function layerTable({ rows }: LayerFigures): string {
  return formatTable(
    ['row', 'call', 'CPU per request (min..max)', 'compared with pool.request'],
    rows.map((row) => {
      const { name, title, samples } = row
      const reference = referenceOf(row, rows)
      return [
        name,
        title,
        formatCpu(samples),
        ratio(samples, reference?.samples ?? [], ({ median }) => {
          const of = reference?.name === REFERENCE ? '' : ` (${reference?.name})`
          return formatRatio(median) + of
        }),
      ]
    }),
  )
}

/** The row of `pool.request` for the same request: `client-post-1k` has `request-post-1k`. */
function referenceOf({ name }: LayerRow, rows: readonly LayerRow[]): LayerRow | undefined {
  const own = name.replace(/^[a-z]+-/, `${REFERENCE}-`)
  return (
    rows.find((row) => row.name === own && own !== name) ??
    rows.find((row) => row.name === REFERENCE)
  )
}

/** Formats the CPU per request in this checkout and in another one, which `other` names. */
export function comparisonTable({ rows }: LayerFigures, other: string): string {
  return formatTable(
    ['row', 'call', 'this', other, 'this/other (min..max)'],
    rows.map(({ name, title, samples, otherSamples = [] }: LayerRow) => [
      name,
      title,
      formatCpu(samples),
      formatCpu(otherSamples),
      ratio(
        samples,
        otherSamples,
        (found) => `${formatRatio(found.median)} (${formatRange(found)})`,
      ),
    ]),
  )
}

/** Formats CPU times. `formatMicros` has too few digits for rows that take two microseconds. */
function formatCpu(samples: readonly Sample[]): string {
  if (samples.length === 0) return '-'
  const found = spreadOf(samples, cpuPerRequest)
  return `${found.median.toFixed(2)} µs (${formatRange(found)})`
}

function ratio(
  samples: readonly Sample[],
  otherSamples: readonly Sample[],
  format: (found: ReturnType<typeof compareRounds>) => string,
): string {
  return otherSamples.length === 0 ? '-' : format(compareRounds('cpu', samples, otherSamples))
}
