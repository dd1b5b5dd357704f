import type { Job } from './contestants/contestant.ts'
import type { ContestantName } from './contestants/index.ts'
import { fixedYoungGeneration } from './measures/idle-memory.ts'
import type { FromWorker, ServerAddress, SliceOrder, ToWorker } from './messages.ts'
import { Answerer } from './processes.ts'
import type { Sample } from './statistics.ts'
import type { Workload } from './workloads/workload.ts'

export interface Pace {
  rounds: number
  /** How long a measured slice should take. */
  sliceSeconds: number
  warmUpSeconds: number
}

/** Samples of each contestant, one for each round; or why it has none. */
export type Results = Map<ContestantName, { samples: Sample[]; failure?: string }>

/** What became of one workload. */
export interface Outcome {
  workload: Workload
  results: Results
}

export type OnProgress = (round: number, contestant: ContestantName, sample?: Sample) => void

export type Worker = Answerer<ToWorker, FromWorker>

/** Nothing takes so long; a client that hangs must not hang the bench. */
const patienceSeconds = 90

/** Samples of memory need a client that has done nothing else, so a process for each. */
const freshEachRound = (workload: Workload) => workload.measure === 'idle-memory'

export function roundsOf({ maxRounds = Infinity }: Workload, { rounds }: Pace): number {
  return Math.min(rounds, maxRounds)
}

/** About how long a slice takes. What few requests are slow enough to show up in needs many. */
export function sliceSecondsOf({ measure, sliceSeconds }: Workload, pace: Pace): number {
  return sliceSeconds ?? pace.sliceSeconds * (measure === 'tail' ? 4 : 1)
}

/**
 * The workers of a workload are alive together and have their turns one after the other, in another
 * order each round: what disturbs the machine for some seconds then disturbs all of them.
 */
export async function measure(
  workload: Workload,
  names: readonly ContestantName[],
  server: ServerAddress,
  pace: Pace,
  onProgress: OnProgress,
): Promise<Results> {
  const results: Results = new Map()
  for (const name of names) results.set(name, { samples: [] })
  const rounds = roundsOf(workload, pace)
  const workers = new Map<ContestantName, { worker: Worker; requests: number }>()

  const attempt = async (name: ContestantName, work: () => Promise<void>) => {
    const result = results.get(name)
    if (!result || result.failure !== undefined) return
    try {
      await work()
    } catch (error) {
      result.failure = error instanceof Error ? error.message : `${error}`
      await workers.get(name)?.worker.end()
      workers.delete(name)
    }
  }

  try {
    if (!freshEachRound(workload)) {
      for (const name of names) {
        await attempt(name, async () => {
          onProgress(0, name)
          const worker = startWorker(name, workload)
          workers.set(name, { worker, requests: 0 })
          await openIn(worker, name, workload, server)
          const requests = await warmUp(worker, workload, pace)
          workers.set(name, { worker, requests })
        })
      }
    }
    for (let round = 1; round <= rounds; round++) {
      for (const name of rotated(names, round)) {
        await attempt(name, async () => {
          onProgress(round, name)
          const { worker, requests } = workers.get(name) ?? {
            worker: startWorker(name, workload),
            requests: 0,
          }
          workers.set(name, { worker, requests })
          if (freshEachRound(workload)) await openIn(worker, name, workload, server)
          const sample = await runSlice(worker, workload, requests)
          if (freshEachRound(workload)) {
            workers.delete(name)
            await worker.end()
          }
          results.get(name)?.samples.push(sample)
          onProgress(round, name, sample)
        })
      }
    }
  } finally {
    await Promise.all([...workers.values()].map(({ worker }) => worker.end()))
  }
  return results
}

export function startWorker(
  name: ContestantName,
  workload: Workload,
  nodeFlags: readonly string[] = [],
): Worker {
  const flags = workload.measure === 'idle-memory' ? fixedYoungGeneration : []
  return new Answerer('worker', name, ['--expose-gc', ...flags, ...nodeFlags])
}

export async function openIn(
  worker: Worker,
  name: ContestantName,
  workload: Workload,
  server: ServerAddress,
): Promise<void> {
  const job = jobOf(workload, server)
  await worker.ask({ kind: 'open', contestant: name, job }, patienceSeconds)
}

/** Returns how many requests make a slice. */
export async function warmUp(worker: Worker, workload: Workload, pace: Pace): Promise<number> {
  const { measure, lanes, perSecond } = workload
  const seconds = sliceSecondsOf(workload, pace)
  const slice = sliceOf(workload, workload.requests ?? lanes)
  const order = { kind: 'warmUp', seconds: pace.warmUpSeconds, slice } as const
  const answer = await worker.ask(order, patienceSeconds)
  if (answer.kind !== 'warm') throw new Error(`unexpected answer ${answer.kind}`)
  if (workload.requests !== undefined) return workload.requests
  // Five milliseconds of gap for each request, and a little for the request itself.
  if (measure === 'latency') return Math.round((seconds * 1000) / 5.5)
  if (perSecond !== undefined) return Math.round(perSecond * seconds)
  // All lanes end together, so that no slice ends with few of them at work.
  return Math.max(1, Math.round((answer.requestsPerSecond * seconds) / lanes)) * lanes
}

export async function runSlice(
  worker: Worker,
  workload: Workload,
  requests: number,
  record?: Extract<ToWorker, { kind: 'slice' }>['record'],
): Promise<Sample> {
  const slice = sliceOf(workload, requests)
  const order = { kind: 'slice', slice, ...(record && { record }) } as const
  const answer = await worker.ask(order, patienceSeconds)
  if (answer.kind !== 'sample') throw new Error(`unexpected answer ${answer.kind}`)
  return answer.sample
}

function sliceOf({ measure, lanes, perSecond }: Workload, requests: number): SliceOrder {
  return { measure, lanes, requests, ...(perSecond !== undefined && { perSecond }) }
}

function jobOf(workload: Workload, server: ServerAddress): Job {
  const { method, path, requestBytes, responseBytes, connections, reading, tls } = workload
  const { origin, hostname, port } = new URL(tls ? server.https : server.http)
  const where = { origin, host: hostname, port: Number(port), tls, ca: server.ca }
  const routes = { forwarder: server.http, tunnels: server.tunnels, uds: server.uds }
  return { ...where, ...routes, method, path, requestBytes, responseBytes, connections, reading }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
