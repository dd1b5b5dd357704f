import type { Colours } from './terminal.ts'
import { durationText } from './units.ts'

/** A phase of an exchange; ms by one clock. */
export interface Span {
  readonly name: string
  readonly from: number
  readonly to: number
}

/** Phases below each other, each with its duration and its place in the whole. */
export function timelineText(
  start: number,
  end: number,
  spans: readonly Span[],
  columns: number,
  { bold, cyan, dim }: Colours,
): string {
  const width = Math.min(Math.max(columns - 24, 10), 50)
  const scale = width / Math.max(end - start, 1e-6)
  const row = (name: string, ms: number) =>
    `  ${dim(name.padEnd(8))} ${durationText(ms).padStart(8)}`
  const rows = spans.map(({ name, from, to }) => {
    const left = Math.min(Math.max(Math.round((from - start) * scale), 0), width - 1)
    const length = Math.max(Math.round((to - start) * scale) - left, 1)
    const bar = '━'.repeat(Math.min(length, width - left))
    return `${row(name, to - from)}  ${' '.repeat(left)}${cyan(bar)}`
  })
  return `${[...rows, bold(row('total', end - start))].join('\n')}\n`
}
