import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { answeringBackend } from '../../bench/layers/backend.ts'
import type { LayerFigures } from '../../bench/layers/figures.ts'
import { layersFromJsonLines, layersToJsonLines } from '../../bench/layers/figures.ts'
import { CONCURRENCY, rows } from '../../bench/layers/rows.ts'
import { comparisonTable, conditions, layerTable } from '../../bench/layers/table.ts'
import { writeReport } from '../../bench/report/write.ts'
import { ConnectionPool } from '../../src/engine.ts'
import { figures, sample, small } from './samples.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const command = fileURLToPath(new URL('../../bench/layers/run.js', import.meta.url))

function run(...args: string[]) {
  return spawnSync(process.execPath, [command, ...args], { encoding: 'utf8', timeout: 50_000 })
}

for (const [name, row] of Object.entries(rows)) {
  test(`${name} receives the expected response`, async () => {
    const contestant = row.open()
    await contestant.run(4 * CONCURRENCY, CONCURRENCY)
    await Promise.all([contestant.run(1, 1), contestant.run(1, 1)])
    await contestant.close()
  })
}

test('the answering backend delivers the whole response to each request', async () => {
  const body = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 251))
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`
  const backend = answeringBackend(Buffer.concat([Buffer.from(head), body]))
  let connections = 0
  const connect: typeof backend.connect = (target, handler) => {
    connections++
    return backend.connect(target, handler)
  }
  const pool = new ConnectionPool({ backend: { ...backend, connect } })
  for (const sent of [null, 'a'.repeat(300_000)]) {
    const options = { origin: 'http://name.test', path: '/', method: 'POST', body: sent }
    const response = await pool.request(options)
    assert.deepEqual(Buffer.from(await response.bytes()), body)
    const streamed: Uint8Array[] = []
    for await (const chunk of await pool.request(options)) streamed.push(chunk)
    assert.deepEqual(Buffer.concat(streamed), body)
  }
  assert.equal(connections, 1)
  await pool.close()
})

const layers: LayerFigures = {
  computer: {
    date: '2026-11-22 12:00',
    platform: 'Linux 6.1 x64',
    cpu: 'A CPU',
    cores: 2,
    load: 0,
  },
  node: '20.20.2',
  rounds: 2,
  rows: [
    { name: 'dispatch', title: 'pool.dispatch, GET', samples: [sample(1, 2), sample(1, 3)] },
    { name: 'request', title: 'pool.request, GET', samples: [sample(1, 4), sample(1, 5)] },
  ],
}

test('the table shows the median of each row, and its ratio to pool.request in the same round', () => {
  const [, , dispatch, request] = layerTable(layers).split('\n')
  assert.match(
    dispatch ?? '',
    /^\| dispatch +\| pool\.dispatch, GET \| 2\.50 µs \(2\.00\.\.3\.00\) +\| 0\.55x /,
  )
  assert.match(
    request ?? '',
    /^\| request +\| pool\.request, GET +\| 4\.50 µs \(4\.00\.\.5\.00\) +\| 1\.00x /,
  )
})

test('the table compares a call with the same request of the pool', () => {
  const rows = [
    ...layers.rows,
    { name: 'request-post', title: 'pool.request, POST', samples: [sample(1, 8), sample(1, 8)] },
    { name: 'client-post', title: 'client.post', samples: [sample(1, 12), sample(1, 12)] },
  ]
  const text = layerTable({ ...layers, rows })
  assert.match(text, /^\| request-post +\|.*\| 1\.80x +\|$/m)
  assert.match(text, /^\| client-post +\|.*\| 1\.50x \(request-post\) +\|$/m)
})

test('the table shows no ratio without pool.request', () => {
  const text = layerTable({ ...layers, rows: layers.rows.slice(0, 1) })
  assert.match(text, /2\.50 µs \(2\.00\.\.3\.00\) +\| - +\|$/)
})

test('the table compares two checkouts; the other one may lack a row', () => {
  const [dispatch, request] = layers.rows
  const compared = [{ ...dispatch!, otherSamples: [sample(1, 4), sample(1, 4)] }, request!]
  const [head, , both, own] = comparisonTable({ ...layers, rows: compared }, 'old').split('\n')
  assert.match(head ?? '', /^\| row +\| call +\| this +\| old +\| this\/other \(min\.\.max\) \|$/)
  assert.match(
    both ?? '',
    /\| 2\.50 µs \(.*\) \| 4\.00 µs \(.*\) \| 0\.63x \(0\.50\.\.0\.75\) +\|$/,
  )
  assert.match(own ?? '', /\| 4\.50 µs \(.*\) \| - +\| - +\|$/)
})

test('the conditions name date, runtime, machine and load', () => {
  const text = conditions(layers)
  assert.match(text, /^Measured on 2026-11-22 12:00 UTC with Node 20\.20\.2, A CPU, 2 cores/)
  assert.match(text, /median of 2 rounds\. Load average before: 0\.0\.$/)
  const busy = { ...layers, computer: { ...layers.computer, load: 3 } }
  assert.match(conditions(busy), /3\.0: the machine was busy, so these figures are inaccurate/)
})

test('a report includes the figures of bench:layers in its folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-layers-'))
  const heading = '## CPU of each layer, without a kernel'
  try {
    assert.ok(!readFileSync(writeReport(folder, figures(small)), 'utf8').includes(heading))
    const lines = layersToJsonLines(layers)
    assert.deepEqual(layersFromJsonLines(lines), layers)
    writeFileSync(join(folder, 'layers.jsonl'), lines)
    const page = readFileSync(writeReport(folder, figures(small)), 'utf8')
    assert.ok(page.includes(heading) && page.includes(layerTable(layers)))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the command measures a row in this checkout and in another one', () => {
  const { status, stdout, stderr } = run(
    '--rounds',
    '1',
    '--only',
    'dispatch-64k',
    '--against',
    root,
  )
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, /^# CPU per request of each layer\n\nMeasured on .*Node \d+/)
  const row =
    /^\| dispatch-64k \|.*\| [\d.]+ µs \(.*\) +\| [\d.]+ µs \(.*\) +\| [\d.]+x \(.*\) +\|$/m
  assert.match(stdout, row)
})

test('invalid options fail before anything is measured', () => {
  const cases: [string[], RegExp][] = [
    [['--only', 'nope'], /^--only: no row contains "nope"\. The rows are dispatch, request/],
    [['--rounds', '0'], /^--rounds: expected a whole number from 1 to 1000, got 0/],
    [['--against', tmpdir()], /^--against: .*worker\.js does not exist/],
    [['--node', '/no/such/node'], /\/no\/such\/node/],
    [['--publish', '--only', 'fetch'], /^--publish needs all rows/],
    [['--fast'], /'--fast'/],
  ]
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = run(...args)
    assert.deepEqual([status, stdout], [1, ''], args.join(' '))
    assert.match(stderr, message)
  }
  assert.match(run('--help').stdout, /^Usage: npm run bench:layers/)
})
