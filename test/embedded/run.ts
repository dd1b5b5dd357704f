// The command `npm run test:embedded`: packs Hawser, installs it into fresh projects, and runs the
// checks of scenario.ts in bundles, test frameworks, and with options of the runtimes.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { formatTable } from '../../bench/format.ts'
import { install, runtime } from '../runtimes/runtimes.ts'
import type { Framework, FrameworkCell } from './frameworks.ts'
import { DOM_ENVIRONMENTS, readReport, TIMERS, writeTests } from './frameworks.ts'
import { Projects, runProgram } from './project.ts'

const HELP = `Usage: npm run test:embedded -- [options] [WORDS]

Runs the same checks wherever Hawser is embedded: in bundles, in test frameworks, and with options
of the runtimes. Prints a table, and exits with 1 if a check fails. WORDS select rows that contain
one of them. Takes about five minutes, and installs 400 MB in .embedded/ and 1 GB in .runtimes/.

  --short    the rows that differ most: at most three minutes
  --help     shows this help`

/** A row of the table: an environment, and the checks that fail in it. */
interface Row {
  readonly name: string
  readonly failures: readonly string[]
}

interface Job {
  /** The names of its rows. */
  readonly names: readonly string[]
  /** Whether it runs with --short. */
  readonly isShort: boolean
  run(): Promise<Row[]>
}

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) console.log(HELP)
else await main()

async function main(): Promise<void> {
  install()
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'hawser-embedded-')))
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
  process.on('SIGINT', () => process.exit(130)).on('SIGTERM', () => process.exit(143))
  const server = fork(fileURLToPath(new URL('./server.js', import.meta.url)))
  try {
    const [url] = (await once(server, 'message')) as [string]
    const jobs = jobsFor(new Projects(scratch), url).filter(
      ({ names, isShort }) =>
        (isShort || !options.short) &&
        (words.length === 0 || names.some((name) => words.some((word) => name.includes(word)))),
    )
    const rows: Row[][] = Array.from(jobs, () => [])
    const queue = [...jobs.entries()]
    const work = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [index, job] = next
        rows[index] = await job
          .run()
          .catch((error: Error) => job.names.map((name) => ({ name, failures: [error.message] })))
        for (const { name, failures } of rows[index]) console.log(`${name}: ${outcome(failures)}`)
      }
    }
    await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work))
    report(rows.flat())
  } finally {
    server.disconnect()
  }
}

function report(rows: readonly Row[]): void {
  console.log(`\n${formatTable(['environment', 'result'], rows.map(toCells))}`)
  for (const { name, failures } of rows) {
    for (const failure of failures) console.log(`\n${name}: ${failure}`)
  }
  process.exitCode = rows.length > 0 && rows.every(({ failures }) => failures.length === 0) ? 0 : 1
}

function toCells({ name, failures }: Row): string[] {
  return [name, outcome(failures)]
}

function outcome(failures: readonly string[]): string {
  return failures.length === 0 ? 'passes' : `${failures.length} failed`
}

