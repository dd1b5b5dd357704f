import type { ContestantName } from '../contestants/index.ts'
import { inOrder, labelOf, markOf } from './labels.ts'
import type { Caption } from './picture.ts'
import { margin, picture, top, width } from './picture.ts'
import type { Scale } from './scale.ts'
import { logarithmic, logTicks } from './scale.ts'
import { escaped, tag, text } from './xml.ts'

/** One figure of everybody: a field of lines, on two logarithmic axes. */
interface Panel {
  title: string
  /** Which way is good. */
  note: string
  text(value: number): string
  lines: readonly { name: ContestantName; values: readonly (number | undefined)[] }[]
}

export interface LineChart extends Caption {
  /** What grows, at the lower axis. */
  across: string
  /** Where each line has its values. */
  points: readonly { at: number; label: string }[]
  panels: readonly Panel[]
}

const panelHeight = 250
const gap = 36
/** For what is written at the upright axis. */
const axisWidth = 62

/** A line for each contestant, with marks of its own. */
export function lineChart(chart: LineChart): string {
  const { panels, points, across } = chart
  const drawn = new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))
  const names = inOrder.filter((name) => drawn.has(name))
  const key = legend(names)
  const head = key.bottom + 28
  const upper = head + 14
  const lower = upper + panelHeight
  const panelWidth = (width - 2 * margin - gap * (panels.length - 1)) / panels.length

  const fields = panels.flatMap((panel, index) => {
    const left = margin + index * (panelWidth + gap)
    const from = left + axisWidth
    const to = left + panelWidth - 8
    const x = logarithmic(points[0]?.at ?? 1, points.at(-1)?.at ?? 1, from + 12, to - 12)
    const values = panel.lines.flatMap(({ values }) =>
      values.filter((value) => value !== undefined),
    )
    const ticks = logTicks(values)
    const y = logarithmic(ticks[0] ?? 1, ticks.at(-1) ?? 1, lower, upper)
    return [
      text(left, head, `${panel.title}: ${panel.note}`, { class: 'head' }),
      ...ticks.flatMap((tick) => [
        tag('line', { class: 'grid', x1: from, x2: to, y1: y(tick), y2: y(tick) }),
        text(from - 8, y(tick) + 4, panel.text(tick), { class: 'quiet end' }),
      ]),
      ...points.map(({ at, label }) => text(x(at), lower + 18, label, { class: 'quiet middle' })),
      text((from + to) / 2, lower + 38, across, { class: 'quiet middle' }),
      ...panel.lines.map(({ name, values }) =>
        tag('g', { class: name }, ...line(chart, panel, name, values, x, y)),
      ),
    ]
  })
  const content = [...key.content, ...fields]
  return picture({ ...chart, description: describe(chart), names, bottom: lower + 44, content })
}

function line(
  { points }: LineChart,
  panel: Panel,
  name: ContestantName,
  values: readonly (number | undefined)[],
  x: Scale,
  y: Scale,
): string[] {
  const places = points.flatMap(({ at, label }, point) => {
    const value = values[point]
    return value === undefined ? [] : [{ x: x(at), y: y(value), label, value }]
  })
  const path = places.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')
  return [
    tag('path', { class: 'line', stroke: 'currentColor', d: `M${path}` }),
    ...places.map(({ x, y, label, value }) =>
      mark(name, x, y, `${labelOf(name)}, ${label}: ${panel.text(value)}`),
    ),
  ]
}

function mark(name: ContestantName, x: number, y: number, tip?: string): string {
  const transform = `translate(${x.toFixed(1)} ${y.toFixed(1)})`
  const shape = { d: markOf(name), transform, fill: 'currentColor' }
  return tip === undefined ? tag('path', shape) : tag('path', shape, tag('title', {}, escaped(tip)))
}

/** In as many lines as it takes. */
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

function describe({ panels, points }: LineChart): string {
  const sentences = panels.flatMap(({ title, text, lines }) =>
    lines.map(({ name, values }) => {
      const figures = points.flatMap(({ label }, point) => {
        const value = values[point]
        return value === undefined ? [] : `${text(value)} at ${label}`
      })
      return `${title}, ${labelOf(name)}: ${figures.join(', ')}.`
    }),
  )
  return sentences.join(' ')
}
