// The command `npm run bench:reuse`: counts the requests that are lost to servers that close their
// connections without announcing it, and compares with undici 8. Runs on Node.js 24.
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installModern } from '../../test/modern/modern.ts'
import { install, runtime } from '../../test/runtimes/runtimes.ts'
import { formatTable } from '../format.ts'
import type { Addresses, Batch, Closing, Lost, Transport } from './messages.ts'
import { CLOSINGS, METHODS, TRANSPORTS } from './messages.ts'

const HELP = `Usage: npm run bench:reuse -- [options]

Sends POST, streamed PUT and PATCH requests one after another to servers that close their
connections after a response without announcing it, and counts the requests that fail. Takes about
15 minutes. Exits with 1 if Hawser loses a request where undici loses none, or more than 10 % more.

  --requests N   requests of each client to each server, in each run (default: 10000)
  --runs N       runs, in which the clients take turns (default: 5)
  --short        600 requests, 1 run: under half a minute. Two more lost requests are allowed
  --help         shows this help`

const CLIENTS = ['undici', 'Hawser'] as const
type ClientName = (typeof CLIENTS)[number]

const CLOSING_TITLES: Record<Closing, string> = {
  every: 'after every response',
  second: 'after every second response',
  random: 'after 0 to 2 ms',
}
/** How many more requests than undici Hawser may lose: a factor, and with --short a number. */
const TOLERANCE = 1.1
const SHORT_TOLERANCE = 2

const { values: options } = parseArgs({
  options: {
    requests: { type: 'string' },
    runs: { type: 'string' },
    short: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  const requests = count('requests', options.requests ?? (options.short ? '600' : '10000'))
  const runs = count('runs', options.runs ?? (options.short ? '1' : '5'))
  install()
  installModern()
  const { binary, version } = runtime('node24')
  const children: ChildProcess[] = []
  const start = (module: string, ...args: string[]) => {
    const file = fileURLToPath(new URL(`./${module}.js`, import.meta.url))
    const child = fork(file, args, { execPath: binary })
    children.push(child)
    return child
  }
  try {
    const [addresses] = (await once(start('closing-server'), 'message')) as [Addresses]
    const workers = { undici: start('worker', 'undici'), Hawser: start('worker', 'hawser') }
    console.log(`Node.js ${version}; each client sends ${requests} requests, ${runs} times\n`)
    const rows = []
    for (const transport of TRANSPORTS) {
      for (const closing of CLOSINGS) {
        const batch = batchFor(addresses, transport, closing, requests)
        rows.push(await measure(workers, batch, runs, `${transport}, ${CLOSING_TITLES[closing]}`))
      }
    }
    const head = ['server closes', 'client', ...METHODS, 'lost', 'first error', 'met']
    console.log(formatTable(head, rows.flatMap(toCells)))
    process.exitCode = rows.every(isMet) ? 0 : 1
  } finally {
    for (const child of children) child.disconnect()
  }
}

interface Row {
  readonly title: string
  readonly sent: number
  readonly lost: Readonly<Record<ClientName, Lost>>
}

/** Sends the batch with each client in turn, in the other order in every second run. */
async function measure(
  workers: Readonly<Record<ClientName, ChildProcess>>,
  batch: Batch,
  runs: number,
  title: string,
): Promise<Row> {
  const none = (): Lost => ({ POST: 0, PUT: 0, PATCH: 0, reason: null })
  const lost = { undici: none(), Hawser: none() }
  for (let run = 0; run < runs; run++) {
    console.error(`${title}: run ${run + 1} of ${runs}`)
    for (const name of run % 2 === 0 ? CLIENTS : CLIENTS.toReversed()) {
      const child = workers[name]
      child.send(batch)
      const [result] = (await once(child, 'message')) as [Lost]
      for (const method of METHODS) lost[name][method] += result[method]
      lost[name].reason ??= result.reason
    }
  }
  return { title, sent: runs * batch.requests, lost }
}

function batchFor({ ca, ports }: Addresses, on: Transport, closing: Closing, requests: number) {
  const scheme = on === 'TLS' ? 'https' : 'http'
  return { origin: `${scheme}://127.0.0.1:${ports[on][closing]}`, ca, requests }
}

function totalOf(lost: Lost): number {
  return METHODS.reduce((sum, method) => sum + lost[method], 0)
}

function isMet({ lost }: Row): boolean {
  const allowed = totalOf(lost.undici) * TOLERANCE + (options.short ? SHORT_TOLERANCE : 0)
  return totalOf(lost.Hawser) <= allowed
}

function toCells(row: Row): string[][] {
  return CLIENTS.map((name) => {
    const lost = row.lost[name]
    const total = totalOf(lost)
    return [
      name === 'undici' ? row.title : '',
      name,
      ...METHODS.map((method) => String(lost[method])),
      `${total} (${((100 * total) / row.sent).toFixed(2)} %)`,
      lost.reason?.slice(0, 60) ?? '',
      name === 'undici' ? '' : isMet(row) ? 'yes' : '**no**',
    ]
  })
}

function count(name: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Error(`--${name}: expected a whole number from 1, got ${text}`)
}
