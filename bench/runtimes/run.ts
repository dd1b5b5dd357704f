// The command `npm run bench:runtimes [-- ROUNDS]`: compares Hawser with the `fetch` of Bun and
// Deno, and on Node.js with other ways to call an app of the same process.

import { install, runtime } from '../../test/runtimes/runtimes.ts'
import { formatCount, formatMicros, formatTable } from '../format.ts'
import { describeMachine } from '../machine.ts'
import { exitOnSignals, withServer } from '../servers/with-server.ts'
import type { Sample } from '../statistics.ts'
import { compareRounds, computeSpread, cpuPerRequest, rate } from '../statistics.ts'
import { WorkerProcess } from './worker-process.ts'

/** Contestants that are compared on one runtime. */
interface ContestantGroup {
  readonly title: string
  /** The command of the runtime, without the file to run. */
  readonly command: readonly string[]
  readonly contestants: readonly string[]
  /** The contestants to compare with, and the target: a multiple of their requests per second. */
  readonly rivals: readonly { readonly name: string; readonly target?: number }[]
}

const WARM_UP_SECONDS = 1
const SLICE_SECONDS = 1

/** Measures a group. The contestants take turns, in a different order in each round. */
async function measure(group: ContestantGroup, origin: string, rounds: number) {
  const workers = new Map<string, { worker: WorkerProcess; requests: number; samples: Sample[] }>()
  try {
    for (const name of group.contestants) {
      const worker = new WorkerProcess(group.command, name, origin)
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

function formatResults(
  { rivals }: ContestantGroup,
  results: ReadonlyMap<string, readonly Sample[]>,
): string {
  const head = [
    '',
    'req/s',
    'CPU/req',
    ...rivals.map(({ name }) => `compared with ${name} (CPU)`),
    'target',
  ]
  const rows = [...results].map(([name, samples]) => {
    const isRival = rivals.some((rival) => rival.name === name)
    const missed: string[] = []
    const cells = rivals.map((rival) => {
      const others = results.get(rival.name) ?? []
      if (rival.name === name) return '1'
      const speed = compareRounds('speed', samples, others)
      const efficiency = compareRounds('efficiency', samples, others)
      if (rival.target !== undefined && speed.median < rival.target) missed.push(rival.name)
      const range = `${speed.min.toFixed(2)}..${speed.max.toFixed(2)}`
      return `${speed.median.toFixed(2)}x, ${range} (${efficiency.median.toFixed(2)}x)`
    })
    const targets = rivals.flatMap(({ target }) => (target === undefined ? [] : [`${target}x`]))
    const verdict = missed.length > 0 ? '**missed**' : 'met'
    return [
      name,
      formatCount(computeSpread(samples.map(rate)).median),
      formatMicros(computeSpread(samples.map(cpuPerRequest)).median),
      ...cells,
      isRival || targets.length === 0 ? '' : `${targets.join()}: ${verdict}`,
    ]
  })
  return formatTable(head, rows)
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 7)
  if (!(rounds >= 1 && rounds <= 100)) {
    throw new Error(`Expected a number of rounds from 1 to 100, got ${process.argv[2]}`)
  }
  install()
  exitOnSignals()
  const bun = runtime('bun')
  const deno = runtime('deno')
  const sockets = ['pool, own sockets', 'pool, node:net', 'fetch']
  const groups: ContestantGroup[] = [
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
      title: `Node.js ${process.versions.node}, calls of an app in the same process, 65 B, 50 at a time`,
      command: [process.execPath],
      contestants: ['app: listener', 'app: fetch handler', 'light-my-request', 'loopback TCP'],
      rivals: [{ name: 'light-my-request' }, { name: 'loopback TCP' }],
    },
  ]
  await withServer(undefined, async (server) => {
    const { date, cpu, cores, load, server: name } = describeMachine(server)
    console.log(`# Hawser on other runtimes, ${date} UTC\n`)
    console.log(
      `${cpu}, ${cores} cores, load average before the run ${load.toFixed(1)}; server: ${name};`,
    )
    console.log(`figures and ratios are medians of ${rounds} rounds (min..max)`)
    for (const group of groups) {
      const results = await measure(group, server.http, rounds)
      console.log(`\n## ${group.title}\n\n${formatResults(group, results)}`)
    }
  })
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
