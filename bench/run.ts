import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Figures } from './figures.ts'
import { figuresFromJsonLines } from './figures.ts'
import { describeMachine } from './machine.ts'
import { createPlan, listNames } from './plan.ts'
import { Progress } from './progress.ts'
import { checkReadme, publish, writeReport } from './report/write.ts'
import type { Outcome, Pace } from './rounds.ts'
import { measure } from './rounds.ts'
import { exitOnSignals, withServer } from './servers/with-server.ts'
import { contestantTable, heading, targetTable } from './tables.ts'
import { verdictsOf } from './verdicts.ts'

const usage = `Usage: npm run bench -- [options]

Measures Hawser and other clients, and writes a report. Takes 10 to 12 minutes.

  --only NAMES          only these workloads (comma-separated)
  --contestants NAMES   only these contestants (comma-separated)
  --quick               only workloads with a target, in shorter slices: about 4 minutes
  --rounds N            rounds of each workload (default: 5)
  --seconds S           length of a slice in seconds (default: 0.4, with --quick 0.35)
  --server KIND         nginx or embedded (default: nginx if it is installed)
  --report FOLDER       folder of the report (default: dist/bench-report)
  --publish             writes the report to docs/bench, and a summary to README.md
  --from FILE           creates the report from a figures.jsonl, without measuring
  --strict              exits with 1 if a target is missed
  --list                shows all workloads and contestants
  --help                shows this help
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
  if (options.list) return console.log(listNames())
  const isPartial = options.quick || [options.only, options.contestants].some(Boolean)
  for (const option of ['publish', 'from'] as const) {
    if (!isPartial || !options[option]) continue
    throw new Error(`--${option} needs all workloads: remove --only, --contestants and --quick`)
  }
  if (options.publish) checkReadme()
  const figures =
    options.from === undefined
      ? await measureAll()
      : figuresFromJsonLines(readFileSync(options.from, 'utf8'))
  const { machine, pace, outcomes } = figures
  const verdicts = outcomes.flatMap(verdictsOf)
  console.log(`\n${heading(machine, pace)}\n`)
  console.log(`${targetTable(outcomes)}\n\n${contestantTable(outcomes)}\n`)
  console.log(`${verdicts.filter(({ met }) => met).length} of ${verdicts.length} targets are met.`)
  const page = options.publish ? publish(figures) : writeReport(options.report, figures)
  console.log(`Report: ${page}`)
  if (outcomes.some(hasFailed)) process.exitCode = 1
  if (options.strict && verdicts.some(({ met }) => !met)) process.exitCode = 1
}

async function measureAll(): Promise<Figures> {
  const { quick } = options
  const only = options.only?.split(',')
  const contestants = options.contestants?.split(',')
  const steps = createPlan({ ...(only && { only }), ...(contestants && { contestants }), quick })
  const pace = chosenPace()
  const start = performance.now()
  exitOnSignals()

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
  const sliceSeconds = parsePositive('seconds', options.seconds ?? (options.quick ? '0.35' : '0.4'))
  const rounds = Math.ceil(parsePositive('rounds', options.rounds))
  return { rounds, sliceSeconds, warmUpSeconds: 0.5 }
}

function parsePositive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1000)) {
    throw new Error(`--${name}: expected a number above 0 and below 1000, got ${text}`)
  }
  return value
}

function hasFailed({ results }: Outcome): boolean {
  return [...results.values()].some(({ failure }) => failure !== undefined)
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
