import type { TestResult } from './junit.ts'
import type { KnownFailure } from './known.ts'
import { matchesTest } from './known.ts'

const OUTCOMES = ['passed', 'failed', 'known', 'skipped'] as const

type Counts = Record<(typeof OUTCOMES)[number], number>

/** Collects the results of all files on all runtimes. */
export class Tally {
  /** Failures that are not known, as text. */
  readonly failures: string[] = []
  readonly #rows = new Map<string, Counts>()

  /** @returns a summary of this file */
  add(
    runtime: string,
    file: string,
    results: readonly TestResult[],
    known: readonly KnownFailure[],
  ): string {
    const counts = none()
    const met = new Set<KnownFailure>(known.filter(({ hangs }) => hangs))
    for (const { name, outcome, message } of results) {
      const excuse = known.find((each) => matchesTest(each, name))
      if (outcome === 'failed' && excuse !== undefined) {
        counts.known += 1
        met.add(excuse)
        continue
      }
      counts[outcome] += 1
      if (outcome === 'failed') {
        this.failures.push(`${runtime}  ${file}: ${name}\n${message.replace(/^/gm, '    ')}`)
      }
    }
    const row = `${runtime.padEnd(17)}${file.split('/', 1)[0]}`
    const sum = this.#rows.get(row) ?? none()
    for (const outcome of OUTCOMES) sum[outcome] += counts[outcome]
    this.#rows.set(row, sum)
    const gone = known.filter((each) => !met.has(each))
    return [
      OUTCOMES.filter((each) => counts[each] > 0)
        .map((each) => `${counts[each]} ${each}`)
        .join(', '),
      ...gone.map(({ test, reason }) => `known failure that passes now: ${test} (${reason})`),
    ].join('\n    ')
  }

  table(): string {
    const cells = (row: readonly (string | number)[]) =>
      row.map((cell) => String(cell).padStart(9)).join('')
    const rows = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      `${'runtime'.padEnd(31)}${cells(OUTCOMES)}`,
      ...rows.map(([row, counts]) => `${row.padEnd(31)}${cells(Object.values(counts))}`),
    ].join('\n')
  }
}

function none(): Counts {
  return { passed: 0, failed: 0, known: 0, skipped: 0 }
}
