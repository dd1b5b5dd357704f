import type { Job } from './contestants/contestant.ts'
import type { ContestantName } from './contestants/index.ts'
import { ForkedProcess } from './forked-process.ts'
import { fixedYoungGenerationFlags } from './measures/idle-memory.ts'
import type { ServerAddress, SliceCommand, WorkerCommand, WorkerReply } from './messages.ts'
import type { Sample } from './statistics.ts'
import type { Workload } from './workloads/workload.ts'

/** How much is measured. */
export interface Pace {
  rounds: number
  /** Intended duration of a measured slice. */
  sliceSeconds: number
  warmUpSeconds: number
}

/** The samples of each contestant, one per round, and the reason of its failure if it failed. */
export type Results = Map<ContestantName, { samples: Sample[]; failure?: string }>

/** A workload and its results. */
export interface Outcome {
  workload: Workload
  results: Results
}

/** Called at the start of each turn, and with a sample at its end. Round 0 is the warm-up. */
export type OnProgress = (round: number, contestant: ContestantName, sample?: Sample) => void

export type Worker = ForkedProcess<WorkerCommand, WorkerReply>

/** A worker that does not reply in this time is considered to hang. */
const TIMEOUT_SECONDS = 90

/**
 * Whether each sample needs a new process: memory is measured with a client that was not used
 * before.
 */
const needsFreshProcess = (workload: Workload) => workload.measure === 'idle-memory'

export function roundsOf({ maxRounds = Infinity }: Workload, { rounds }: Pace): number {
  return Math.min(rounds, maxRounds)
}

/** Returns the duration of a slice in seconds. Percentiles such as p99.9 need many requests. */
export function sliceSecondsOf({ measure, sliceSeconds }: Workload, pace: Pace): number {
  return sliceSeconds ?? pace.sliceSeconds * (measure === 'tail' ? 4 : 1)
}

/**
 * Measures a workload. All workers exist at the same time, and take turns in a different order in
 * each round, so that a disturbance of the machine affects all of them.
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

  const runOrRecordFailure = async (name: ContestantName, work: () => Promise<void>) => {
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
    if (!needsFreshProcess(workload)) {
      for (const name of names) {
        await runOrRecordFailure(name, async () => {
          onProgress(0, name)
          const worker = startWorker(name, workload)
          workers.set(name, { worker, requests: 0 })
          await openContestant(worker, name, workload, server)
          const requests = await warmUp(worker, workload, pace)
          workers.set(name, { worker, requests })
        })
      }
    }
    for (let round = 1; round <= rounds; round++) {
      for (const name of rotate(names, round)) {
        await runOrRecordFailure(name, async () => {
          onProgress(round, name)
          const { worker, requests } = workers.get(name) ?? {
            worker: startWorker(name, workload),
            requests: 0,
          }
          workers.set(name, { worker, requests })
          if (needsFreshProcess(workload)) await openContestant(worker, name, workload, server)
          const sample = await runSlice(worker, workload, requests)
          if (needsFreshProcess(workload)) {
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
  const flags = workload.measure === 'idle-memory' ? fixedYoungGenerationFlags : []
  return new ForkedProcess('worker', name, ['--expose-gc', ...flags, ...nodeFlags])
}

export async function openContestant(
  worker: Worker,
  name: ContestantName,
  workload: Workload,
  server: ServerAddress,
): Promise<void> {
  const job = jobOf(workload, server)
  await worker.ask({ kind: 'open', contestant: name, job }, TIMEOUT_SECONDS)
}

/** Warms up a worker, and returns the number of requests of a slice. */
export async function warmUp(worker: Worker, workload: Workload, pace: Pace): Promise<number> {
  const { measure, concurrency, perSecond } = workload
  const seconds = sliceSecondsOf(workload, pace)
  const slice = sliceOf(workload, workload.requests ?? concurrency)
  const command = { kind: 'warmUp', seconds: pace.warmUpSeconds, slice } as const
  const reply = await worker.ask(command, TIMEOUT_SECONDS)
  if (reply.kind !== 'warm') throw new Error(`Unexpected reply: ${reply.kind}`)
  if (workload.requests !== undefined) return workload.requests
  // Each request takes about 0.5 ms, after a pause of 5 ms.
  if (measure === 'latency') return Math.round((seconds * 1000) / 5.5)
  if (perSecond !== undefined) return Math.round(perSecond * seconds)
  // A multiple of the concurrency, so that a slice does not end with few requests in flight.
  return Math.max(1, Math.round((reply.requestsPerSecond * seconds) / concurrency)) * concurrency
}

/** Measures one slice. `record` also records a profile of it. */
export async function runSlice(
  worker: Worker,
  workload: Workload,
  requests: number,
  record?: Extract<WorkerCommand, { kind: 'slice' }>['record'],
): Promise<Sample> {
  const slice = sliceOf(workload, requests)
  const command = { kind: 'slice', slice, ...(record && { record }) } as const
  const reply = await worker.ask(command, TIMEOUT_SECONDS)
  if (reply.kind !== 'sample') throw new Error(`Unexpected reply: ${reply.kind}`)
  return reply.sample
}

function sliceOf({ measure, concurrency, perSecond }: Workload, requests: number): SliceCommand {
  return { measure, concurrency, requests, ...(perSecond !== undefined && { perSecond }) }
}

function jobOf(workload: Workload, server: ServerAddress): Job {
  const { method, path, requestBytes, responseBytes, connections, reading, tls } = workload
  const { origin, hostname, port } = new URL(tls ? server.https : server.http)
  const address = { origin, host: hostname, port: Number(port), tls, ca: server.ca }
  const routes = { forwardProxy: server.http, tunnelProxy: server.tunnelProxy, uds: server.uds }
  return { ...address, ...routes, method, path, requestBytes, responseBytes, connections, reading }
}

function rotate<T>(items: readonly T[], by: number): T[] {
  const first = by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}
