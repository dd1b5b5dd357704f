import type { Colours } from './terminal.ts'
import { formatCount, formatDuration } from './units.ts'

interface HistogramRow {
  /** The largest latency that the row counts, in ms. */
  readonly upTo: number
  readonly count: number
}

const PERCENTILES = [50, 75, 90, 99, 99.9]
/** About how many rows a histogram has. */
const TARGET_ROWS = 15
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Statistics of latencies, in ms. */
export class Latencies {
  /** Ascending. */
  readonly #times: Float64Array

  /** @param times latencies in ms; the array is sorted in place */
  constructor(times: Float64Array) {
    this.#times = times.sort()
  }

  get mean(): number {
    return this.#times.reduce((sum, time) => sum + time, 0) / this.#times.length
  }

  /** The standard deviation. */
  get deviation(): number {
    const { mean } = this
    const squares = this.#times.reduce((sum, time) => sum + (time - mean) ** 2, 0)
    return Math.sqrt(squares / this.#times.length)
  }

  /** Returns the smallest latency that at least `percent` of all latencies do not exceed. */
  percentile(percent: number): number {
    // Floating-point arithmetic gives 999.0000000000001 for 99.9 % of 1000, so it is rounded.
    const rank = Math.ceil(Number(((percent * this.#times.length) / 100).toPrecision(12)))
    return this.#times[Math.max(rank, 1) - 1] ?? Number.NaN
  }

  /**
   * Counts latencies in rows of equal, round width from the fastest to the 99th percentile. The
   * last row counts all slower ones: rows of equal width up to the slowest would put nearly all
   * others into one row.
   */
  histogram(): HistogramRow[] {
    const slowest = this.percentile(100)
    const fastest = this.percentile(0)
    const percentile99 = this.percentile(99)
    const step = roundStep((percentile99 - fastest) / TARGET_ROWS || slowest || 1)
    const rows: HistogramRow[] = []
    let index = 0
    for (let steps = Math.floor(fastest / step) + 1; index < this.#times.length; steps++) {
      const upTo = steps * step
      const start = index
      while (index < this.#times.length && this.#times[index]! <= upTo) index++
      rows.push({ upTo, count: index - start })
      if (upTo < percentile99) continue
      const count = this.#times.length - index
      if (count > 0) rows.push({ upTo: slowest, count })
      break
    }
    return rows
  }

  /** Formats mean, deviation, percentiles and histogram. */
  report(columns: number, { cyan, dim, bold }: Colours): string {
    const table = [...PERCENTILES, 100].map((percent) => {
      const name = percent === 100 ? 'slowest' : `${percent}%`
      return `  ${dim(name.padStart(9))}  ${formatDuration(this.percentile(percent)).padStart(8)}`
    })
    const rows = this.histogram()
    const largestCount = Math.max(...rows.map(({ count }) => count))
    const digits = formatCount(largestCount).length
    const width = Math.min(Math.max(columns - 18 - digits, 10), 50)
    const chart = rows.map(({ upTo, count }) => {
      const name = `≤ ${trimZeros(formatDuration(upTo))}`.padStart(11)
      const bar = cyan(drawBar(count / largestCount, width))
      return `  ${dim(name)}  ${formatCount(count).padStart(digits)}  ${bar}`.trimEnd()
    })
    const mean = `mean ${formatDuration(this.mean)}`
    const deviation = `deviation ${formatDuration(this.deviation)}`
    return [`${bold('Latency')}   ${mean}, ${deviation}`, ...table, '', ...chart].join('\n')
  }
}

/** Rounds up to 1, 2 or 5 times a power of ten. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5].find((step) => step * power >= value * 0.999) ?? 10)
}

/** Turns `2.50 ms` into `2.5 ms`. */
function trimZeros(text: string): string {
  return text.replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ')
}

/** Draws a bar with a resolution of 1/8 character. A share above 0 is at least 1/8 wide. */
function drawBar(share: number, width: number): string {
  const eighths = share > 0 ? Math.max(Math.round(share * width * 8), 1) : 0
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]
}
