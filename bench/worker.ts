// A process of its own for one contestant. Forked by processes.ts.
import type { Contestant, Job } from './contestants/contestant.ts'
import { contestants, isContestant } from './contestants/index.ts'
import { measureIdleMemory } from './measures/idle-memory.ts'
import { measureLatency } from './measures/latency.ts'
import { measureRate, warmUp } from './measures/rate.ts'
import { recorded } from './measures/recorder.ts'
import { measureTail } from './measures/tail.ts'
import type { FromWorker, SliceOrder, ToWorker } from './messages.ts'
import type { Sample } from './statistics.ts'

let contestant: Contestant | undefined
let residentBefore = 0
let residentPeak = 0

async function open(name: string, job: Job): Promise<FromWorker> {
  if (!isContestant(name)) throw new Error(`no contestant named ${name}`)
  const module = await contestants[name]()
  contestant = await module.open(job)
  residentBefore = process.memoryUsage.rss()
  if (job.reading === 'stream') setInterval(watchMemory, 20).unref()
  return { kind: 'opened' }
}

function watchMemory() {
  residentPeak = Math.max(residentPeak, process.memoryUsage.rss())
}

function opened(): Contestant {
  if (!contestant) throw new Error('told to run before it was told what to open')
  return contestant
}

async function runSlice(order: SliceOrder): Promise<Sample> {
  const { measure, requests, lanes } = order
  if (measure === 'latency') return measureLatency(opened(), requests)
  if (measure === 'tail') return measureTail(opened(), requests, order.perSecond ?? 1000)
  if (measure === 'idle-memory') return measureIdleMemory(opened(), lanes)
  const sample = await measureRate(opened(), requests, lanes)
  watchMemory()
  return { ...sample, peakBytes: residentPeak - residentBefore }
}

/** Connections that were closed while others had their turn are opened again, uncounted. */
async function prepare({ measure, requests, lanes }: SliceOrder): Promise<void> {
  globalThis.gc?.()
  if (measure === 'rate' || measure === 'tail') await opened().run(Math.min(lanes, requests), lanes)
  if (measure === 'latency') await opened().run(1, 1)
}

async function obey(order: ToWorker): Promise<FromWorker> {
  if (order.kind === 'open') return open(order.contestant, order.job)
  if (order.kind === 'warmUp') {
    const { measure, requests, lanes } = order.slice
    if (measure === 'latency') await measureLatency(opened(), Math.min(requests, 50))
    const requestsPerSecond = await warmUp(opened(), order.seconds, lanes)
    return { kind: 'warm', requestsPerSecond }
  }
  await prepare(order.slice)
  const { record, slice } = order
  const run = () => runSlice(slice)
  return { kind: 'sample', sample: await (record ? recorded(record, run) : run()) }
}

function answer(message: FromWorker) {
  process.send?.(message)
}

process.on('message', (order: ToWorker) => {
  obey(order).then(answer, (error: unknown) => {
    answer({ kind: 'failed', message: error instanceof Error ? (error.stack ?? '') : `${error}` })
  })
})
// Whoever told us what to do is gone, or has had enough.
process.on('disconnect', () => process.exit())
// Ctrl-C reaches the whole group; the run that forked us tidies up.
process.on('SIGINT', () => {})
