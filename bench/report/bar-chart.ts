import type { ContestantName } from '../contestants/index.ts'
import type { Spread } from '../statistics.ts'
import { labelOf } from './labels.ts'
import { linear } from './scale.ts'
import type { Caption } from './svg-document.ts'
import { margin, svgDocument, top, width } from './svg-document.ts'
import { escapeXml, tag, text } from './xml.ts'

/** One quantity: a column of bars, one for each contestant. */
interface Column {
  title: string
  /** Whether more or less is better. */
  note: string
  format(value: number): string
}

export interface BarChart extends Caption {
  columns: readonly Column[]
  /** One row for each contestant. Its values are in the order of the columns. */
  rows: readonly { name: ContestantName; values: readonly Spread[] }[]
}

const labelWidth = 150
const gap = 28
const rowHeight = 26
const barHeight = 16
/** Space for the value to the right of the longest bar. */
const valueWidth = 66

/**
 * Draws horizontal bars with their values, and a thin line from the lowest round to the highest.
 */
export function barChart(chart: BarChart): string {
  const { columns, rows } = chart
  const first = top + 28
  const bottom = first + rows.length * rowHeight + 4
  const columnWidth =
    (width - 2 * margin - labelWidth - gap * (columns.length - 1)) / columns.length
  const labels = rows.map(({ name }, row) =>
    text(margin, first + row * rowHeight + 17, labelOf(name)),
  )
  const fields = columns.flatMap((column, index) => {
    const x = margin + labelWidth + index * (columnWidth + gap)
    const spreads = rows.map(({ values }) => values[index])
    const highest = Math.max(...spreads.map((spread) => spread?.max ?? 0))
    const scale = linear(highest, x, x + columnWidth - valueWidth)
    const bars = rows.map(({ name }, row) => {
      const spread = spreads[row]
      return spread ? bar(name, spread, first + row * rowHeight + 5, scale, column) : ''
    })
    const head = `${column.title}: ${column.note}`
    return [
      text(x, top + 14, head, { class: 'head' }),
      tag('line', { class: 'grid', x1: x, x2: x, y1: first, y2: bottom - 4 }),
      ...bars,
    ]
  })
  const names = rows.map(({ name }) => name)
  const content = [...labels, ...fields]
  return svgDocument({ ...chart, description: describeBars(chart), names, bottom, content })
}

function bar(
  name: ContestantName,
  { median, min, max }: Spread,
  y: number,
  scale: (value: number) => number,
  column: Column,
): string {
  const from = scale(0)
  const length = Math.max(1, scale(median) - from)
  const middle = y + barHeight / 2
  const d = `M${scale(Math.max(0, min)).toFixed(1)} ${middle}H${scale(max).toFixed(1)}`
  const shape = { x: from, y, width: length, height: barHeight, fill: 'currentColor' }
  const tip = `${labelOf(name)}: ${column.format(median)}, ${column.format(min)} to ${column.format(max)}`
  return tag(
    'g',
    { class: name },
    tag('title', {}, escapeXml(tip)),
    tag('rect', shape),
    tag('path', { class: 'halo', d }),
    tag('path', { class: 'spread', d }),
    text(scale(Math.max(median, max)) + 6, y + 12, column.format(median)),
  )
}

function describeBars({ columns, rows }: BarChart): string {
  const sentences = columns.map(({ title, format }, index) => {
    const values = rows.flatMap(({ name, values }) => {
      const value = values[index]
      return value ? `${labelOf(name)} ${format(value.median)}` : []
    })
    return `${title}: ${values.join(', ')}.`
  })
  return sentences.join(' ')
}
