import type { SingleBar } from 'cli-progress'
import type { Colours, CommandIO } from './terminal.ts'
import { formatWholeSeconds } from './units.ts'

/** The rate is an average over this time, in ms, so that it does not flicker. */
const RATE_WINDOW = 3000

/** A line with the progress, the rate and the remaining time. It is drawn on terminals only. */
export class ProgressBar {
  readonly #io: Pick<CommandIO, 'stderr' | 'stderrIsTerminal' | 'columns' | 'clock'>
  readonly #colours: Colours
  readonly #formatAmount: (count: number) => string
  /** Measurements of the last seconds, for the rate. Oldest first. */
  #points: { readonly at: number; readonly count: number }[] = []
  #bar: SingleBar | null = null
  #total: number | null = null
  #done = 0

  /** @param formatAmount formats a count */
  constructor(
    io: Pick<CommandIO, 'stderr' | 'stderrIsTerminal' | 'columns' | 'clock'>,
    colours: Colours,
    formatAmount: (count: number) => string,
  ) {
    this.#io = io
    this.#colours = colours
    this.#formatAmount = formatAmount
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
    this.#points = [{ at: this.#io.clock.now(), count: done }]
    if (!this.#io.stderrIsTerminal || this.#bar !== null) return
    const { default: progress } = await import('cli-progress')
    this.#bar = new progress.SingleBar({
      format: () => this.line(),
      stream: this.#io.stderr,
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
    const at = this.#io.clock.now()
    const points = this.#points
    // At most ten points per second are kept.
    const secondLast = points.at(-2)
    if (secondLast !== undefined && at - secondLast.at < 100) points.pop()
    points.push({ at, count: done })
    while (points[1] !== undefined && at - points[1].at >= RATE_WINDOW) points.shift()
    this.#bar?.update(done)
  }

  /** Erases the bar. */
  stop(): void {
    this.#bar?.stop()
    this.#bar = null
  }

  /** Formats the current state, without the escape sequences that redraw the line. */
  line(): string {
    const formatAmount = this.#formatAmount
    const colours = this.#colours
    const rate = this.#ratePerSecond()
    const speed = rate > 0 ? `${formatAmount(rate)}/s` : ''
    if (this.#total === null) return `${formatAmount(this.#done)}  ${colours.dim(speed)}`
    const share = this.#total === 0 ? 1 : Math.min(this.#done / this.#total, 1)
    const left =
      rate > 0 ? `${formatWholeSeconds(((this.#total - this.#done) / rate) * 1000)} left` : ''
    const figures = `${formatAmount(this.#done)} of ${formatAmount(this.#total)}`
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    const amounts = [figures.padEnd(20), speed.padEnd(9), left.padEnd(12)].join('  ')
    const width = Math.min(this.#io.columns - percent.length - amounts.length - 4, 40)
    const bar = width < 5 ? '' : `${drawBar(share, width, colours)}  `
    return `${percent} ${bar}${amounts}`.trimEnd()
  }

  /** Returns the rate; 0 before the first measurement. */
  #ratePerSecond(): number {
    const first = this.#points.at(0)
    const last = this.#points.at(-1)
    if (first === undefined || last === undefined) return 0
    const seconds = (Math.max(this.#io.clock.now(), last.at) - first.at) / 1000
    return seconds > 0 ? (last.count - first.count) / seconds : 0
  }
}

function drawBar(share: number, width: number, { green, dim }: Colours): string {
  const full = Math.round(share * width)
  return green('━'.repeat(full)) + dim('─'.repeat(width - full))
}
