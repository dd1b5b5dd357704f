import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Figures } from './figures.ts'
import { fromLines } from './figures.ts'
import { describeMachine } from './machine.ts'
import { everyName, planOf } from './plan.ts'
import { Progress } from './progress.ts'
import { checkPlace, publish, writeReport } from './report/write.ts'
import type { Outcome, Pace } from './rounds.ts'
import { measure } from './rounds.ts'
import { stopOnSignals, withServer } from './servers/serving.ts'
import { contestantTable, heading, mainTable } from './tables.ts'
import { verdicts } from './verdicts.ts'

const usage = `npm run bench -- [options]

  --only NAMES          these workloads (comma-separated)
  --contestants NAMES   these contestants
  --quick               short slices, only what has a target: about 4 minutes
  --rounds N            rounds of each workload (5)
  --seconds S           length of a slice (0.4; quick: 0.35)
  --server KIND         nginx or embedded (nginx when it is installed)
  --report FOLDER       where the report goes: tables, charts, all figures (dist/bench-report)
  --publish             the report goes to docs/bench, and its figures into README.md
  --from FILE           measures nothing: makes the report of a figures.jsonl again
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
    report: { type: 'string', default: 'dist/bench-report' },
    publish: { type: 'boolean', default: false },
    from: { type: 'string' },
    strict: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  if (options.help) return console.log(usage)
  if (options.list) return console.log(everyName())
  const isPart = options.quick || [options.only, options.contestants].some(Boolean)
  for (const whole of ['publish', 'from'] as const) {
    if (!isPart || !options[whole]) continue
    throw new Error(`--${whole} takes all figures: not with --only, --contestants or --quick`)
  }
  if (options.publish) checkPlace()
  const figures =
    options.from === undefined ? await measureAll() : fromLines(readFileSync(options.from, 'utf8'))
  const { machine, pace, outcomes } = figures
  const judged = outcomes.flatMap(verdicts)
  console.log(`\n${heading(machine, pace)}\n`)
  console.log(`${mainTable(outcomes)}\n\n${contestantTable(outcomes)}\n`)
  console.log(`${judged.filter(({ met }) => met).length} of ${judged.length} targets are met.`)
  const page = options.publish ? publish(figures) : writeReport(options.report, figures)
  console.log(`The report, with charts: ${page}`)
  if (outcomes.some(hasFailed)) process.exitCode = 1
  if (options.strict && judged.some(({ met }) => !met)) process.exitCode = 1
}

async function measureAll(): Promise<Figures> {
  const { quick } = options
  const only = options.only?.split(',')
  const contestants = options.contestants?.split(',')
  const steps = planOf({ ...(only && { only }), ...(contestants && { contestants }), quick })
  const pace = chosenPace()
  const start = performance.now()
  stopOnSignals()

  return withServer(options.server, async (server) => {
    const machine = describeMachine(server)
    const progress = new Progress(steps, pace, process.stderr)
    const outcomes: Outcome[] = []
    for (const step of steps) {
      const { workload, names } = step
      progress.begin(step)
      const results = await measure(workload, names, server, pace, (round, name, sample) => {
        progress.turn(step, round, name, sample)
      })
      outcomes.push({ workload, results })
      progress.done(step, { workload, results })
    }
    return { machine, pace, seconds: (performance.now() - start) / 1000, outcomes }
  })
}

function chosenPace(): Pace {
  const sliceSeconds = positive('seconds', options.seconds ?? (options.quick ? '0.35' : '0.4'))
  const rounds = Math.ceil(positive('rounds', options.rounds))
  return { rounds, sliceSeconds, warmUpSeconds: 0.5 }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1000)) throw new Error(`--${name}: not a positive number: ${text}`)
  return value
}

function hasFailed({ results }: Outcome): boolean {
  return [...results.values()].some(({ failure }) => failure !== undefined)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
