import type { Writable } from 'node:stream'
import type { SingleBar } from 'cli-progress'
import type { Clock } from '../backends/backend.ts'
import type { Colours } from './terminal.ts'
import { formatWholeSeconds } from './units.ts'

/** The rate is an average over this time, in ms, so that it does not flicker. */
const RATE_WINDOW = 3000

export interface ProgressBarOptions {
  readonly stream: Writable
  /** If false, nothing is drawn. */
  readonly isTerminal: boolean
  readonly columns: number
  readonly colours: Colours
  readonly clock: Clock
  /** Formats a count. */
  readonly formatAmount: (count: number) => string
}

/** A line with the progress, the rate and the remaining time. */
export class ProgressBar {
  readonly #options: ProgressBarOptions
  readonly #rate: Rate
  #bar: SingleBar | null = null
  #total: number | null = null
  #done = 0

  constructor(options: ProgressBarOptions) {
    this.#options = options
    this.#rate = new Rate(options.clock)
  }

  /**
   * Draws the bar.
   *
   * @param total null if it is unknown
   * @param done the count at the start
   */
  async start(total: number | null, done = 0): Promise<void> {
    this.#total = total
    this.#done = done
    this.#rate.start(done)
    if (!this.#options.isTerminal || this.#bar !== null) return
    const { default: progress } = await import('cli-progress')
    this.#bar = new progress.SingleBar({
      format: () => this.line(),
      stream: this.#options.stream,
      fps: 10,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
      forceRedraw: true,
    })
    this.#bar.start(Math.max(total ?? 1, 1), done)
  }

  update(done: number): void {
    this.#done = done
    this.#rate.add(done)
    this.#bar?.update(done)
  }

  /** Erases the bar. */
  stop(): void {
    this.#bar?.stop()
    this.#bar = null
  }

  /** Formats the current state, without the escape sequences that redraw the line. */
  line(): string {
    const { formatAmount, columns, colours } = this.#options
    const rate = this.#rate.perSecond()
    const speed = rate > 0 ? `${formatAmount(rate)}/s` : ''
    if (this.#total === null) return `${formatAmount(this.#done)}  ${colours.dim(speed)}`
    const share = this.#total === 0 ? 1 : Math.min(this.#done / this.#total, 1)
    const left =
      rate > 0 ? `${formatWholeSeconds(((this.#total - this.#done) / rate) * 1000)} left` : ''
    const figures = `${formatAmount(this.#done)} of ${formatAmount(this.#total)}`
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    const amounts = [figures.padEnd(20), speed.padEnd(9), left.padEnd(12)].join('  ')
    const width = Math.min(columns - percent.length - amounts.length - 4, 40)
    const bar = width < 5 ? '' : `${drawBar(share, width, colours)}  `
    return `${percent} ${bar}${amounts}`.trimEnd()
  }
}

function drawBar(share: number, width: number, { green, dim }: Colours): string {
  const full = Math.round(share * width)
  return green('━'.repeat(full)) + dim('─'.repeat(width - full))
}

/** Measures how fast a count grows. */
class Rate {
  readonly #clock: Clock
  /** Oldest first. */
  #points: { readonly at: number; readonly count: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(count: number): void {
    this.#points = [{ at: this.#clock.now(), count }]
  }

  /** Adds a measurement. Keeps at most ten per second. */
  add(count: number): void {
    const at = this.#clock.now()
    const points = this.#points
    const secondLast = points.at(-2)
    if (secondLast !== undefined && at - secondLast.at < 100) points.pop()
    points.push({ at, count })
    while (points.length > 2 && at - points[1]!.at >= RATE_WINDOW) points.shift()
  }

  /** Returns the rate; 0 before the first measurement. */
  perSecond(): number {
    const first = this.#points[0]
    const last = this.#points.at(-1)
    if (first === undefined || last === undefined) return 0
    const seconds = (Math.max(this.#clock.now(), last.at) - first.at) / 1000
    return seconds > 0 ? (last.count - first.count) / seconds : 0
  }
}
