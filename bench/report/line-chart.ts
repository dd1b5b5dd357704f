import type { ContestantName } from '../contestants/index.ts'
import { contestantOrder, labelOf, markOf } from './labels.ts'
import type { Scale } from './scale.ts'
import { logarithmic, logTicks } from './scale.ts'
import type { Caption } from './svg-document.ts'
import { margin, svgDocument, top, width } from './svg-document.ts'
import { escapeXml, tag, text } from './xml.ts'

/** One quantity: a panel of lines on two logarithmic axes, one for each contestant. */
interface Panel {
  title: string
  /** Whether more or less is better. */
  note: string
  format(value: number): string
  lines: readonly { name: ContestantName; values: readonly (number | undefined)[] }[]
}

export interface LineChart extends Caption {
  /** Label of the horizontal axis. */
  xLabel: string
  /** Positions on the horizontal axis at which the lines have values. */
  points: readonly { position: number; label: string }[]
  panels: readonly Panel[]
}

const panelHeight = 250
const gap = 36
/** Space for the labels of the vertical axis. */
const axisWidth = 62

/** Draws a line with distinct marks for each contestant. */
export function lineChart(chart: LineChart): string {
  const { panels, points, xLabel } = chart
  const drawn = new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))
  const names = contestantOrder.filter((name) => drawn.has(name))
  const key = legend(names)
  const head = key.bottom + 28
  const upper = head + 14
  const lower = upper + panelHeight
  const panelWidth = (width - 2 * margin - gap * (panels.length - 1)) / panels.length

  const fields = panels.flatMap((panel, index) => {
    const left = margin + index * (panelWidth + gap)
    const from = left + axisWidth
    const to = left + panelWidth - 8
    const x = logarithmic(
      points[0]?.position ?? 1,
      points.at(-1)?.position ?? 1,
      from + 12,
      to - 12,
    )
    const values = panel.lines.flatMap(({ values }) =>
      values.filter((value) => value !== undefined),
    )
    const ticks = logTicks(values)
    const y = logarithmic(ticks[0] ?? 1, ticks.at(-1) ?? 1, lower, upper)
    return [
      text(left, head, `${panel.title}: ${panel.note}`, { class: 'head' }),
      ...ticks.flatMap((tick) => [
        tag('line', { class: 'grid', x1: from, x2: to, y1: y(tick), y2: y(tick) }),
        text(from - 8, y(tick) + 4, panel.format(tick), { class: 'muted end' }),
      ]),
      ...points.map(({ position, label }) =>
        text(x(position), lower + 18, label, { class: 'muted middle' }),
      ),
      text((from + to) / 2, lower + 38, xLabel, { class: 'muted middle' }),
      ...panel.lines.map(({ name, values }) =>
        tag('g', { class: name }, ...line(chart, panel, name, values, x, y)),
      ),
    ]
  })
  const content = [...key.content, ...fields]
  return svgDocument({
    ...chart,
    description: describeLines(chart),
    names,
    bottom: lower + 44,
    content,
  })
}

function line(
  { points }: LineChart,
  panel: Panel,
  name: ContestantName,
  values: readonly (number | undefined)[],
  x: Scale,
  y: Scale,
): string[] {
  const plotted = points.flatMap(({ position, label }, point) => {
    const value = values[point]
    return value === undefined ? [] : [{ x: x(position), y: y(value), label, value }]
  })
  const path = plotted.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')
  return [
    tag('path', { class: 'line', stroke: 'currentColor', d: `M${path}` }),
    ...plotted.map(({ x, y, label, value }) =>
      mark(name, x, y, `${labelOf(name)}, ${label}: ${panel.format(value)}`),
    ),
  ]
}

function mark(name: ContestantName, x: number, y: number, tip?: string): string {
  const transform = `translate(${x.toFixed(1)} ${y.toFixed(1)})`
  const shape = { d: markOf(name), transform, fill: 'currentColor' }
  return tip === undefined
    ? tag('path', shape)
    : tag('path', shape, tag('title', {}, escapeXml(tip)))
}

/** Draws the legend in as many lines as necessary. */
function legend(names: readonly ContestantName[]): { content: string[]; bottom: number } {
  let x = margin
  let y = top + 8
  const content = names.map((name) => {
    const label = labelOf(name)
    const length = 18 + label.length * 6.8
    if (x + length > width - margin) {
      x = margin
      y += 20
    }
    const entry = tag('g', { class: name }, mark(name, x + 5, y - 4), text(x + 15, y, label))
    x += length + 10
    return entry
  })
  return { content, bottom: y }
}

function describeLines({ panels, points }: LineChart): string {
  const sentences = panels.flatMap(({ title, format, lines }) =>
    lines.map(({ name, values }) => {
      const figures = points.flatMap(({ label }, point) => {
        const value = values[point]
        return value === undefined ? [] : `${format(value)} at ${label}`
      })
      return `${title}, ${labelOf(name)}: ${figures.join(', ')}.`
    }),
  )
  return sentences.join(' ')
}