function jobsFor(projects: Projects, url: string): Job[] {
  const [node, newest] = [runtime('node24').binary, runtime('node26').binary]
  const [bun, deno] = [runtime('bun').binary, runtime('deno').binary]

  /** A program that prints the failures. The function makes its folder and its command. */
  const program = (
    name: string,
    prepare: () => readonly [folder: string, ...command: string[]],
    isShort = true,
  ): Job => ({
    names: [name],
    isShort,
    async run() {
      const [folder, ...command] = prepare()
      const printed = await runProgram(folder, [...command, url])
      return [{ name, failures: JSON.parse(printed) as string[] }]
    },
  })

  const bundle = (tool: string, format: 'esm' | 'cjs', isShort: boolean): Job => {
    const places = ['without node_modules', 'with node_modules']
    const names = places.map((place) => `${tool}, ${format === 'esm' ? 'ESM' : 'CJS'}, ${place}`)
    return {
      names,
      isShort,
      async run() {
        const project = projects.create(`${tool}-${format}`, 'module')
        const folders = [projects.createEmpty(`${tool}-${format}-bundle`), project]
        const rows: Row[] = []
        for (const [i, folder] of folders.entries()) {
          const file = join(folder, `bundle.${format === 'esm' ? 'mjs' : 'cjs'}`)
          const bundling = fileURLToPath(new URL('./bundle.js', import.meta.url))
          await runProgram(project, [node, bundling, tool, format, file])
          const printed = await runProgram(folder, [node, file, url])
          rows.push({ name: names[i]!, failures: JSON.parse(printed) as string[] })
        }
        return rows
      },
    }
  }

  const tests = (
    framework: Framework,
    module: 'esm' | 'cjs',
    isShort: boolean,
    cells: readonly FrameworkCell[],
  ): Job => {
    const title = framework === 'vitest' ? 'vitest' : `Jest, ${module === 'esm' ? 'ESM' : 'CJS'}`
    const names = cells.map(({ environment, timers }) => `${title}, ${environment}, ${timers}`)
    return {
      names,
      isShort,
      async run() {
        const folder = projects.create(
          `${framework}-${module}-${isShort}`,
          module === 'esm' ? 'module' : 'commonjs',
        )
        writeTests(folder, framework, module, cells)
        const path = join(folder, 'report.json')
        const command =
          framework === 'vitest'
            ? ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', `--outputFile=${path}`]
            : ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${path}`]
        const flags = module === 'esm' && framework === 'jest' ? ['--experimental-vm-modules'] : []
        const variables = { HAWSER_SERVER: url }
        const ended = runProgram(folder, [node, ...flags, ...command], variables)
        const error = await ended.then(
          () => null,
          (reason: Error) => reason,
        )
        return cells.map((cell, i) => {
          try {
            return { name: names[i]!, failures: readReport(path, cell) }
          } catch {
            return { name: names[i]!, failures: [error?.message ?? 'no report'] }
          }
        })
      },
    }
  }

  const all = DOM_ENVIRONMENTS.flatMap((environment) =>
    TIMERS.map((timers) => ({ environment, timers })),
  )
  const isFake = ({ timers }: FrameworkCell) => timers === 'fake timers'
  const fake = all.filter(isFake)
  const real = all.filter((cell) => !isFake(cell))
  const inProject = (folder: string, ...command: string[]) =>
    [projects.create(folder, 'module'), ...command] as const

  return [
    program('Node.js, import', () => inProject('import', node, 'program.js')),
    program('Node.js, require', () => inProject('require', node, '-e', "require('./program.js')")),
    program('Node.js, worker thread', () => inProject('worker', node, 'in-worker.js')),
    program('Node.js, mock timers of node:test', () => inProject('mock', node, 'mocked-timers.js')),
    program('Node.js, --frozen-intrinsics', () =>
      inProject('frozen', node, '--frozen-intrinsics', 'program.js'),
    ),
    program(
      'Node.js 24, --permission',
      () => {
        const folder = projects.create('permission', 'module')
        return [folder, node, '--permission', `--allow-fs-read=${folder}`, 'program.js']
      },
      false,
    ),
    program('Node.js 26, --permission --allow-net', () => {
      const folder = projects.create('permission-net', 'module')
      const flags = ['--permission', '--allow-net', `--allow-fs-read=${folder}`]
      return [folder, newest, ...flags, 'program.js']
    }),
    program('Deno, --allow-net', () =>
      inProject('deno', deno, 'run', '--allow-net', '--no-prompt', 'program.js'),
    ),
    program('Bun', () => inProject('bun', bun, 'program.js'), false),
    program('tsx, ESM', () =>
      inProject('tsx', node, 'node_modules/tsx/dist/cli.mjs', 'program.ts'),
    ),
    program(
      'tsx, CJS',
      () => {
        const folder = projects.create('tsx-cjs', 'commonjs')
        return [folder, node, 'node_modules/tsx/dist/cli.mjs', 'program.ts']
      },
      false,
    ),
    bundle('esbuild', 'cjs', true),
    bundle('esbuild', 'esm', true),
    bundle('webpack', 'cjs', true),
    bundle('webpack', 'esm', false),
    bundle('rollup', 'esm', true),
    bundle('rollup', 'cjs', false),
    bundle('rolldown', 'esm', true),
    bundle('rolldown', 'cjs', false),
    tests('jest', 'cjs', true, fake),
    tests('jest', 'cjs', false, real),
    tests('jest', 'esm', true, fake),
    tests('jest', 'esm', false, real),
    tests('vitest', 'esm', true, fake),
    tests('vitest', 'esm', false, real),
  ]
}
