import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { TestResult } from './junit.ts'
import { readReport } from './junit.ts'
import type { KnownFailure } from './known.ts'
import { matchesTest } from './known.ts'
import type { Runtime } from './runtimes.ts'

/** A process that takes longer is killed, with its child processes. In ms. */
const FILE_LIMIT = 240_000

export interface FileResult {
  readonly results: readonly TestResult[]
  readonly seconds: number
}

/**
 * Runs one compiled test file. Does not reject if tests fail. A process that fails or is killed
 * counts as a failed test, whose message contains the last output.
 *
 * @param report a path that no other run uses
 */
export async function runFile(
  on: Runtime,
  path: string,
  report: string,
  known: readonly KnownFailure[],
): Promise<FileResult> {
  const started = performance.now()
  const hanging = known.filter(({ hangs }) => hangs).map(({ test }) => test.source)
  const child = spawn(on.binary, on.command(path, report, hanging), {
    detached: true, // In its own process group.
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NO_COLOR: '1',
      HAWSER_NODE: process.execPath,
      HAWSER_SKIP: JSON.stringify(hanging),
    },
  })
  let killed = false
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(() => {
    killed = true
    kill()
  }, FILE_LIMIT)
  process.once('exit', kill)
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ])
  clearTimeout(timer)
  process.off('exit', kill)

  let results: TestResult[] = []
  try {
    results = readReport(readFileSync(report, 'utf8'), on.reports)
    rmSync(report)
  } catch {
    // There is no report. The failure is added below.
  }
  const explained = results.some(
    ({ outcome, name }) => outcome === 'failed' || known.some((each) => matchesTest(each, name)),
  )
  if (results.length === 0 || killed || (status !== 0 && !explained)) {
    const reason = killed
      ? `killed after ${FILE_LIMIT / 1000} seconds`
      : `exited with ${status ?? signal}`
    const lastLines = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n')
    const message = `${reason}; last output:\n${lastLines}`
    results.push({ name: '(the whole file)', outcome: 'failed', message })
  }
  return { results, seconds: (performance.now() - started) / 1000 }
}
