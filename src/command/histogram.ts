import type { Colours } from './terminal.ts'
import { countText, durationText } from './units.ts'

interface Row {
  /** ms */
  readonly upTo: number
  readonly count: number
}

const PERCENTILES = [50, 75, 90, 99, 99.9]
const ROWS = 15
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** What times say all together, in ms. */
export class Latencies {
  /** Ascending. */
  readonly #times: Float64Array

  /** @param times are taken, and sorted */
  constructor(times: Float64Array) {
    this.#times = times.sort()
  }

  get mean(): number {
    return this.#times.reduce((sum, time) => sum + time, 0) / this.#times.length
  }

  get deviation(): number {
    const { mean } = this
    const squares = this.#times.reduce((sum, time) => sum + (time - mean) ** 2, 0)
    return Math.sqrt(squares / this.#times.length)
  }

  /** The least time that `percent` of all do not exceed. */
  percentile(percent: number): number {
    // 99.9 % of 1000 is 999, and 999.0000000000001 by these numbers.
    const rank = Math.ceil(Number(((percent * this.#times.length) / 100).toPrecision(12)))
    return this.#times[Math.max(rank, 1) - 1] ?? Number.NaN
  }

  /**
   * How many took how long, in steps of a round width from the fastest to the 99th percentile; the last
   * row has all that are slower. A few stragglers would press all others into one row.
   */
  rows(): Row[] {
    const most = this.percentile(100)
    const least = this.percentile(0)
    const bulk = this.percentile(99)
    const step = roundStep((bulk - least) / ROWS || most || 1)
    const rows: Row[] = []
    let at = 0
    for (let steps = Math.floor(least / step) + 1; at < this.#times.length; steps++) {
      const upTo = steps * step
      const start = at
      while (at < this.#times.length && this.#times[at]! <= upTo) at++
      rows.push({ upTo, count: at - start })
      if (upTo < bulk) continue
      const count = this.#times.length - at
      if (count > 0) rows.push({ upTo: most, count })
      break
    }
    return rows
  }

  /** Percentiles, and a bar for each row. */
  report(columns: number, { cyan, dim, bold }: Colours): string {
    const times = [...PERCENTILES, 100].map((percent) => [
      percent === 100 ? 'slowest' : `${percent}%`,
      durationText(this.percentile(percent)),
    ])
    const table = times.map(([name, time]) => `  ${dim(name!.padStart(9))}  ${time!.padStart(8)}`)
    const rows = this.rows()
    const most = Math.max(...rows.map(({ count }) => count))
    const digits = countText(most).length
    const width = Math.min(Math.max(columns - 18 - digits, 10), 50)
    const chart = rows.map(({ upTo, count }) => {
      const name = `≤ ${shortened(durationText(upTo))}`.padStart(11)
      return `  ${dim(name)}  ${countText(count).padStart(digits)}  ${cyan(barOf(count / most, width))}`.trimEnd()
    })
    return [
      `${bold('Latency')}   mean ${durationText(this.mean)}, deviation ${durationText(this.deviation)}`,
      ...table,
      '',
      ...chart,
    ].join('\n')
  }
}

/** The next of 1, 2, 5, 10 ... times a power of ten. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5].find((step) => step * power >= value * 0.999) ?? 10)
}

/** `2.50 ms` as `2.5 ms` */
function shortened(text: string): string {
  return text.replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ')
}

/** In eighths of a character. What is not nothing shows. */
function barOf(share: number, width: number): string {
  const eighths = share > 0 ? Math.max(Math.round(share * width * 8), 1) : 0
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]
}
