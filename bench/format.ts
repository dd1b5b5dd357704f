import type { Spread } from './statistics.ts'

export function formatCount(value: number): string {
  if (value < 100) return value.toFixed(1)
  return Math.round(value).toLocaleString('en')
}

export function formatMicros(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} s`
  if (value >= 1000) return `${(value / 1000).toFixed(value < 1e5 ? 1 : 0)} ms`
  return `${value.toFixed(value < 100 ? 1 : 0)} µs`
}

export const formatRatio = (ratio: number) => `${ratio.toFixed(2)}x`
export const formatRange = ({ min, max }: Spread) => `${min.toFixed(2)}..${max.toFixed(2)}`

/** Formats a Markdown table with aligned columns. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** Formats an estimate, rounded to 5 seconds or to minutes. */
export function formatDuration(seconds: number): string {
  if (seconds < 55) return `${Math.max(5, Math.ceil(seconds / 5) * 5)} s`
  return `${Math.max(1, Math.round(seconds / 60))} min`
}

export function formatKilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KB`
}

/** Formats a rate in decimal units, as usual for networks. */
export function formatByteRate(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB/s`
  if (value >= 1e6) return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 0)} MB/s`
  return `${Math.round(value / 1e3)} KB/s`
}

/** Removes trailing zeros after the decimal point: 10.0 µs becomes 10 µs. */
export function trimZeros(figure: string): string {
  return figure.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '')
}
