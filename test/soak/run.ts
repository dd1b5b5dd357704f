// `npm run soak -- [--requests N] [--seconds S] [--seed S]`: many requests of every kind over every route,
// with faults, cancels and timeouts. Each has to end as it should, and the process to hold afterwards what it
// held before. Prints how it goes and a summary; exit status 1 if something was lost or has grown.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { inspect, parseArgs } from 'node:util'
import { HawserError } from '../../src/index.ts'
import { findLeaks, HEADING, measure, row } from './measure.ts'
import { generator } from './random.ts'
import type { RequestKind, Task } from './requests.ts'
import { REQUEST_KINDS } from './requests.ts'
import { openRoutes } from './routes.ts'
import type { Addresses } from './servers.ts'

const AT_ONCE = 192
/** Requests between two looks at the memory, and how often there is one at least and at most. */
const BETWEEN_CHECKPOINTS = 2500
const [FEWEST, MOST] = [9, 40]
/** A call that has not ended by then never will: every one has a timeout. */
const HANG = 120_000
const SHOWN = 10

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const requests = Number(values.requests)
const checkpoints = Math.max(FEWEST, Math.min(MOST, Math.round(requests / BETWEEN_CHECKPOINTS)))
const seed = Number(values.seed)
const endTime = performance.now() + Number(values.seconds) * 1000
const start = performance.now()

const servers = fork(fileURLToPath(new URL('servers.js', import.meta.url)), [String(seed)])
const [addresses] = (await once(servers, 'message')) as [Addresses]

const random = generator(seed)
const { signal } = new AbortController()
const routes = openRoutes(addresses)
const pickRoute = picker(routes)
const pickKind = picker(REQUEST_KINDS)
const counts = new Map<string, { done: number; failed: number }>()
const lost: string[] = []
const underWay = new Map<number, { what: string; since: number }>()
let started = 0
setInterval(stopIfHanging, 5000).unref()

process.on('uncaughtException', (error) => lose('thrown outside of every call', error))
process.on('unhandledRejection', (error) => lose('rejected outside of every call', error))

console.log(`${requests} requests, ${AT_ONCE} at a time, --seed ${seed}; memory in MB\n${HEADING}`)
for (const { client, base } of openRoutes(addresses).slice(0, 1)) {
  await client.get(`${base}/empty/0`) // what is made once, is made now
  await client.close()
}
const measures = [await measure(0, signal)]
console.log(row(measures[0]!))
for (let i = 1; i <= checkpoints && performance.now() < endTime; i++) {
  const until = Math.round((requests * i) / checkpoints)
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(until)))
  measures.push(await measure(started, signal))
  const seconds = (performance.now() - start) / 1000
  const left = Math.ceil((seconds / started) * (requests - started))
  console.log(
    `${row(measures.at(-1)!)}   ${Math.round(started / seconds)}/s, ${left} s left, ${lost.length} lost`,
  )
}
for (const { client } of routes) await client.close()
await sleep(1500) // for a second Node's http.Server, behind the app, keeps a timer for the date
measures.push(await measure(started, signal))
console.log(`${row(measures.at(-1)!)}   all closed`)
const leaks = findLeaks(measures)
servers.disconnect()

console.log(
  `\n${'route'.padEnd(16)}${'requests'.padStart(10)}${'failed as they should'.padStart(24)}`,
)
for (const [name, { done, failed }] of counts) {
  console.log(`${name.padEnd(16)}${String(done).padStart(10)}${String(failed).padStart(24)}`)
}
for (const leak of leaks) console.log(`\nLEFT ${leak}`)
const minutes = ((performance.now() - start) / 60_000).toFixed(1)
console.log(
  `\n${started} requests in ${minutes} minutes, --seed ${seed}: ${lost.length} lost, ${leaks.length} leaks`,
)
process.exitCode = lost.length + leaks.length === 0 ? 0 : 1

/** One request after another, until so many were started by all. */
async function work(until: number): Promise<void> {
  while (started < until && performance.now() < endTime) {
    const task: Task = { route: pickRoute(), id: started++, random, signal }
    const kind = pickKind()
    underWay.set(task.id, { what: `${kind.name}, ${task.route.name}`, since: performance.now() })
    await attempt(kind, task)
    underWay.delete(task.id)
  }
}

async function attempt(kind: RequestKind, task: Task): Promise<void> {
  const { name, isRigged } = task.route
  const count = counts.get(name) ?? { done: 0, failed: 0 }
  counts.set(name, count)
  count.done++
  try {
    await kind.run(task)
  } catch (error) {
    count.failed++
    if (!isRigged || !(error instanceof HawserError)) lose(`${kind.name}, ${name}`, error)
  }
}

function lose(what: string, error: unknown): void {
  const text = `LOST ${what}: ${inspect(error)}`
  if (lost.push(text) <= SHOWN) console.log(text)
}

function stopIfHanging(): void {
  const now = performance.now()
  for (const { what, since } of underWay.values()) {
    if (now - since < HANG) continue
    console.log(`LOST ${what}: it does not end`)
    process.exit(1)
  }
}

function picker<Item extends { readonly weight: number }>(items: readonly Item[]): () => Item {
  const all = items.flatMap((item) => new Array<Item>(item.weight).fill(item))
  return () => all[random(all.length)]!
}
