import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BarChart } from '../../bench/report/bar-chart.ts'
import { barChart } from '../../bench/report/bar-chart.ts'
import { markOf } from '../../bench/report/labels.ts'
import type { LineChart } from '../../bench/report/line-chart.ts'
import { lineChart } from '../../bench/report/line-chart.ts'
import { byBodySize, byConnections } from '../../bench/workloads/growth.ts'
import { tailWorkload } from '../../bench/workloads/tail.ts'
import { contestantsOf } from '../../bench/workloads/workload.ts'
import type { Element } from './markup.ts'
import { all, parseMarkup } from './markup.ts'

const caption = {
  title: 'GET <of> "65" & more',
  subtitle: '50 at a time',
  footer: ['2026-11-22', 'Node 20.20.2'],
}

const flat = (median: number) => ({ median, min: median, max: median })

const bars: BarChart = {
  ...caption,
  columns: [
    { title: 'Requests', note: 'more is better', format: (value) => `${value}/s` },
    { title: 'CPU', note: 'less is better', format: (value) => `${value} µs` },
  ],
  rows: [
    { name: 'hawser-request', values: [{ median: 300, min: 250, max: 400 }, flat(10)] },
    { name: 'undici-request', values: [flat(100), flat(40)] },
  ],
}

const lines: LineChart = {
  ...caption,
  xLabel: 'connections',
  points: [
    { position: 1, label: 'one' },
    { position: 10, label: 'ten' },
    { position: 100, label: 'hundred' },
  ],
  panels: [
    {
      title: 'Requests',
      note: 'more is better',
      format: (value) => `${value}/s`,
      lines: [
        { name: 'undici-request', values: [100, undefined, 1000] },
        { name: 'hawser-request', values: [200, 2000, 20000] },
      ],
    },
  ],
}

const rects = (svg: Element, name: string) =>
  all(svg, 'g')
    .filter((group) => group.attributes.class === name)
    .flatMap((group) => all(group, 'rect'))
    .map(({ attributes }) => Number(attributes.width))

const groups = (svg: Element, name: string) =>
  all(svg, 'g').filter((group) => group.attributes.class === name)

const texts = (svg: Element) => all(svg, 'text').map(({ text }) => text)

/** Returns the position of a mark: `translate(x y)`. */
function positionOf({ attributes }: Element): [number, number] {
  const [, x, y] = /^translate\(([\d.]+) ([\d.]+)\)$/.exec(attributes.transform ?? '') ?? []
  return [Number(x), Number(y)]
}

const charts: [string, string][] = [
  ['bars', barChart(bars)],
  ['lines', lineChart(lines)],
]
for (const [name, source] of charts) {
  test(`${name}: the chart has a title, a description with the figures, and a background`, () => {
    const svg = parseMarkup(source.trim())
    assert.equal(svg.name, 'svg')
    assert.equal(svg.attributes.role, 'img')
    assert.equal(svg.attributes['aria-labelledby'], 'title desc')
    const [title, description] = svg.children
    assert.deepEqual([title?.attributes.id, title?.text], ['title', caption.title])
    assert.equal(description?.attributes.id, 'desc')
    assert.match(
      description?.text ?? '',
      /hawser pool\.request.*300\/s|hawser pool\.request.*200\/s/,
    )
    for (const line of [caption.title, caption.subtitle, ...caption.footer]) {
      assert.ok(texts(svg).includes(line), line)
    }
    const background = all(svg, 'rect')[0]?.attributes
    assert.equal(Number(background?.height) + 1, Number(svg.attributes.height))
  })

  test(`${name}: no text exceeds the background`, () => {
    const svg = parseMarkup(source.trim())
    const [width, height] = [Number(svg.attributes.width), Number(svg.attributes.height)]
    for (const { attributes, text } of all(svg, 'text')) {
      const length = text.length * (attributes.class === 'title' ? 11 : 7.2)
      const anchors: Record<string, number> = { end: 1, middle: 0.5 }
      const anchor = attributes.class?.split(' ').find((word) => word in anchors) ?? ''
      const left = Number(attributes.x) - length * (anchors[anchor] ?? 0)
      assert.ok(left >= 0 && left + length <= width, `${text} from ${left} to ${left + length}`)
      assert.ok(Number(attributes.y) > 10 && Number(attributes.y) < height - 3, text)
    }
  })

  test(`${name}: each contestant has a colour for light and for dark mode`, () => {
    const [light, dark] = source.split('@media(prefers-color-scheme:dark)')
    for (const contestant of ['hawser-request', 'undici-request']) {
      const colour = new RegExp(`\\.${contestant}\\{color:(#\\w{6})\\}`)
      assert.notEqual(colour.exec(light ?? '')?.[1], undefined)
      assert.notEqual(colour.exec(dark ?? '')?.[1], colour.exec(light ?? '')?.[1])
    }
  })
}

