// `npm run soak -- [--requests N] [--seconds S] [--seed S]`: makes many requests of every kind over
// every route, with faults, cancellations and timeouts. Prints progress and a summary. The exit
// status is 1 if a request did not end as expected, or if the process holds more resources than
// before.
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

const CONCURRENCY = 192
/** Requests between two measurements of memory, and the limits for the number of measurements. */
const REQUESTS_PER_CHECKPOINT = 2500
const [MIN_CHECKPOINTS, MAX_CHECKPOINTS] = [9, 40]
/** In ms. Every call has a shorter timeout, so one that takes longer hangs. */
const HANG_TIMEOUT = 120_000
const MAX_SHOWN_FAILURES = 10

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const requests = Number(values.requests)
const checkpoints = Math.max(
  MIN_CHECKPOINTS,
  Math.min(MAX_CHECKPOINTS, Math.round(requests / REQUESTS_PER_CHECKPOINT)),
)
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
const failures: string[] = []
const pending = new Map<number, { what: string; since: number }>()
let started = 0
setInterval(stopIfHanging, 5000).unref()

process.on('uncaughtException', (error) => recordFailure('exception outside of any call', error))
process.on('unhandledRejection', (error) => recordFailure('rejection outside of any call', error))

console.log(
  `${requests} requests, ${CONCURRENCY} at once, --seed ${seed}; memory in MB\n${HEADING}`,
)
for (const { client, base } of openRoutes(addresses).slice(0, 1)) {
  await client.get(`${base}/empty/0`) // Creates what is created only once.
  await client.close()
}
const measures = [await measure(0, signal)]
console.log(row(measures[0]!))
for (let i = 1; i <= checkpoints && performance.now() < endTime; i++) {
  const until = Math.round((requests * i) / checkpoints)
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(until)))
  measures.push(await measure(started, signal))
  const seconds = (performance.now() - start) / 1000
  const left = Math.ceil((seconds / started) * (requests - started))
  console.log(
    `${row(measures.at(-1)!)}   ${Math.round(started / seconds)}/s, ${left} s left, ${failures.length} failed`,
  )
}
for (const { client } of routes) await client.close()
// Node's http.Server, which the app uses, keeps a timer for the Date field for a second.
await sleep(1500)
measures.push(await measure(started, signal))
console.log(`${row(measures.at(-1)!)}   after closing`)
const leaks = findLeaks(measures)
servers.disconnect()

console.log(`\n${'route'.padEnd(24)}${'requests'.padStart(10)}${'failed as expected'.padStart(24)}`)
for (const [name, { done, failed }] of counts) {
  console.log(`${name.padEnd(24)}${String(done).padStart(10)}${String(failed).padStart(24)}`)
}
for (const leak of leaks) console.log(`\nLEAK ${leak}`)
const minutes = ((performance.now() - start) / 60_000).toFixed(1)
console.log(
  `\n${started} requests in ${minutes} minutes, --seed ${seed}: ${failures.length} failed, ${leaks.length} leaks`,
)
process.exitCode = failures.length + leaks.length === 0 ? 0 : 1

/** Makes one request after another, until all workers together have started `until` requests. */
async function work(until: number): Promise<void> {
  while (started < until && performance.now() < endTime) {
    const task: Task = { route: pickRoute(), id: started++, random, signal }
    const kind = pickKind()
    pending.set(task.id, { what: `${kind.name}, ${task.route.name}`, since: performance.now() })
    await attempt(kind, task)
    pending.delete(task.id)
  }
}

async function attempt(kind: RequestKind, task: Task): Promise<void> {
  const { name, isFaulty: isRigged } = task.route
  const count = counts.get(name) ?? { done: 0, failed: 0 }
  counts.set(name, count)
  count.done++
  try {
    await kind.run(task)
  } catch (error) {
    count.failed++
    if (!isRigged || !(error instanceof HawserError)) recordFailure(`${kind.name}, ${name}`, error)
  }
}

function recordFailure(what: string, error: unknown): void {
  const text = `FAILED ${what}: ${inspect(error)}`
  if (failures.push(text) <= MAX_SHOWN_FAILURES) console.log(text)
}

function stopIfHanging(): void {
  const now = performance.now()
  for (const { what, since } of pending.values()) {
    if (now - since < HANG_TIMEOUT) continue
    console.log(`FAILED ${what}: the call does not end`)
    process.exit(1)
  }
}

function picker<Item extends { readonly weight: number }>(items: readonly Item[]): () => Item {
  const all = items.flatMap((item) => new Array<Item>(item.weight).fill(item))
  return () => all[random(all.length)]!
}
