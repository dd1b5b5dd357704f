// `npm run test:faults [-- WORDS]`: runs every exchange of the corpus with every fault at every
// byte, and then calls over real sockets. Words select the exchanges and routes whose names contain
// one of them. The exit status is 1 if a call does not end as expected.
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { corpus } from './corpus/corpus.ts'
import { realRoutes } from './real-routes.ts'
import { tryRoute } from './real-sockets.ts'
import type { Tally } from './try-all.ts'
import { tryAll } from './try-all.ts'

/**
 * Up to this many bytes of a message, so that only the longest messages are not covered completely.
 */
const FULL_COVERAGE = { bytes: 1000, allBits: true }
/** Bytes per direction at which faults are injected on real sockets. */
const REAL_SOCKET_BYTES = 40
const MAX_WORKERS = 4

interface Unit {
  readonly name: string
  readonly isReal: boolean
  readonly run: () => Promise<Tally>
}

const units: readonly Unit[] = [
  ...corpus.map((exchange) => ({
    name: exchange.name,
    isReal: false,
    run: () => tryAll(exchange, FULL_COVERAGE),
  })),
  ...realRoutes.map((route) => ({
    name: `real sockets, ${route.name}`,
    isReal: true,
    run: () => tryRoute(route, REAL_SOCKET_BYTES),
  })),
]

/** In a worker: runs the units whose numbers it receives, and sends their tallies. */
function work(port: NonNullable<typeof parentPort>): void {
  port.on('message', (index: number) => {
    const unit = units[index] as Unit
    unit.run().then(
      (tally) => port.postMessage(tally),
      (error: Error) => {
        const failures = [`${unit.name}: ${error.stack}`]
        port.postMessage({ exchange: unit.name, calls: {}, bytes: 0, failures })
      },
    )
  })
}

/** In the main thread: gives each free worker the next unit. */
async function manage(words: readonly string[]): Promise<void> {
  const chosen = [...units.keys()].filter(
    (index) => words.length === 0 || words.some((word) => units[index]?.name.includes(word)),
  )
  const tallies: Tally[] = []
  const startedAt = performance.now()
  const count = chosen.length
  const next = chosen[Symbol.iterator]()
  const workers = Math.min(availableParallelism(), MAX_WORKERS, count)
  const done = Array.from({ length: workers }, () => {
    const worker = new Worker(fileURLToPath(import.meta.url))
    let current = ''
    return new Promise<void>((resolve) => {
      const give = () => {
        const { value, done: isOver } = next.next()
        if (isOver) {
          worker.terminate().then(() => resolve())
          return
        }
        current = units[value]?.name ?? ''
        worker.postMessage(value)
      }
      const take = (tally: Tally) => {
        tallies.push(tally)
        const state =
          tally.failures.length === 0 ? 'as expected' : `${tally.failures.length} FAILED`
        const where = `${tallies.length}/${count}`.padStart(7)
        console.log(`${where}  ${tally.exchange}: ${total(tally.calls)} calls, ${state}`)
        for (const line of tally.failures.slice(0, 5)) console.log(line)
      }
      worker.on('message', (tally: Tally) => {
        take(tally)
        give()
      })
      // An uncaught error ends the worker, and counts as a failure of the unit that it was running.
      worker.on('error', (error) => {
        take({ exchange: current, calls: {}, bytes: 0, failures: [`uncaught: ${error.stack}`] })
        resolve()
      })
      give()
    })
  })
  await Promise.all(done)
  summarize(tallies, (performance.now() - startedAt) / 1000)
}

function summarize(tallies: readonly Tally[], seconds: number): void {
  const real = new Set(units.filter(({ isReal }) => isReal).map(({ name }) => name))
  for (const isReal of [false, true]) {
    const some = tallies.filter(({ exchange }) => real.has(exchange) === isReal)
    if (some.length === 0) continue
    const calls: Record<string, number> = {}
    for (const tally of some) {
      for (const [fault, times] of Object.entries(tally.calls)) {
        calls[fault] = (calls[fault] ?? 0) + times
      }
    }
    const bytes = some.reduce((sum, tally) => sum + tally.bytes, 0)
    console.log(`\n${isReal ? 'Real sockets' : 'Scripted sockets'}`)
    console.log(`  ${isReal ? 'routes' : 'exchanges'}: ${some.length}, of ${bytes} bytes`)
    for (const [fault, times] of Object.entries(calls)) console.log(`  ${fault}: ${times}`)
    console.log(`  calls: ${total(calls)}`)
  }
  const failures = tallies.reduce((sum, tally) => sum + tally.failures.length, 0)
  const missing = tallies.some(({ calls }) => total(calls) === 0) ? ', some were not tried' : ''
  console.log(`\n${failures} failures${missing}, in ${seconds.toFixed(0)} s`)
  process.exitCode = failures === 0 ? 0 : 1
}

function total(calls: Record<string, number>): number {
  return Object.values(calls).reduce((sum, times) => sum + times, 0)
}

if (isMainThread) await manage(process.argv.slice(2))
else if (parentPort !== null) work(parentPort)
