import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { contestantNames, isContestant } from './contestants/index.ts'
import { count, micros } from './format.ts'
import { printAllocations } from './profiles/allocations.ts'
import type { CpuProfile } from './profiles/cpu.ts'
import { printCpu } from './profiles/cpu.ts'
import { openIn, runSlice, startWorker, warmUp } from './rounds.ts'
import { stopOnSignals, withServer } from './servers/serving.ts'
import { cpuPerRequest, rate } from './statistics.ts'
import { workloads } from './workloads/index.ts'

const usage = `node dist/bench/profile.js WORKLOAD [CONTESTANT] [options]

Runs one contestant (hawser-request when not said) and prints where its time goes.

  --seconds S         length of the recorded slice (3)
  --top N             so many functions (30)
  --lines             the hottest lines of the first functions too
  --allocations       where memory is allocated, collected or not, instead of time; for
                      idle-memory, where that is allocated which is still there at the end
  --interval N        microseconds between samples (200), or bytes between allocations (4096)
  --out FILE          keeps the recording, for Chrome's devtools or speedscope
  --node-flags FLAGS  for the worker, e.g. "--trace-deopt"; what it prints comes before the table
  --server KIND       nginx or embedded
`

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    top: { type: 'string', default: '30' },
    lines: { type: 'boolean', default: false },
    allocations: { type: 'boolean', default: false },
    interval: { type: 'string' },
    out: { type: 'string' },
    'node-flags': { type: 'string', default: '' },
    server: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const [workloadName, name = 'hawser-request'] = positionals
  const workload = workloads.find((candidate) => candidate.name === workloadName)
  if (options.help || !workload || !isContestant(name)) {
    const names = workloads.map((candidate) => candidate.name)
    console.log(`${usage}\n  ${names.join(' ')}\n  ${contestantNames.join(' ')}`)
    process.exitCode = options.help ? 0 : 1
    return
  }
  const memory = workload.measure === 'idle-memory' ? 'retained' : 'allocations'
  const what = options.allocations ? memory : 'cpu'
  const interval = Number(options.interval ?? (options.allocations ? 4096 : 200))
  const pace = { rounds: 1, sliceSeconds: Number(options.seconds), warmUpSeconds: 1.5 }
  const folder = mkdtempSync(join(tmpdir(), 'hawser-profile-'))
  const extension = options.allocations ? 'heapprofile' : 'cpuprofile'
  const file = options.out ? resolve(options.out) : join(folder, `recording.${extension}`)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  stopOnSignals()

  await withServer(options.server, async (server) => {
    const worker = startWorker(name, workload, options['node-flags'].split(' ').filter(Boolean))
    try {
      await openIn(worker, name, workload, server)
      const requests = workload.measure === 'idle-memory' ? 0 : await warmUp(worker, workload, pace)
      const sample = await runSlice(worker, workload, requests, { what, file, interval })
      const speed = `${count(rate(sample))} req/s, ${micros(cpuPerRequest(sample))} CPU per request`
      console.log(`${workload.name}, ${name}: ${speed} while recording; ${server.name}\n`)
      const recording: unknown = JSON.parse(readFileSync(file, 'utf8'))
      const shown = { requests: sample.requests, top: Number(options.top) }
      if (options.allocations) printAllocations(recording, shown)
      else printCpu(recording as CpuProfile, { ...shown, lines: options.lines })
    } finally {
      await worker.end()
    }
  })
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
