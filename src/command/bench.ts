import type { Client } from '../client/client.ts'
import type { RequestOptions } from '../client/options.ts'
import { HawserError, redactUrl } from '../errors.ts'
import type { ExitReason } from './exit-codes.ts'
import { exitReasonForError, exitReasonForStatus } from './exit-codes.ts'
import { Latencies } from './latencies.ts'
import type { ProgressBar } from './progress-bar.ts'
import type { RequestSpec } from './request-spec.ts'
import type { Colours, CommandIO } from './terminal.ts'
import { formatBytes, formatCount, formatDuration } from './units.ts'

/** How many requests finish between two updates of the progress bar. */
const REQUESTS_PER_UPDATE = 64

/** Sends one request many times, with a fixed concurrency, and reports latencies and outcomes. */
export class Bench {
  readonly #spec: RequestSpec
  readonly #client: Client
  readonly #bar: ProgressBar
  readonly #io: Pick<CommandIO, 'clock' | 'signal'>
  readonly #requests: number
  readonly #concurrency: number
  readonly #latencies: Float64Array
  readonly #outcomeCounts = new Map<string, number>()
  #started = 0
  #responses = 0
  #errors = 0
  #bytes = 0
  /** ms */
  #duration = 0
  #firstFailure: ExitReason = 'ok'

  constructor(
    spec: RequestSpec,
    requests: number,
    concurrency: number,
    client: Client,
    bar: ProgressBar,
    io: Pick<CommandIO, 'clock' | 'signal'>,
  ) {
    this.#spec = spec
    this.#requests = requests
    this.#concurrency = Math.min(concurrency, requests)
    this.#client = client
    this.#bar = bar
    this.#io = io
    this.#latencies = new Float64Array(requests)
  }

  /**
   * Sends all requests.
   *
   * @returns the reason of the first failure, `ok` if there was none, `interrupted` after Ctrl-C
   */
  async run(): Promise<ExitReason> {
    const { clock, signal } = this.#io
    await this.#bar.start(this.#requests)
    const startedAt = clock.now()
    const workers = Array.from({ length: this.#concurrency }, () => this.#sendRequests())
    await Promise.all(workers).finally(() => this.#bar.stop())
    this.#duration = clock.now() - startedAt
    return signal.aborted ? 'interrupted' : this.#firstFailure
  }

  async #sendRequests(): Promise<void> {
    const { clock, signal } = this.#io
    const { method, url, callOptions, createBody } = this.#spec
    while (this.#started < this.#requests && !signal.aborted) {
      this.#started++
      const startedAt = clock.now()
      try {
        const options = { ...callOptions, ...createBody(), signal } as RequestOptions
        const response = await this.#client.request(method, url, options)
        this.#latencies[this.#responses++] = clock.now() - startedAt
        this.#bytes += response.bytes().length
        const { status, statusText } = response
        this.#countOutcome(`${status} ${statusText}`, exitReasonForStatus(status))
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof HawserError)) throw error
        const reason = exitReasonForError(error)
        if (reason === 'usage') throw error
        this.#errors++
        this.#countOutcome(error.name, reason)
      }
      const done = this.#responses + this.#errors
      if (done % REQUESTS_PER_UPDATE === 0) this.#bar.update(done)
    }
  }

  #countOutcome(name: string, reason: ExitReason): void {
    this.#outcomeCounts.set(name, (this.#outcomeCounts.get(name) ?? 0) + 1)
    if (this.#firstFailure === 'ok') this.#firstFailure = reason
  }

  report(columns: number, colours: Colours): string {
    const { bold, dim, green } = colours
    const done = this.#responses + this.#errors
    const title = `${formatCount(done)} × ${this.#spec.method} ${redactUrl(this.#spec.url)}`
    const perSecond = (this.#responses / this.#duration) * 1000 || 0
    const rate = formatBytes(Math.round((this.#bytes / this.#duration) * 1000) || 0)
    const volume = `${formatBytes(this.#bytes)} read, ${rate}/s`
    const speed = bold(green(`${formatCount(perSecond)} req/s`))
    const lines = [
      `${bold(title)}${dim(`, ${formatCount(this.#concurrency)} at a time`)}`,
      '',
      `${speed}   ${formatDuration(this.#duration)}, ${volume}`,
      '',
    ]
    if (this.#responses > 0) {
      const times = this.#latencies.subarray(0, this.#responses)
      lines.push(new Latencies(times).report(columns, colours), '')
    }
    return `${[...lines, ...this.#outcomeLines(colours)].join('\n')}\n`
  }

  #outcomeLines({ bold, green, red }: Colours): string[] {
    const lines = [...this.#outcomeCounts].map(([name, count]) => {
      const colour = /^[23]/.test(name) ? green : red
      return `  ${formatCount(count).padStart(9)}  ${colour(name)}`
    })
    return [bold('Results'), ...lines]
  }
}
