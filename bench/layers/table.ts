import { formatRange, formatRatio, formatTable } from '../format.ts'
import { isBusy } from '../machine.ts'
import type { Sample } from '../statistics.ts'
import { compareRounds, cpuPerRequest, spreadOf } from '../statistics.ts'
import type { LayerFigures, LayerRow } from './figures.ts'

/** All rows are compared with this one. */
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

/** Formats the CPU per request of each row, also as a ratio to the reference row. */
export function layerTable({ rows }: LayerFigures): string {
  const reference = rows.find(({ name }) => name === REFERENCE)?.samples ?? []
  return formatTable(
    ['row', 'call', 'CPU per request (min..max)', `compared with ${REFERENCE}`],
    rows.map(({ name, title, samples }) => [
      name,
      title,
      formatCpu(samples),
      ratio(samples, reference, ({ median }) => formatRatio(median)),
    ]),
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
