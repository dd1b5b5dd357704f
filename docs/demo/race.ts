import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { ConnectionPool } from '../../src/engine.ts'
import { Client } from '../../src/index.ts'
import { say, section, styled, table, tell } from './terminal.ts'

const LANES = 50

/** Does one request, its body included. */
type Request = () => Promise<unknown>

interface Slice {
  readonly rate: number
  /** Microseconds of this process for each request. */
  readonly cpu: number
}

export async function race(quick: boolean): Promise<void> {
  section(
    'Speed',
    `GET of 65 bytes over ${LANES} connections, in turns, from a server in another process.`,
    'This is a taste. The measurement is `npm run bench`.',
  )
  say()
  const origin = await startAnswerer()
  const pool = new ConnectionPool()
  const client = new Client()
  const contestants: Record<string, Request> = {
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
  const warmUp = quick ? 100 : 8000 // requests: fetch takes as many until it is at full speed
  for (const request of Object.values(contestants)) await slice(request, 5000, warmUp)
  for (let round = 0; round < rounds; round++) {
    for (const [name, request] of Object.entries(contestants)) {
      slices.get(name)!.push(await slice(request, duration))
    }
  }

  const base = median(slices.get('fetch')!.map(({ rate }) => rate))
  const rows = [...slices].map(([name, each]) => {
    const rate = median(each.map((one) => one.rate))
    const cpu = median(each.map((one) => one.cpu))
    const times = `${(rate / base).toFixed(1)}x`
    return [name, Math.round(rate).toLocaleString('en'), `${cpu.toFixed(1)} us`, times]
  })
  const [head, ...lines] = table([['', 'requests/s', 'CPU each', 'to fetch'], ...rows], 1)
  tell(styled('gray', head!))
  for (const line of lines) tell(line)

  say()
  say(`  Not closed on purpose: ${inspect(client)}`)
  say('  An idle client does not keep the process alive: it ends here by itself.')
}

/** Sends requests in `LANES` lanes, for `ms` milliseconds or until there were enough. */
async function slice(request: Request, ms: number, enough = Infinity): Promise<Slice> {
  const start = performance.now()
  const cpu = process.cpuUsage()
  let done = 0
  const lane = async () => {
    for (; done < enough && performance.now() - start < ms; done++) await request()
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  const { user, system } = process.cpuUsage(cpu)
  return { rate: (1000 * done) / (performance.now() - start), cpu: (user + system) / done }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/** @returns its origin. It ends with this process, and does not keep it alive. */
async function startAnswerer(): Promise<string> {
  const child = fork(fileURLToPath(new URL('./answerer.js', import.meta.url)))
  const [address] = (await once(child, 'message')) as [AddressInfo]
  child.unref()
  child.channel?.unref()
  return `http://127.0.0.1:${address.port}`
}
