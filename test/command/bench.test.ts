import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Latencies } from '../../src/command/latencies.ts'
import { createColours } from '../../src/command/terminal.ts'
import { httpServer } from '../engine/servers.ts'
import { runInPipe, runOnTerminal } from './run-command.ts'

describe('--bench', () => {
  test('sends the requests with the given concurrency, and prints a report', async (t) => {
    let requests = 0
    let maxConcurrent = 0
    let concurrent = 0
    const { origin, sockets } = await httpServer(t, (_, response) => {
      requests++
      maxConcurrent = Math.max(maxConcurrent, ++concurrent)
      setImmediate(() => {
        concurrent--
        response.end('hello')
      })
    })
    const { code, stdout, stderr } = await runInPipe([origin, '--bench', '200', '-c', '4'])
    assert.equal(requests, 200)
    assert.equal(maxConcurrent, 4)
    assert.equal(sockets.length, 4)
    assert.equal(stderr, '')
    assert.equal(code, 0)
    const time = String.raw`[\d.]+ (?:µs|ms|s)`
    const pattern = [
      `200 × GET ${origin}/, 4 at a time`,
      '',
      String.raw`[\d,]+ req/s   ${time}, 1\.00 kB read, [\d.]+ \w+/s`,
      '',
      `Latency   mean ${time}, deviation ${time}`,
      ...['50%', '75%', '90%', '99%', '99.9%', 'slowest'].map((name) => ` +${name} +${time}`),
      '',
      String.raw`(?: +≤ +${time} +\d+(?:  [█▏▎▍▌▋▊▉]+)?\n)+`,
      'Results',
      ' +200  200 OK',
      '',
    ]
    assert.match(stdout.toString(), new RegExp(`^${pattern.join('\n').replaceAll('/,', '/,')}$`))
    const counts = [...stdout.toString().matchAll(/≤ .+? +(\d+)(?: |$)/gm)].map(([, n]) =>
      Number(n),
    )
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      200,
    )
  })

  test('sends the same body with each request', async (t) => {
    const bodies = new Set<string>()
    const { origin } = await httpServer(t, async (request, response) => {
      bodies.add(`${request.method} ${Buffer.concat(await request.toArray())}`)
      response.end()
    })
    assert.equal((await runOnTerminal([origin, '-d', 'a', 'b', '--bench', '3', '-c', '1'])).code, 0)
    assert.deepEqual([...bodies], ['POST a=b'])
  })

  test('counts failures, and exits with the status of the first', async (t) => {
    let requests = 0
    const { origin } = await httpServer(t, (_, response) => {
      requests++
      if (requests <= 2) response.writeHead(503).end()
      else if (requests <= 5) response.destroy()
      else response.end()
    })
    const args = [origin, '-m', 'POST', '--bench', '10', '-c', '1']
    const { code, stdout } = await runOnTerminal(args)
    assert.match(stdout, /\n {10}2 {2}503 Service Unavailable\n/)
    assert.match(stdout, /\n {10}\d {2}\w+Error\n/)
    assert.equal(code, 5)
  })

  test('prints no histogram if there was no response', async () => {
    const { code, stdout } = await runOnTerminal(['http://127.0.0.1:1', '--bench', '3'])
    assert.match(stdout, /\n0 req\/s .+\n\nResults\n {10}3 {2}ConnectError\n$/)
    assert.equal(code, 10)
  })

  test('Ctrl-C prints the results so far', async (t) => {
    const controller = new AbortController()
    let requests = 0
    const { origin } = await httpServer(t, (_, response) => {
      if (++requests > 5) controller.abort()
      else response.end()
    })
    const args = [origin, '--bench', '100', '-c', '1']
    const { code, stdout } = await runOnTerminal(args, { signal: controller.signal })
    assert.match(stdout, /^5 × GET .+\n.+ req\/s .+Results\n {10}5 {2}200 OK\n$/s)
    assert.equal(code, 130)
  })
})

describe('Latencies', () => {
  const descending = (count: number) => Float64Array.from({ length: count }, (_, i) => count - i)

  test('percentiles are measured latencies', () => {
    const times = new Latencies(descending(1000))
    const percentiles = [0, 50, 90, 99, 99.9, 100].map((percent) => times.percentile(percent))
    assert.deepEqual(percentiles, [1, 500, 900, 990, 999, 1000])
    assert.equal(times.mean, 500.5)
    assert.equal(Math.round(times.deviation), 289)
    assert.equal(new Latencies(Float64Array.of(7)).percentile(99), 7)
  })

  test('report', () => {
    const times = Float64Array.from({ length: 100 }, (_, i) => (i === 99 ? 900 : 2 + i / 50))
    assert.equal(
      new Latencies(times).report(60, createColours(false)),
      `Latency   mean 12.0 ms, deviation 89.3 ms
        50%   2.98 ms
        75%   3.48 ms
        90%   3.78 ms
        99%   3.96 ms
      99.9%    900 ms
    slowest    900 ms

     ≤ 2.2 ms  11  ████████████████████████████████████████
     ≤ 2.4 ms  10  ████████████████████████████████████▍
     ≤ 2.6 ms  10  ████████████████████████████████████▍
     ≤ 2.8 ms  10  ████████████████████████████████████▍
       ≤ 3 ms  10  ████████████████████████████████████▍
     ≤ 3.2 ms  10  ████████████████████████████████████▍
     ≤ 3.4 ms  10  ████████████████████████████████████▍
     ≤ 3.6 ms  10  ████████████████████████████████████▍
     ≤ 3.8 ms  10  ████████████████████████████████████▍
       ≤ 4 ms   8  █████████████████████████████▏
     ≤ 900 ms   1  ███▋`,
    )
  })

  test('single, equal and zero latencies have a histogram', () => {
    for (const times of [[3], [3, 3, 3], [0, 0], [0, 1e-9, 1e9]]) {
      const rows = new Latencies(Float64Array.from(times)).histogram()
      assert.equal(
        rows.reduce((sum, { count }) => sum + count, 0),
        times.length,
      )
      assert.ok(rows.length < 40, `${rows.length} rows`)
    }
  })
})
