import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { contestantNames, isContestant } from './contestants/index.ts'
import { formatCount, formatMicros } from './format.ts'
import { printAllocations } from './profiles/allocations.ts'
import type { CpuProfile } from './profiles/cpu.ts'
import { printCpu } from './profiles/cpu.ts'
import { openContestant, runSlice, startWorker, warmUp } from './rounds.ts'
import { exitOnSignals, withServer } from './servers/with-server.ts'
import { cpuPerRequest, rate } from './statistics.ts'
import { workloads } from './workloads/index.ts'

const usage = `Usage: node dist/bench/profile.js WORKLOAD [CONTESTANT] [options]

Profiles one contestant (default: hawser-request) and prints the functions that take
the most CPU time.

  --seconds S         length of the recorded slice in seconds (default: 3)
  --top N             number of functions to print (default: 30)
  --lines             also prints the lines with the most samples of the top functions
  --allocations       profiles memory allocations instead of CPU time; for idle-memory,
                      only the memory that is still in use at the end
  --interval N        microseconds between samples (default: 200), or bytes between
                      sampled allocations (default: 4096)
  --out FILE          writes the profile to FILE, for Chrome DevTools or speedscope
  --node-flags FLAGS  flags for the worker, e.g. "--trace-deopt"
  --server KIND       nginx or embedded
  --help              shows this help
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
    console.log(
      `${usage}\nWorkloads: ${names.join(' ')}\nContestants: ${contestantNames.join(' ')}`,
    )
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
  exitOnSignals()

  await withServer(options.server, async (server) => {
    const worker = startWorker(name, workload, options['node-flags'].split(' ').filter(Boolean))
    try {
      await openContestant(worker, name, workload, server)
      const requests = workload.measure === 'idle-memory' ? 0 : await warmUp(worker, workload, pace)
      const sample = await runSlice(worker, workload, requests, { what, file, interval })
      const summary = `${formatCount(rate(sample))} req/s, ${formatMicros(cpuPerRequest(sample))} CPU per request`
      console.log(`${workload.name}, ${name}: ${summary} while recording; ${server.name}\n`)
      const recording: unknown = JSON.parse(readFileSync(file, 'utf8'))
      const printOptions = { requests: sample.requests, top: Number(options.top) }
      if (options.allocations) printAllocations(recording, printOptions)
      else printCpu(recording as CpuProfile, { ...printOptions, lines: options.lines })
    } finally {
      await worker.end()
    }
  })
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
