// `npm run test:faults [-- words]`: every call of the corpus (or those whose name holds one of the words)
// with every fault at every byte, then real sockets. Says what was tried, and what was lost.
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { corpus } from './corpus/corpus.ts'
import { tryRoute } from './real.ts'
import { realRoutes } from './real-routes.ts'
import type { Tally } from './whole.ts'
import { tryAll } from './whole.ts'

/** The longest messages are struck at so many of their bytes, all others at each. */
const WHOLE = { bytes: 1000, allBits: true }
/** Of what passes over real sockets, each way. */
const REAL_PLACES = 40
const MOST_WORKERS = 4

interface Unit {
  readonly name: string
  readonly isReal: boolean
  readonly run: () => Promise<Tally>
}

const units: readonly Unit[] = [
  ...corpus.map((exchange) => ({
    name: exchange.name,
    isReal: false,
    run: () => tryAll(exchange, WHOLE),
  })),
  ...realRoutes.map((route) => ({
    name: `real sockets, ${route.name}`,
    isReal: true,
    run: () => tryRoute(route, REAL_PLACES),
  })),
]

/** Does the units whose numbers come, and says what came of each. */
function work(port: NonNullable<typeof parentPort>): void {
  port.on('message', (index: number) => {
    const unit = units[index] as Unit
    unit.run().then(
      (tally) => port.postMessage(tally),
      (error: Error) => {
        const lost = [`${unit.name}: ${error.stack}`]
        port.postMessage({ exchange: unit.name, calls: {}, bytes: 0, lost })
      },
    )
  })
}

/** Gives the units to workers, as they are done with others. */
async function manage(words: readonly string[]): Promise<void> {
  const chosen = [...units.keys()].filter(
    (index) => words.length === 0 || words.some((word) => units[index]?.name.includes(word)),
  )
  const tallies: Tally[] = []
  const startedAt = performance.now()
  const count = chosen.length
  const next = chosen[Symbol.iterator]()
  const workers = Math.min(availableParallelism(), MOST_WORKERS, count)
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
        const state = tally.lost.length === 0 ? 'nothing lost' : `LOST ${tally.lost.length}`
        const where = `${tallies.length}/${count}`.padStart(7)
        console.log(`${where}  ${tally.exchange}: ${total(tally.calls)} calls, ${state}`)
        for (const line of tally.lost.slice(0, 5)) console.log(line)
      }
      worker.on('message', (tally: Tally) => {
        take(tally)
        give()
      })
      // What nobody caught ends the worker, and is lost with what it was doing.
      worker.on('error', (error) => {
        take({ exchange: current, calls: {}, bytes: 0, lost: [`uncaught: ${error.stack}`] })
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
      for (const [harm, times] of Object.entries(tally.calls)) {
        calls[harm] = (calls[harm] ?? 0) + times
      }
    }
    const bytes = some.reduce((sum, tally) => sum + tally.bytes, 0)
    console.log(`\n${isReal ? 'Real sockets' : 'In scripted time'}`)
    console.log(`  ${isReal ? 'routes' : 'exchanges'}: ${some.length}, of ${bytes} bytes`)
    for (const [harm, times] of Object.entries(calls)) console.log(`  ${harm}: ${times}`)
    console.log(`  calls: ${total(calls)}`)
  }
  const lost = tallies.reduce((sum, tally) => sum + tally.lost.length, 0)
  const missing = tallies.some(({ calls }) => total(calls) === 0) ? ', and some were not tried' : ''
  console.log(
    `\nLost: ${lost === 0 ? 'nothing' : lost}${missing}. It took ${seconds.toFixed(0)} s.`,
  )
  process.exitCode = lost === 0 ? 0 : 1
}

function total(calls: Record<string, number>): number {
  return Object.values(calls).reduce((sum, times) => sum + times, 0)
}

if (isMainThread) await manage(process.argv.slice(2))
else if (parentPort !== null) work(parentPort)
