import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'
import { formatTable, printLine, printResult, printSection, styled } from './terminal.ts'

const CONCURRENCY = 50

/** Sends a request and reads the whole response. */
type SendRequest = () => Promise<unknown>

interface Slice {
  /** Requests per second. */
  readonly rate: number
  /** CPU time of this process per request, in microseconds. */
  readonly cpu: number
}

/** Compares the speed of `fetch` and of Hawser's interfaces. */
export async function showRace(quick: boolean): Promise<void> {
  printSection(
    'Speed',
    `GET of 65 bytes over ${CONCURRENCY} connections, from a server in another process. The clients take turns.`,
    'This is a rough comparison. For exact figures, run `npm run bench`.',
  )
  printLine()
  const origin = await startRaceServer()
  const pool = new ConnectionPool()
  const client = new Client()
  const contestants: Record<string, SendRequest> = {
    fetch: async () => (await fetch(`${origin}/`)).arrayBuffer(),
    'client.get': () => client.get(`${origin}/`),
    'pool.request': async () => (await pool.request({ origin, path: '/' })).bytes(),
    'pool.dispatch': () =>
      new Promise((resolve, reject) => {
        const handler = { onHead() {}, onData() {}, onEnd: resolve, onError: reject }
        pool.dispatch({ origin, path: '/' }, handler)
      }),
  }
  const slices = new Map(Object.keys(contestants).map((name) => [name, [] as Slice[]]))
  const rounds = quick ? 1 : 5
  const duration = quick ? 20 : 150
  const warmUpRequests = quick ? 100 : 8000 // fetch needs this many to reach its full speed
  for (const request of Object.values(contestants)) {
    await measureSlice(request, 5000, warmUpRequests)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, request] of Object.entries(contestants)) {
      slices.get(name)!.push(await measureSlice(request, duration))
    }
  }

  const base = median(slices.get('fetch')!.map(({ rate }) => rate))
  const rows = [...slices].map(([name, samples]) => {
    const rate = median(samples.map(({ rate }) => rate))
    const cpu = median(samples.map(({ cpu }) => cpu))
    const times = `${(rate / base).toFixed(1)}x`
    return [name, Math.round(rate).toLocaleString('en'), `${cpu.toFixed(1)} us`, times]
  })
  const [head, ...lines] = formatTable(
    [['', 'requests/s', 'CPU per request', 'vs. fetch'], ...rows],
    1,
  )
  printResult(styled('gray', head!))
  for (const line of lines) printResult(line)

  printLine()
  printLine(`  This client is deliberately left open: ${inspect(client)}`)
  printLine('  An idle client does not keep the process alive, so the process exits now.')
}

/**
 * Sends `CONCURRENCY` requests at a time, for `ms` milliseconds or up to `maxRequests` requests.
 */
async function measureSlice(
  request: SendRequest,
  ms: number,
  maxRequests = Infinity,
): Promise<Slice> {
  const start = performance.now()
  const cpu = process.cpuUsage()
  let done = 0
  const loop = async () => {
    for (; done < maxRequests && performance.now() - start < ms; done++) await request()
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, loop))
  const { user, system } = process.cpuUsage(cpu)
  return { rate: (1000 * done) / (performance.now() - start), cpu: (user + system) / done }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/**
 * Starts the server, and returns its origin. It exits with this process and does not keep it alive.
 */
async function startRaceServer(): Promise<string> {
  const child = fork(fileURLToPath(new URL('./race-server.js', import.meta.url)))
  const [address] = (await once(child, 'message')) as [AddressInfo]
  child.unref()
  child.channel?.unref()
  return `http://127.0.0.1:${address.port}`
}
