import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { figuresFromJsonLines, figuresToJsonLines } from '../../bench/figures.ts'
import { pageOf } from '../../bench/report/page.ts'
import { sectionsOf } from '../../bench/report/sections.ts'
import { markers, summaryOf, withSummary } from '../../bench/report/summary.ts'
import { filesOf, writeReport } from '../../bench/report/write.ts'
import { byBodySize, byConnections } from '../../bench/workloads/growth.ts'
import { parseMarkup } from './markup.ts'
import { figures, outcome, sample, small } from './samples.ts'

const tail = (times: number) => ({ p50: times, p90: 2 * times, p99: 5 * times, 'p99.9': 9 * times })

const memory = (kilobytes: number) => ({ heapBytes: kilobytes * 1024, rssBytes: kilobytes * 2048 })

const everything = figures(
  small,
  outcome('get-1mb', { 'hawser-request': [sample(1_000, 300)], floor: [sample(2_000, 100)] }),
  outcome('idle-memory', {
    'hawser-request': [sample(1_000, 100, memory(2.5))],
    'undici-request': [sample(1_000, 100, memory(5))],
  }),
  outcome('fetch-65b', {
    'hawser-fetch': [sample(24_000, 40), sample(24_000, 40)],
    fetch: [sample(4_000, 200), sample(6_000, 200)],
  }),
  outcome('tail-latency', {
    'hawser-request': [sample(1_000, 50, { tailMicros: tail(100) })],
    'undici-request': [sample(1_000, 50, { tailMicros: tail(200) })],
  }),
  ...byConnections.points.map(({ position, workload: { name } }) =>
    outcome(name, {
      'hawser-request': [sample(1_000 * position, 30)],
      floor: [sample(2_000 * position, 20)],
    }),
  ),
  ...byBodySize.points.map(({ workload: { name } }) =>
    outcome(name, { 'hawser-request': [sample(1_000, 30)] }),
  ),
)

test('a report has a chart and a table for each quantity', () => {
  const sections = sectionsOf(everything)
  assert.deepEqual(
    sections.map(({ file }) => file),
    [
      'get-65b.svg',
      'get-1mb.svg',
      'tail-latency.svg',
      'idle-memory.svg',
      'connections.svg',
      'body-size.svg',
    ],
  )
  for (const { svg, table, file } of sections) {
    assert.match(table, /^\|.*\|\n\| ---/, file)
    const { text } = parseMarkup(svg.trim())
    for (const part of ['2026-11-22', 'A <fast> & quiet CPU', 'Node.js 20.20.2', 'nginx 1.22.1']) {
      assert.ok(text.includes(part), `${file}: ${part}`)
    }
    assert.doesNotMatch(svg + table, /NaN|Infinity|undefined/, file)
  }
})

test('the fastest contestant is first, or the one with the least memory', () => {
  const [bars, , , memory] = sectionsOf(everything)
  for (const section of [bars, memory]) {
    const rows = section?.table.split('\n').slice(2) ?? []
    assert.deepEqual(
      rows.map((row) => /^\| (\w+)/.exec(row)?.[1]),
      ['hawser', 'undici'],
    )
  }
  assert.match(bars?.table ?? '', /undici request +\| 10,000 \(9,000 to 11,000\)/)
})

test('sections without samples are left out', () => {
  assert.deepEqual(sectionsOf(figures()), [])
  assert.deepEqual(sectionsOf(figures(outcome('get-65b', { got: [] }, { got: 'it hangs' }))), [])
  const some = byConnections.points
    .slice(1, 3)
    .map(({ workload: { name } }) => outcome(name, { 'hawser-request': [sample(1_000, 30)] }))
  assert.equal(sectionsOf(figures(...some)).length, 1)
})

