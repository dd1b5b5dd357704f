// The command `npm run bench:layers`: measures the CPU per request of each layer, without a kernel.
// bench/README.md describes the method.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { formatDuration } from '../format.ts'
import { describeComputer } from '../machine.ts'
import { publishedFigures, publishLayers } from '../report/write.ts'
import type { Sample } from '../statistics.ts'
import type { LayerFigures, LayerRow } from './figures.ts'
import { comparisonTable, conditions, layerTable } from './table.ts'
import type { Overview } from './worker.ts'

const usage = `Usage: npm run bench:layers -- [options]

Measures the CPU time that each layer takes for a request, without a kernel: the
sockets answer from memory. Takes about three minutes.

  --rounds N     rounds, with a new process for each row (default: 5)
  --only WORDS   only rows whose name contains one of these words (comma-separated)
  --node PATH    the Node binary that runs the workers (default: this one)
  --against DIR  also measures another built checkout of Hawser, and compares
  --publish      writes the figures to docs/bench
  --help         shows this help
`

const TIMEOUT = 60_000
const WORKER = 'dist/bench/layers/worker.js'
const ownWorker = fileURLToPath(new URL('worker.js', import.meta.url))

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    against: { type: 'string' },
    publish: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  if (options.help) return console.log(usage)
  const { only, against, publish } = options
  if (publish && (only !== undefined || against !== undefined)) {
    throw new Error('--publish needs all rows: remove --only and --against')
  }
  if (publish) publishedFigures()
  const rounds = Number(options.rounds)
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 1000)) {
    throw new Error(`--rounds: expected a whole number from 1 to 1000, got ${options.rounds}`)
  }
  const otherWorker = against === undefined ? null : workerOf(against)

  const computer = describeComputer()
  const overview = await runWorker<Overview>(ownWorker)
  const otherOverview = otherWorker === null ? null : await runWorker<Overview>(otherWorker)
  const rows = chosenNames(Object.keys(overview.rows)).map((name) => {
    const isShared = otherOverview !== null && Object.hasOwn(otherOverview.rows, name)
    const title = overview.rows[name] ?? ''
    return { name, title, samples: [], ...(isShared && { otherSamples: [] }) }
  })
  await measure(rows, rounds, otherWorker)

  const figures: LayerFigures = { computer, node: overview.node, rounds, rows }
  const text =
    against === undefined ? layerTable(figures) : comparisonTable(figures, `other: ${against}`)
  console.log(`# CPU per request of each layer\n\n${conditions(figures)}\n\n${text}`)
  if (publish) console.log(`\nReport: ${publishLayers(figures)}`)
}

/** Returns the path of the worker of another checkout. Throws if it has not been built. */
function workerOf(checkout: string): string {
  const worker = join(checkout, WORKER)
  if (existsSync(worker)) return worker
  throw new Error(`--against: ${worker} does not exist. Run \`npm run setup\` in that checkout.`)
}

/** Returns the names that `--only` selects. Throws if one of its words is in no name. */
function chosenNames(names: readonly string[]): string[] {
  const words = options.only?.split(',') ?? ['']
  const unknown = words.find((word) => !names.some((name) => name.includes(word)))
  if (unknown !== undefined) {
    throw new Error(`--only: no row contains "${unknown}". The rows are ${names.join(', ')}`)
  }
  return names.filter((name) => words.some((word) => name.includes(word)))
}

/**
 * Measures all rows once in each round, so that a disturbance of the machine affects all of them.
 */
async function measure(rows: readonly LayerRow[], rounds: number, otherWorker: string | null) {
  const start = performance.now()
  for (let round = 0; round < rounds; round++) {
    for (const [index, { name, samples, otherSamples }] of rows.entries()) {
      showProgress(round * rows.length + index, rounds * rows.length, start, name)
      const turns: [worker: string, samples: Sample[]][] = [[ownWorker, samples]]
      if (otherWorker !== null && otherSamples !== undefined) {
        turns.push([otherWorker, otherSamples])
      }
      if (round % 2 === 1) turns.reverse()
      for (const [worker, target] of turns) target.push(await runWorker<Sample>(worker, name))
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** Runs a worker and returns its output, parsed as JSON. */
async function runWorker<Output>(worker: string, ...args: string[]): Promise<Output> {
  const command = [worker, ...args]
  const { stdout } = await promisify(execFile)(options.node, command, { timeout: TIMEOUT })
  return JSON.parse(stdout)
}

function showProgress(done: number, total: number, start: number, name: string): void {
  if (!process.stderr.isTTY) return
  const seconds = (performance.now() - start) / 1000
  const left = done === 0 ? '' : `, ${formatDuration((seconds / done) * (total - done))} left`
  process.stderr.write(`\r\x1b[K${Math.floor((done / total) * 100)} %${left}  ${name}`)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
