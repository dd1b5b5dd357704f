/** Converts a value to a coordinate. */
export type Scale = (value: number) => number

/** Creates a linear scale from 0 to `highest`. */
export function linear(highest: number, from: number, to: number): Scale {
  return (value) => from + (value / (highest || 1)) * (to - from)
}

/** Creates a logarithmic scale. Values must be above 0. */
export function logarithmic(lowest: number, highest: number, from: number, to: number): Scale {
  const low = Math.log(lowest)
  const span = Math.log(highest) - low || 1
  return (value) => from + ((Math.log(value) - low) / span) * (to - from)
}

/**
 * Returns the ticks of a logarithmic axis that contains `values`: 1, 2, 5, 10, 20 and so on, 1, 3,
 * 10, or only powers of ten if the others are more than `atMost`. The first and the last tick are
 * the ends of the axis.
 */
export function logTicks(values: readonly number[], atMost = 9): number[] {
  const lowest = Math.min(...values)
  const highest = Math.max(...values)
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = ticksAround(lowest, highest, steps)
    if (ticks.length <= atMost || steps.length === 1) return ticks
  }
  return []
}

/** Returns the ticks from the last one below `lowest` to the first one above `highest`. */
function ticksAround(lowest: number, highest: number, steps: readonly number[]): number[] {
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
