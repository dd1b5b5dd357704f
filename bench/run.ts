import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { contestantNames, isContestant } from './contestants/index.ts'
import type { Machine } from './machine.ts'
import { describeMachine } from './machine.ts'
import type { Outcome } from './report.ts'
import { contestantTable, count, heading, mainTable, verdicts } from './report.ts'
import type { OnProgress, Pace } from './rounds.ts'
import { measure } from './rounds.ts'
import { stopOnSignals, withServer } from './servers/serving.ts'
import { rate } from './statistics.ts'
import type { Workload } from './workloads.ts'
import { contestantsOf, workloads } from './workloads.ts'

const usage = `npm run bench -- [options]

  --only NAMES          these workloads (comma-separated)
  --contestants NAMES   these contestants
  --quick               short slices, only what has a target: about 3 minutes
  --rounds N            rounds of each workload (5)
  --seconds S           length of a slice (1; quick: 0.35)
  --server KIND         nginx or embedded (nginx when it is installed)
  --json FILE           writes all figures
  --strict              exits with 1 when a target is missed
  --list                names the workloads and contestants
`

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    contestants: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string' },
    server: { type: 'string' },
    json: { type: 'string' },
    strict: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  if (options.help) return console.log(usage)
  if (options.list) return list()
  const chosen = chosenWorkloads()
  const taking = chosenContestants()
  const pace = chosenPace()
  stopOnSignals()

  await withServer(options.server, async (server) => {
    const machine = describeMachine(server)
    console.log(`${heading(machine, pace)}\n`)
    const outcomes: Outcome[] = []
    for (const workload of chosen) {
      const names = taking ?? contestantsOf(workload, options.quick)
      const results = await measure(workload, names, server, pace, progressOf(workload, pace))
      outcomes.push({ workload, results })
      sayDone({ workload, results })
    }
    const judged = outcomes.flatMap(verdicts)
    console.log(`\n${mainTable(outcomes)}\n\n${contestantTable(outcomes)}\n`)
    console.log(`${judged.filter(({ met }) => met).length} of ${judged.length} targets are met.`)
    if (options.json !== undefined) writeJson(options.json, { machine, pace, outcomes })
    if (hasFailed(outcomes)) process.exitCode = 1
    if (options.strict && judged.some(({ met }) => !met)) process.exitCode = 1
  })
}

function list(): void {
  for (const { name, title } of workloads) console.log(`${name.padEnd(18)}${title}`)
  console.log(`\ncontestants: ${contestantNames.join(', ')}`)
}

function chosenWorkloads(): readonly Workload[] {
  const names = options.only?.split(',')
  for (const name of names ?? []) {
    if (!workloads.some((workload) => workload.name === name)) {
      throw new Error(`no workload named ${name}; --list names them`)
    }
  }
  return workloads.filter(({ name }) => names?.includes(name) ?? true)
}

function chosenContestants() {
  return options.contestants?.split(',').map((name) => {
    if (!isContestant(name)) throw new Error(`no contestant named ${name}; --list names them`)
    return name
  })
}

function chosenPace(): Pace {
  const sliceSeconds = positive('seconds', options.seconds ?? (options.quick ? '0.35' : '1'))
  const rounds = Math.ceil(positive('rounds', options.rounds))
  return { rounds, sliceSeconds, warmUpSeconds: options.quick ? 0.5 : 1 }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1000)) throw new Error(`--${name}: not a positive number: ${text}`)
  return value
}

/** A line that changes, on a terminal only. */
function progressOf(workload: Workload, pace: Pace): OnProgress {
  if (!process.stderr.isTTY) return () => {}
  let last = ''
  return (round, name, sample) => {
    const where = round === 0 ? 'warming up' : `round ${round}/${pace.rounds}`
    if (sample) last = `  (${name}: ${count(rate(sample))}/s)`
    process.stderr.write(`\r\x1b[K${workload.name}  ${where}  ${name}${last}`)
  }
}

function sayDone(outcome: Outcome): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const parts = verdicts(outcome).map(
    ({ what, median, wanted, met }) => `${what} ${median.toFixed(2)} (${wanted})${met ? '' : ' !'}`,
  )
  process.stderr.write(`${outcome.workload.name.padEnd(18)}${parts.join('; ') || 'done'}\n`)
  for (const { failure } of outcome.results.values()) {
    if (failure !== undefined) process.stderr.write(`  FAILED: ${failure}\n`)
  }
}

function hasFailed(outcomes: readonly Outcome[]): boolean {
  return outcomes.some(({ results }) =>
    [...results.values()].some(({ failure }) => failure !== undefined),
  )
}

function writeJson(
  file: string,
  everything: { machine: Machine; pace: Pace; outcomes: Outcome[] },
): void {
  const outcomes = everything.outcomes.map(({ workload, results }) => ({
    workload,
    results: Object.fromEntries(results),
    verdicts: verdicts({ workload, results }),
  }))
  writeFileSync(file, `${JSON.stringify({ ...everything, outcomes }, undefined, 2)}\n`)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
