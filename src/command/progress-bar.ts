import type { Writable } from 'node:stream'
import type { SingleBar } from 'cli-progress'
import type { Clock } from '../backends/backend.ts'
import type { Colours } from './terminal.ts'
import { clockText } from './units.ts'

/** Over how long the rate is taken, in ms: it follows the network and does not flicker. */
const WINDOW = 3000

export interface BarLook {
  readonly stream: Writable
  /** Nothing is drawn elsewhere. */
  readonly isTerminal: boolean
  readonly columns: number
  readonly colours: Colours
  readonly clock: Clock
  /** Of a number of what is counted. */
  readonly amount: (count: number) => string
}

/** A line that tells how far something has come, how fast it goes, and how long it is still going to take. */
export class ProgressBar {
  readonly #look: BarLook
  readonly #rate: Rate
  #bar: SingleBar | null = null
  #total: number | null = null
  #done = 0

  constructor(look: BarLook) {
    this.#look = look
    this.#rate = new Rate(look.clock)
  }

  /** @param total null where it is not known */
  async start(total: number | null, done = 0): Promise<void> {
    this.#total = total
    this.#done = done
    this.#rate.start(done)
    if (!this.#look.isTerminal || this.#bar !== null) return
    const { default: progress } = await import('cli-progress')
    this.#bar = new progress.SingleBar({
      format: () => this.line(),
      stream: this.#look.stream,
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

  /** Takes the line away. */
  stop(): void {
    this.#bar?.stop()
    this.#bar = null
  }

  line(): string {
    const { amount, columns, colours } = this.#look
    const rate = this.#rate.perSecond()
    const speed = rate > 0 ? `${amount(rate)}/s` : ''
    if (this.#total === null) return `${amount(this.#done)}  ${colours.dim(speed)}`
    const share = this.#total === 0 ? 1 : Math.min(this.#done / this.#total, 1)
    const left = rate > 0 ? `${clockText(((this.#total - this.#done) / rate) * 1000)} left` : ''
    const figures = `${amount(this.#done)} of ${amount(this.#total)}`
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    const words = [figures.padEnd(20), speed.padEnd(9), left.padEnd(12)].join('  ')
    const width = Math.min(columns - percent.length - words.length - 4, 40)
    const bar = width < 5 ? '' : `${drawn(share, width, colours)}  `
    return `${percent} ${bar}${words}`.trimEnd()
  }
}

function drawn(share: number, width: number, { green, dim }: Colours): string {
  const full = Math.round(share * width)
  return green('━'.repeat(full)) + dim('─'.repeat(width - full))
}

/** How fast a count has grown lately. */
class Rate {
  readonly #clock: Clock
  /** Times and counts, the oldest first. */
  #points: { readonly at: number; readonly count: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(count: number): void {
    this.#points = [{ at: this.#clock.now(), count }]
  }

  /** At most ten points a second are kept. */
  add(count: number): void {
    const at = this.#clock.now()
    const points = this.#points
    const before = points.at(-2)
    if (before !== undefined && at - before.at < 100) points.pop()
    points.push({ at, count })
    while (points.length > 2 && at - points[1]!.at >= WINDOW) points.shift()
  }

  /** 0 where nothing is known yet. */
  perSecond(): number {
    const first = this.#points[0]
    const last = this.#points.at(-1)
    if (first === undefined || last === undefined) return 0
    const seconds = (Math.max(this.#clock.now(), last.at) - first.at) / 1000
    return seconds > 0 ? (last.count - first.count) / seconds : 0
  }
}
