// `npm run bench:runtimes [-- rounds]`: Hawser beside what each runtime brings, on Bun and on Deno,
// and calls into apps of the same process, on Node.

import { install, runtime } from '../../test/runtimes/runtimes.ts'
import { count, micros, table } from '../format.ts'
import { describeMachine } from '../machine.ts'
import { stopOnSignals, withServer } from '../servers/serving.ts'
import type { Sample } from '../statistics.ts'
import { compare, cpuPerRequest, rate, spread } from '../statistics.ts'
import { WorkerProcess } from './worker-process.ts'

interface Field {
  readonly title: string
  readonly command: readonly string[]
  readonly contestants: readonly string[]
  /** To be compared with, and how many times its speed each of ours should have. */
  readonly rivals: readonly { readonly name: string; readonly target?: number }[]
}

const WARM_UP_SECONDS = 1
const SLICE_SECONDS = 1

/** Each contestant's turns follow one another in another order each round. */
async function measure(field: Field, origin: string, rounds: number) {
  const workers = new Map<string, { worker: WorkerProcess; requests: number; samples: Sample[] }>()
  try {
    for (const name of field.contestants) {
      const worker = new WorkerProcess(field.command, name, origin)
      workers.set(name, { worker, requests: 0, samples: [] })
      const perSecond = await worker.warmUp(WARM_UP_SECONDS)
      const requests = Math.ceil((perSecond * SLICE_SECONDS) / 50) * 50
      workers.set(name, { worker, requests, samples: [] })
    }
    for (let round = 0; round < rounds; round++) {
      const turns = [...workers.values()]
      for (let turn = 0; turn < turns.length; turn++) {
        const { worker, requests, samples } = turns[(turn + round) % turns.length]!
        samples.push(await worker.slice(requests))
      }
    }
  } finally {
    for (const { worker } of workers.values()) worker.end()
  }
  return new Map([...workers].map(([name, { samples }]) => [name, samples]))
}

function tableOf({ rivals }: Field, results: ReadonlyMap<string, readonly Sample[]>): string {
  const head = ['', 'req/s', 'CPU/req', ...rivals.map(({ name }) => `to ${name} (CPU)`), 'target']
  const rows = [...results].map(([name, samples]) => {
    const isRival = rivals.some((rival) => rival.name === name)
    const missed: string[] = []
    const cells = rivals.map((rival) => {
      const others = results.get(rival.name) ?? []
      if (rival.name === name) return '1'
      const speed = compare('speed', samples, others)
      const thrift = compare('thrift', samples, others)
      if (rival.target !== undefined && speed.median < rival.target) missed.push(rival.name)
      const range = `${speed.min.toFixed(2)}..${speed.max.toFixed(2)}`
      return `${speed.median.toFixed(2)}x, ${range} (${thrift.median.toFixed(2)}x)`
    })
    const targets = rivals.flatMap(({ target }) => (target === undefined ? [] : [`${target}x`]))
    const verdict = missed.length > 0 ? '**missed**' : 'met'
    return [
      name,
      count(spread(samples.map(rate)).median),
      micros(spread(samples.map(cpuPerRequest)).median),
      ...cells,
      isRival || targets.length === 0 ? '' : `${targets.join()}: ${verdict}`,
    ]
  })
  return table(head, rows)
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 7)
  if (!(rounds >= 1 && rounds <= 100)) throw new Error('expected a number of rounds')
  install()
  stopOnSignals()
  const bun = runtime('bun')
  const deno = runtime('deno')
  const sockets = ['pool, own sockets', 'pool, node:net', 'fetch']
  const fields: Field[] = [
    {
      title: `Bun ${bun.version}, 65 B over TCP, 50 at a time`,
      command: [bun.binary, 'run'],
      contestants: sockets,
      rivals: [{ name: 'fetch', target: 1 }],
    },
    {
      title: `Deno ${deno.version}, 65 B over TCP, 50 at a time`,
      command: [deno.binary, 'run', '--quiet', '--allow-all'],
      contestants: sockets,
      rivals: [{ name: 'fetch', target: 3 }],
    },
    {
      title: `Node ${process.versions.node}, calls of an app in the same process, 65 B, 50 at a time`,
      command: [process.execPath],
      contestants: ['app: listener', 'app: fetch handler', 'light-my-request', 'loopback TCP'],
      rivals: [{ name: 'light-my-request' }, { name: 'loopback TCP' }],
    },
  ]
  await withServer(undefined, async (server) => {
    const { date, cpu, cores, load, server: name } = describeMachine(server)
    console.log(`# Hawser on runtimes, ${date} UTC\n`)
    console.log(`${cpu}, ${cores} cores, load average before ${load.toFixed(1)}; server: ${name};`)
    console.log(`medians of ${rounds} rounds, the ratios' too (min..max)`)
    for (const field of fields) {
      const results = await measure(field, server.http, rounds)
      console.log(`\n## ${field.title}\n\n${tableOf(field, results)}`)
    }
  })
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