test('the length of a bar is proportional to its value, within its column', () => {
  const svg = parseMarkup(barChart(bars).trim())
  const [speed, cpu] = rects(svg, 'hawser-request')
  const [rivalSpeed, rivalCpu] = rects(svg, 'undici-request')
  assert.ok(Math.abs(speed! / rivalSpeed! - 3) < 0.02, `${speed} and ${rivalSpeed}`)
  assert.ok(Math.abs(rivalCpu! / cpu! - 4) < 0.02, `${rivalCpu} and ${cpu}`)
})

test('the value is to the right of each bar, and the line of its rounds does not cross it', () => {
  const svg = parseMarkup(barChart(bars).trim())
  const [first] = groups(svg, 'hawser-request')
  const [value] = all(first!, 'text')
  const spread = all(first!, 'path').find(({ attributes }) => attributes.class === 'spread')
  const [, from, to] = /^M([\d.]+) [\d.]+H([\d.]+)$/.exec(spread?.attributes.d ?? '') ?? []
  const left = Number(all(first!, 'rect')[0]?.attributes.x)
  assert.equal(value?.text, '300/s')
  assert.ok(Number(value?.attributes.x) > Number(to))
  assert.ok(Math.abs((Number(to) - left) / (Number(from) - left) - 400 / 250) < 0.01)
  assert.equal(all(first!, 'title')[0]?.text, 'hawser pool.request: 300/s, 250/s to 400/s')
})

test('a negative value does not exceed its column', () => {
  const rows = [{ name: 'got' as const, values: [{ median: 5, min: -9, max: 6 }, flat(1)] }]
  const svg = parseMarkup(barChart({ ...bars, rows }).trim())
  const [first] = groups(svg, 'got')
  const spread = all(first!, 'path').find(({ attributes }) => attributes.class === 'spread')
  const left = all(first!, 'rect')[0]?.attributes.x
  assert.equal(/^M([\d.]+)/.exec(spread?.attributes.d ?? '')?.[1], Number(left).toFixed(1))
})

test('the marks of a line are at the positions that the axes show', () => {
  const svg = parseMarkup(lineChart(lines).trim())
  const [, drawn] = groups(svg, 'hawser-request') // the first is the legend's
  const marks = all(drawn!, 'path').filter(({ attributes }) => attributes.transform)
  const [one, ten, hundred] = marks.map(positionOf)
  assert.equal(marks.length, 3)
  assert.ok(
    Math.abs(ten![0] - one![0] - (hundred![0] - ten![0])) < 0.3,
    'the horizontal axis is logarithmic',
  )
  assert.ok(
    Math.abs(one![1] - ten![1] - (ten![1] - hundred![1])) < 0.3,
    'the vertical axis is logarithmic',
  )
  const tick = all(svg, 'text').find(({ text }) => text === '200/s')
  assert.ok(
    Math.abs(Number(tick?.attributes.y) - 4 - one![1]) < 0.3,
    'the mark is at the height of its tick',
  )
  assert.equal(all(marks[1]!, 'title')[0]?.text, 'hawser pool.request, ten: 2000/s')
})

test('a missing value omits its mark', () => {
  const svg = parseMarkup(lineChart(lines).trim())
  const [, drawn] = groups(svg, 'undici-request')
  const marks = all(drawn!, 'path').filter(({ attributes }) => attributes.transform)
  assert.equal(marks.length, 2)
  assert.doesNotMatch(svg.text, /NaN|undefined/)
})

test('the legend begins with Hawser, and all marks differ', () => {
  const source = lineChart(lines)
  const svg = parseMarkup(source.trim())
  assert.ok(source.indexOf('>hawser pool.request<') < source.indexOf('>undici request<'))
  const [hawser, undici] = ['hawser-request', 'undici-request'].map(
    (name) => all(groups(svg, name)[0]!, 'path')[0]?.attributes.d,
  )
  assert.notEqual(hawser, undici)
})

test('a legend that is too long for one line wraps', () => {
  const names = [
    'hawser-client',
    'hawser-fetch',
    'node-http',
    'fetch',
    'axios',
    'got',
    'floor',
  ] as const
  const more = names.map((name) => ({ name, values: [1, 2, 3] }))
  const [panel] = lines.panels
  const panels = [{ ...panel!, lines: [...panel!.lines, ...more] }]
  const svg = parseMarkup(lineChart({ ...lines, panels }).trim())
  const entries = all(svg, 'g').flatMap((group) => all(group, 'text'))
  assert.equal(new Set(entries.map(({ attributes }) => attributes.y)).size, 2)
  for (const { attributes, text } of entries) {
    assert.ok(Number(attributes.x) + text.length * 7.2 < 840, text)
  }
})

test('the contestants of a line chart have different marks', () => {
  const workloads = [
    tailWorkload,
    ...[byConnections, byBodySize].map(({ points }) => points[0]!.workload),
  ]
  for (const workload of workloads) {
    const marks = contestantsOf(workload, false).map(markOf)
    assert.equal(new Set(marks).size, marks.length, workload.name)
  }
})
