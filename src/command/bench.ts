import type { Client } from '../client/client.ts'
import { HawserError, redactUrl } from '../errors.ts'
import { shortLine } from '../redaction.ts'
import type { ExitReason } from './exit-codes.ts'
import { exitReasonForError, exitReasonForStatus } from './exit-codes.ts'
import { Latencies } from './latencies.ts'
import type { ProgressBar } from './progress-bar.ts'
import type { RequestSpec } from './request-spec.ts'
import type { Colours, CommandIO } from './terminal.ts'
import { formatByteRate, formatBytes, formatCount, formatDuration } from './units.ts'

/** How many requests finish between two updates of the progress bar. */
const REQUESTS_PER_UPDATE = 64

/** The results of a benchmark. */
interface BenchResult {
  /** The reason of the first failure; `ok` if there was none; `interrupted` after Ctrl-C. */
  readonly reason: ExitReason
  /** The number of requests with a response or an error. */
  readonly done: number
  readonly concurrency: number
  /** The time until each response was complete, in ms. */
  readonly latencies: Float64Array
  /** How often each status and each error occurred. */
  readonly outcomeCounts: ReadonlyMap<string, number>
  /** The size of all response bodies, decoded. */
  readonly bytes: number
  /** The time from the first request to the last response, in ms. */
  readonly duration: number
}

/** Sends one request many times, with a fixed concurrency, and measures latencies and outcomes. */
export async function runBench(
  { method, url, createOptions }: RequestSpec,
  requests: number,
  concurrencyLimit: number,
  client: Client,
  bar: ProgressBar,
  { clock, signal }: CommandIO,
): Promise<BenchResult> {
  const latencies = new Float64Array(requests)
  const outcomeCounts = new Map<string, number>()
  let [started, responses, done, bytes] = [0, 0, 0, 0]
  let firstFailure: ExitReason = 'ok'

  const countOutcome = (name: string, reason: ExitReason) => {
    outcomeCounts.set(name, (outcomeCounts.get(name) ?? 0) + 1)
    if (firstFailure === 'ok') firstFailure = reason
    if (++done % REQUESTS_PER_UPDATE === 0) bar.update(done)
  }
  const sendRequests = async () => {
    while (started < requests && !signal.aborted) {
      started++
      const startedAt = clock.now()
      try {
        const response = await client.request(method, url, { ...createOptions(), signal })
        latencies[responses++] = clock.now() - startedAt
        bytes += response.bytes().length
        const { status, statusText } = response
        countOutcome(shortLine(`${status} ${statusText}`, 60), exitReasonForStatus(status))
      } catch (error) {
        if (signal.aborted) return
        const reason = exitReasonForError(error)
        // These errors would occur for every request, so they end the benchmark.
        if (!(error instanceof HawserError) || reason === 'usage') throw error
        countOutcome(error.name, reason)
      }
    }
  }

  await bar.start(requests)
  const concurrency = Math.min(concurrencyLimit, requests)
  const startedAt = clock.now()
  const workers = Array.from({ length: concurrency }, sendRequests)
  await Promise.all(workers).finally(() => bar.stop())
  return {
    reason: signal.aborted ? 'interrupted' : firstFailure,
    done,
    concurrency,
    latencies: latencies.subarray(0, responses),
    outcomeCounts,
    bytes,
    duration: clock.now() - startedAt,
  }
}

/** Returns the report that the command prints. */
export function formatBench(
  { method, url }: RequestSpec,
  { done, concurrency, latencies, outcomeCounts, bytes, duration }: BenchResult,
  columns: number,
  colours: Colours,
): string {
  const { bold, dim, green, red } = colours
  const title = bold(`${formatCount(done)} × ${method} ${redactUrl(url)}`)
  const speed = `${formatCount((latencies.length / duration) * 1000 || 0)} req/s`
  const volume = `${formatBytes(bytes)} read, ${formatByteRate(bytes, duration)}`
  const outcomes = [...outcomeCounts].map(([name, count]) => {
    const colour = /^[23]/.test(name) ? green : red
    return `  ${formatCount(count).padStart(9)}  ${colour(name)}\n`
  })
  return [
    `${title}${dim(`, ${formatCount(concurrency)} at a time`)}\n`,
    `${bold(green(speed))}   ${formatDuration(duration)}, ${volume}\n`,
    ...(latencies.length > 0 ? [`${new Latencies(latencies).report(columns, colours)}\n`] : []),
    `${bold('Results')}\n${outcomes.join('')}`,
  ].join('\n')
}
