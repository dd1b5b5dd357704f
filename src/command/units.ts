/** Formats numbers for people: three digits and a unit. */

const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB']

/** `0 bytes`, `1 byte`, `12.3 kB`. The units are decimal: 1 kB is 1000 bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`
  let value = bytes
  let unit = ''
  for (const next of BYTE_UNITS) {
    if (value < 999.5) break
    value /= 1000
    unit = next
  }
  return `${threeDigits(value)} ${unit}`
}

/** `12.3 kB/s`, for bytes received in `ms` milliseconds. */
export function formatByteRate(bytes: number, ms: number): string {
  return `${formatBytes(Math.round((bytes / ms) * 1000) || 0)}/s`
}

/** `850 µs`, `12.3 ms`, `1.23 s`, `2:05 min` */
export function formatDuration(ms: number): string {
  if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`
  if (ms < 999.5) return `${threeDigits(ms)} ms`
  return ms < 59_950 ? `${threeDigits(ms / 1000)} s` : formatWholeSeconds(ms)
}

/** Rounds up to whole seconds: `9 s`, `2:05 min`, `3:10:00 h`. */
export function formatWholeSeconds(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const twoDigits = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}:${twoDigits(seconds % 60)} min`
  return `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)} h`
}

/** `1,234,567` */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

function threeDigits(value: number): string {
  return value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0)
}
