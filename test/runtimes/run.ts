// `npm run test:runtimes [-- words]`: the conformance of the backends, and the core tests, on each
// runtime. Words narrow: names of runtimes, and parts of the paths of tests.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { TestResult } from './junit.ts'
import { readReport } from './junit.ts'
import type { Known } from './known.ts'
import { KNOWN } from './known.ts'
import type { Runtime } from './runtimes.ts'
import { install, ROOT, RUNTIME_NAMES, runtime } from './runtimes.ts'

/** Folders of test/ that run where no word says otherwise. */
const SUITES = ['backends', 'client', 'engine', 'protocol']
const FILE_LIMIT = 300_000

interface Counts {
  passed: number
  failed: number
  known: number
  skipped: number
}

process.chdir(ROOT)
const words = process.argv.slice(2)
const isRuntime = (word: string) => RUNTIME_NAMES.some((name) => name.startsWith(word))
const wanted = words.filter(isRuntime)
const files = filesOf(words.filter((word) => !isRuntime(word)))
if (files.length === 0) {
  console.error(`No test matches ${words.join(' ')}`)
  process.exit(1)
}

install()
const scratch = mkdtempSync(join(tmpdir(), 'hawser-runtimes-'))
const table = new Map<string, Counts>()
const failures: string[] = []
try {
  for (const name of RUNTIME_NAMES) {
    if (wanted.length > 0 && !wanted.some((word) => name.startsWith(word))) continue
    const on = runtime(name)
    for (const file of files) runFile(on, file)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
printTable()
for (const failure of failures) console.log(`\n${failure}`)
process.exit(failures.length > 0 ? 1 : 0)

/** Without the end: `client/auth`. */
function filesOf(parts: readonly string[]): string[] {
  const top = join(ROOT, 'dist/test')
  return readdirSync(top, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => name.replaceAll('\\', '/').slice(0, -'.test.js'.length))
    .filter((name) =>
      parts.length > 0
        ? parts.some((part) => name.includes(part))
        : SUITES.some((suite) => name.startsWith(`${suite}/`)),
    )
    .sort()
}

function runFile(on: Runtime, file: string): void {
  const report = join(scratch, 'report.xml')
  rmSync(report, { force: true })
  const path = relative('.', join(ROOT, `dist/test/${file}.test.js`))
  const { status, error, stdout, stderr } = spawnSync(on.binary, on.command(path, report), {
    encoding: 'utf8',
    timeout: FILE_LIMIT,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 28,
    env: { ...process.env, NO_COLOR: '1', HAWSER_NODE: process.execPath },
  })
  let results: TestResult[] = []
  try {
    results = readReport(readFileSync(report, 'utf8'), writerOf(on))
  } catch {
    // It has not come so far: said below.
  }
  const allPassed = results.every(({ outcome }) => outcome !== 'failed')
  if (results.length === 0 || (status !== 0 && allPassed)) {
    const output = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n')
    const message = `${error?.message ?? `ended with status ${status}`}\n${output}`
    results.push({ name: '(the whole file)', outcome: 'failed', message })
  }
  count(on, file, results)
}

function writerOf({ name }: Runtime): 'node' | 'bun' | 'deno' {
  return name === 'bun' || name === 'deno' ? name : 'node'
}

function count(on: Runtime, file: string, results: readonly TestResult[]): void {
  const counts: Counts = { passed: 0, failed: 0, known: 0, skipped: 0 }
  const known = KNOWN.filter((each) => each.on === on.name && each.file === file)
  const met = new Set<Known>()
  for (const { name, outcome, message } of results) {
    const excuse = known.find(({ test }) => test.test(name))
    if (outcome === 'failed' && excuse !== undefined) {
      counts.known += 1
      met.add(excuse)
      continue
    }
    counts[outcome] += 1
    if (outcome === 'failed') failures.push(`${on.name} ${file}: ${name}\n${indent(message)}`)
  }
  console.log(`${on.name} ${on.version} ${file}: ${inWords(counts)}`)
  for (const { reason } of met) console.log(`    known: ${reason}`)
  for (const each of known) {
    if (!met.has(each)) console.log(`    not met any more: ${each.test} (${each.reason})`)
  }
  const row = `${on.name.padEnd(7)} ${on.version.padEnd(9)} ${file.split('/', 1)[0]}`
  const sum = table.get(row) ?? { passed: 0, failed: 0, known: 0, skipped: 0 }
  table.set(row, sum)
  for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += counts[key]
}

function inWords(counts: Counts): string {
  return Object.entries(counts)
    .filter(([, amount]) => amount > 0)
    .map(([outcome, amount]) => `${amount} ${outcome}`)
    .join(', ')
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}

function printTable(): void {
  const columns = ['passed', 'failed', 'known', 'skipped'] as const
  console.log(`\n${'runtime'.padEnd(29)}${columns.map((name) => name.padStart(9)).join('')}`)
  for (const [row, counts] of table) {
    const cells = columns.map((name) => String(counts[name]).padStart(9))
    console.log(row.padEnd(29) + cells.join(''))
  }
}
