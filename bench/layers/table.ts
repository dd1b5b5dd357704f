import { bounds, table, times } from '../format.ts'
import { isBusy } from '../machine.ts'
import type { Sample } from '../statistics.ts'
import { compare, cpuPerRequest, spreadOf } from '../statistics.ts'
import type { LayerFigures, LayerRow } from './figures.ts'

/** Every row is compared with this one. */
const REFERENCE = 'request'

/** What the figures were taken on, as a paragraph. */
export function conditions({ computer, node, rounds }: LayerFigures): string {
  const { date, cpu, cores, platform, load } = computer
  const busy = isBusy(computer) ? ': other work disturbs these figures' : ''
  return [
    `Measured on ${date} UTC with Node ${node}, ${cpu}, ${cores} cores, ${platform}.`,
    `Each figure is the median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}. Load average before: ${load.toFixed(1)}${busy}.`,
  ].join('\n')
}

export function layerTable({ rows }: LayerFigures): string {
  const reference = rows.find(({ name }) => name === REFERENCE)?.samples ?? []
  return table(
    ['row', 'call', 'CPU per request (min..max)', `compared with ${REFERENCE}`],
    rows.map(({ name, title, samples }) => [
      name,
      title,
      cost(samples),
      ratio(samples, reference, ({ median }) => times(median)),
    ]),
  )
}

/** `other` names the other checkout. */
export function comparisonTable({ rows }: LayerFigures, other: string): string {
  return table(
    ['row', 'call', 'this', other, 'this/other (min..max)'],
    rows.map(({ name, title, samples, others = [] }: LayerRow) => [
      name,
      title,
      cost(samples),
      cost(others),
      ratio(samples, others, (found) => `${times(found.median)} (${bounds(found)})`),
    ]),
  )
}

/** `micros` has too few digits for rows that take two microseconds. */
function cost(samples: readonly Sample[]): string {
  if (samples.length === 0) return '-'
  const found = spreadOf(samples, cpuPerRequest)
  return `${found.median.toFixed(2)} µs (${bounds(found)})`
}

function ratio(
  samples: readonly Sample[],
  others: readonly Sample[],
  format: (found: ReturnType<typeof compare>) => string,
): string {
  return others.length === 0 ? '-' : format(compare('cpu', samples, others))
}
