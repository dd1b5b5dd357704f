/** From a value to a place on the paper. */
export type Scale = (value: number) => number

export function linear(highest: number, from: number, to: number): Scale {
  return (value) => from + (value / (highest || 1)) * (to - from)
}

/** For values above 0. */
export function logarithmic(lowest: number, highest: number, from: number, to: number): Scale {
  const low = Math.log(lowest)
  const span = Math.log(highest) - low || 1
  return (value) => from + ((Math.log(value) - low) / span) * (to - from)
}

/**
 * What to write at a logarithmic axis that these values are to fit on: 1, 2, 5, 10, 20 and so on,
 * or powers of ten alone where there is room for no more than those. The first and the last are
 * the ends of the axis.
 */
export function logTicks(values: readonly number[], atMost = 9): number[] {
  const lowest = Math.min(...values)
  const highest = Math.max(...values)
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = between(lowest, highest, steps)
    if (ticks.length <= atMost || steps.length === 1) return ticks
  }
  return []
}

function between(lowest: number, highest: number, steps: readonly number[]): number[] {
  const all: number[] = []
  const first = Math.floor(Math.log10(lowest)) - 1
  const last = Math.ceil(Math.log10(highest)) + 1
  for (let power = first; power <= last; power++) {
    for (const step of steps) all.push(Number(`${step}e${power}`))
  }
  const from = all.findLastIndex((tick) => tick <= lowest)
  const to = all.findIndex((tick, index) => tick >= highest && index > from)
  return all.slice(from, to + 1)
}