test('the page shows the setup, which targets are met, and failures', () => {
  const failing = outcome('get-64k', { got: [] }, { got: 'it hangs\nat once' })
  const shown = figures(small, failing)
  const page = pageOf(shown, sectionsOf(shown))
  assert.match(page, /^# Hawser benchmark, 2026-11-22 12:00 UTC\n/)
  for (const part of [
    '- Node.js 20.20.2 with undici 6.24.1 as its fetch',
    '- duration: 10 min; `figures.jsonl` contains every sample',
    '![Small responses: GET of 65 bytes](get-65b.svg)',
    '2 of 2 targets are met.',
    'FAILED: it hangs',
  ]) {
    assert.ok(page.includes(part), part)
  }
})

test('parsed figures equal the formatted ones', () => {
  const back = figuresFromJsonLines(figuresToJsonLines(everything))
  assert.deepEqual(back, everything)
  const [{ results } = small] = figuresFromJsonLines(
    figuresToJsonLines(figures(outcome('get-65b', { got: [sample(1, 1)] }, { got: 'it hangs' }))),
  ).outcomes
  assert.equal(results.get('got')?.failure, 'it hangs')
})

test('a report of rounded figures equals the report of the figures', () => {
  const close = { p50: 99.9499999996, p90: 100, p99: 100, 'p99.9': 100 } // 99.9, and rounded 100.0
  const taken = figures(
    outcome('tail-latency', { 'hawser-request': [sample(1_000, 50, { tailMicros: close })] }),
  )
  assert.deepEqual(filesOf(figuresFromJsonLines(figuresToJsonLines(taken))), filesOf(taken))
})

test('figures of an unknown workload throw', () => {
  const lines = figuresToJsonLines(figures(small)).replaceAll('get-65b', 'get-66b')
  assert.throws(
    () => figuresFromJsonLines(lines),
    /The figures contain an unknown workload: get-66b/,
  )
})

test('a report consists of the page, its charts and all figures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-report-'))
  try {
    const page = writeReport(join(folder, 'of', 'today'), figures(small))
    assert.deepEqual(readdirSync(join(folder, 'of', 'today')).sort(), [
      'README.md',
      'figures.jsonl',
      'get-65b.svg',
    ])
    assert.match(readFileSync(page, 'utf8'), /^# Hawser benchmark/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the summary shows ratios within the rounds, and only what was measured', () => {
  const summary = summaryOf(everything, 'docs/bench')
  for (const part of [
    'on 2026-11-22: Node.js 20.20.2, undici 7.30.2, nginx 1.22.1',
    // 30,000 compared with 9,000 and 11,000 requests: 3.33 and 2.73. CPU: 0.3 and 0.375.
    "| `pool.request`, GET of 65 bytes | undici's `request` | 3.03x | 0.34x |",
    // 24,000 compared with 4,000 and 6,000 requests
    '| `fetch` of `hawser/fetch`, GET of 65 bytes | `fetch` of Node.js | 5.0x | 0.20x |',
    'An idle connection takes 2.5 KB of heap memory, compared with 5.0 KB in undici.',
    'the 99th percentile of the latency is 500 µs, compared with 1.0 ms for undici.',
    '(docs/bench/get-65b.svg)](docs/bench/README.md)',
  ]) {
    assert.ok(summary.includes(part), `${part} is not in\n${summary}`)
  }
  assert.doesNotMatch(summary, /1 MB|axios|NaN/)
})

test('the report says if the machine was busy', () => {
  const calm = figures(small)
  const busy = { ...calm, machine: { ...calm.machine, load: 3 } }
  assert.doesNotMatch(summaryOf(calm, 'docs/bench'), /busy/)
  assert.match(
    summaryOf(busy, 'docs/bench'),
    /The machine was busy, so these figures are inaccurate/,
  )
  assert.match(sectionsOf(busy)[0]?.svg ?? '', /on a busy machine/)
})

test('a new summary replaces only the old one', () => {
  const before = `# A\n\n${markers.begin}\n${markers.end}\n\n## B\n`
  const once = withSummary(before, 'first')
  assert.equal(once, `# A\n\n${markers.begin}\n\nfirst\n\n${markers.end}\n\n## B\n`)
  assert.equal(withSummary(once, 'second'), once.replace('first', 'second'))
  assert.throws(() => withSummary('# A\n', 'first'), /README\.md has no <!-- bench -->/)
})
