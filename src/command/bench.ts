import type { Client } from '../client/client.ts'
import type { RequestOptions } from '../client/options.ts'
import { HawserError, redactUrl } from '../errors.ts'
import type { ExitReason } from './exit-codes.ts'
import { reasonOfError, reasonOfStatus } from './exit-codes.ts'
import { Latencies } from './histogram.ts'
import type { ProgressBar } from './progress-bar.ts'
import type { Wanted } from './request-options.ts'
import type { Colours, Surroundings } from './terminal.ts'
import { bytesText, countText, durationText } from './units.ts'

/** Between two looks at the bar. */
const SHOW_EVERY = 64

/** Many times the same request, some at a time. */
export class Bench {
  readonly #wanted: Wanted
  readonly #client: Client
  readonly #bar: ProgressBar
  readonly #world: Pick<Surroundings, 'clock' | 'signal'>
  readonly #requests: number
  readonly #concurrency: number
  readonly #times: Float64Array
  readonly #outcomes = new Map<string, number>()
  #begun = 0
  #answered = 0
  #failed = 0
  #bytes = 0
  #ms = 0
  #worst: ExitReason = 'ok'

  constructor(
    wanted: Wanted,
    requests: number,
    concurrency: number,
    client: Client,
    bar: ProgressBar,
    world: Pick<Surroundings, 'clock' | 'signal'>,
  ) {
    this.#wanted = wanted
    this.#requests = requests
    this.#concurrency = Math.min(concurrency, requests)
    this.#client = client
    this.#bar = bar
    this.#world = world
    this.#times = new Float64Array(requests)
  }

  /** Of what went wrong first; `interrupted` if Ctrl-C ended it. */
  async run(): Promise<ExitReason> {
    const { clock, signal } = this.#world
    await this.#bar.start(this.#requests)
    const startedAt = clock.now()
    const workers = Array.from({ length: this.#concurrency }, () => this.#work())
    await Promise.all(workers).finally(() => this.#bar.stop())
    this.#ms = clock.now() - startedAt
    return signal.aborted ? 'interrupted' : this.#worst
  }

  async #work(): Promise<void> {
    const { clock, signal } = this.#world
    const { method, url, call, body } = this.#wanted
    while (this.#begun < this.#requests && !signal.aborted) {
      this.#begun++
      const startedAt = clock.now()
      try {
        const options = { ...call, ...body(), signal } as RequestOptions
        const response = await this.#client.request(method, url, options)
        this.#times[this.#answered++] = clock.now() - startedAt
        this.#bytes += response.bytes().length
        this.#count(`${response.status} ${response.statusText}`, reasonOfStatus(response.status))
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof HawserError)) throw error
        const reason = reasonOfError(error)
        if (reason === 'usage') throw error
        this.#failed++
        this.#count(error.name, reason)
      }
      const done = this.#answered + this.#failed
      if (done % SHOW_EVERY === 0) this.#bar.update(done)
    }
  }

  #count(name: string, reason: ExitReason): void {
    this.#outcomes.set(name, (this.#outcomes.get(name) ?? 0) + 1)
    if (this.#worst === 'ok') this.#worst = reason
  }

  /** What came of it. */
  report(columns: number, colours: Colours): string {
    const { bold, dim, green } = colours
    const done = this.#answered + this.#failed
    const what = `${countText(done)} × ${this.#wanted.method} ${redactUrl(this.#wanted.url)}`
    const perSecond = (this.#answered / this.#ms) * 1000 || 0
    const volume = `${bytesText(this.#bytes)} read, ${bytesText(Math.round((this.#bytes / this.#ms) * 1000) || 0)}/s`
    const lines = [
      `${bold(what)}${dim(`, ${countText(this.#concurrency)} at a time`)}`,
      '',
      `${bold(green(`${countText(perSecond)} req/s`))}   ${durationText(this.#ms)}, ${volume}`,
      '',
    ]
    if (this.#answered > 0) {
      const times = this.#times.subarray(0, this.#answered)
      lines.push(new Latencies(times).report(columns, colours), '')
    }
    return `${[...lines, ...this.#answers(colours)].join('\n')}\n`
  }

  #answers({ bold, green, red }: Colours): string[] {
    const lines = [...this.#outcomes].map(([name, count]) => {
      const colour = /^[23]/.test(name) ? green : red
      return `  ${countText(count).padStart(9)}  ${colour(name)}`
    })
    return [bold('Answers'), ...lines]
  }
}
