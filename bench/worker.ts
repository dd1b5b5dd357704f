// The worker process of one contestant. forked-process.ts starts it.
import type { Contestant, Job } from './contestants/contestant.ts'
import { contestants, isContestant } from './contestants/index.ts'
import { measureIdleMemory } from './measures/idle-memory.ts'
import { measureLatency } from './measures/latency.ts'
import { measureRate, warmUp } from './measures/rate.ts'
import { recordProfile } from './measures/recorder.ts'
import { measureTail } from './measures/tail.ts'
import type { SliceCommand, WorkerCommand, WorkerReply } from './messages.ts'
import type { Sample } from './statistics.ts'

let contestant: Contestant | undefined
let residentBefore = 0
let residentPeak = 0

async function open(name: string, job: Job): Promise<WorkerReply> {
  if (!isContestant(name)) throw new Error(`Unknown contestant: ${name}`)
  const module = await contestants[name]()
  contestant = await module.open(job)
  residentBefore = process.memoryUsage.rss()
  if (job.reading === 'stream') setInterval(watchMemory, 20).unref()
  return { kind: 'opened' }
}

function watchMemory() {
  residentPeak = Math.max(residentPeak, process.memoryUsage.rss())
}

function getContestant(): Contestant {
  if (!contestant) throw new Error('No contestant has been opened')
  return contestant
}

async function runSlice(command: SliceCommand): Promise<Sample> {
  const { measure, requests, concurrency } = command
  if (measure === 'latency') return measureLatency(getContestant(), requests)
  if (measure === 'tail') return measureTail(getContestant(), requests, command.perSecond ?? 1000)
  if (measure === 'idle-memory') return measureIdleMemory(getContestant(), concurrency)
  const sample = await measureRate(getContestant(), requests, concurrency)
  watchMemory()
  return { ...sample, peakBytes: residentPeak - residentBefore }
}

/** Reopens connections that were closed during other turns, so that slices do not measure it. */
async function prepare({ measure, requests, concurrency }: SliceCommand): Promise<void> {
  globalThis.gc?.()
  if (measure === 'rate' || measure === 'tail') {
    await getContestant().run(Math.min(concurrency, requests), concurrency)
  }
  if (measure === 'latency') await getContestant().run(1, 1)
}

async function execute(command: WorkerCommand): Promise<WorkerReply> {
  if (command.kind === 'open') return open(command.contestant, command.job)
  if (command.kind === 'warmUp') {
    const { measure, requests, concurrency } = command.slice
    if (measure === 'latency') await measureLatency(getContestant(), Math.min(requests, 50))
    const requestsPerSecond = await warmUp(getContestant(), command.seconds, concurrency)
    return { kind: 'warm', requestsPerSecond }
  }
  await prepare(command.slice)
  const { record, slice } = command
  const run = () => runSlice(slice)
  return { kind: 'sample', sample: await (record ? recordProfile(record, run) : run()) }
}

function sendReply(message: WorkerReply) {
  process.send?.(message)
}

process.on('message', (command: WorkerCommand) => {
  execute(command).then(sendReply, (error: unknown) => {
    sendReply({
      kind: 'failed',
      message: error instanceof Error ? (error.stack ?? '') : `${error}`,
    })
  })
})
// The parent process has exited, or needs this worker no longer.
process.on('disconnect', () => process.exit())
// Ctrl-C signals the whole process group. The parent then ends its workers.
process.on('SIGINT', () => {})
