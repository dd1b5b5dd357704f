/** Percentiles as fractions. */
export const percentiles = { p50: 0.5, p90: 0.9, p99: 0.99, 'p99.9': 0.999 } as const

export type Percentile = keyof typeof percentiles

/** The measurements of one contestant in one slice. */
export interface Sample {
  requests: number
  seconds: number
  /** User and system time of the whole process, in microseconds. */
  cpuMicros: number
  /** The median time of a single request, in microseconds. */
  latencyMicros?: number
  /** Percentiles of the time of a request, in microseconds. */
  tailMicros?: Record<Percentile, number>
  /** Heap memory per idle connection, in bytes. */
  heapBytes?: number
  /** Resident memory per idle connection, in bytes. */
  rssBytes?: number
  /** Highest growth of the resident memory since the client was created, in bytes. */
  peakBytes?: number
}

export const rate = (sample: Sample) => sample.requests / sample.seconds
export const cpuPerRequest = (sample: Sample) => sample.cpuMicros / sample.requests

export const tailAt = (percentile: Percentile) => (sample: Sample) =>
  sample.tailMicros?.[percentile] ?? NaN

/** Compares a contestant (a) with its rival (b), in slices of the same round. */
const metrics = {
  /** Requests per second, as a multiple of the rival's. */
  speed: (a: Sample, b: Sample) => rate(a) / rate(b),
  /** Requests per second of CPU time, as a multiple of the rival's. */
  efficiency: (a: Sample, b: Sample) => cpuPerRequest(b) / cpuPerRequest(a),
  /** CPU time per request, as a multiple of the rival's. */
  cpu: (a: Sample, b: Sample) => cpuPerRequest(a) / cpuPerRequest(b),
  /** The rival's time of a single request, as a multiple of the contestant's. */
  latency: (a: Sample, b: Sample) => (b.latencyMicros ?? NaN) / (a.latencyMicros ?? NaN),
  /** The rival's 99th percentile, as a multiple of the contestant's. */
  p99: (a: Sample, b: Sample) => tailAt('p99')(b) / tailAt('p99')(a),
  /** Memory per idle connection, as a multiple of the rival's. */
  heap: (a: Sample, b: Sample) => (a.heapBytes ?? NaN) / (b.heapBytes ?? NaN),
  rss: (a: Sample, b: Sample) => (a.rssBytes ?? NaN) / (b.rssBytes ?? NaN),
  /** The contestant's memory growth in MiB. The rival does not matter. */
  peakMiB: (a: Sample, _b: Sample) => (a.peakBytes ?? NaN) / 1024 / 1024,
}

export type Metric = keyof typeof metrics

export interface Spread {
  median: number
  min: number
  max: number
}

export function computeSpread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
  return { median, min: sorted[0] ?? NaN, max: sorted[sorted.length - 1] ?? NaN }
}

export function spreadOf(samples: readonly Sample[], getValue: (sample: Sample) => number): Spread {
  return computeSpread(samples.map(getValue))
}

export function median(samples: readonly Sample[], getValue: (sample: Sample) => number): number {
  return spreadOf(samples, getValue).median
}

/** Returns the percentiles of values, by the nearest-rank method. */
export function percentilesOf(values: Float64Array): Record<Percentile, number> {
  const sorted = values.toSorted()
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN
  const { p50, p90, p99, 'p99.9': p999 } = percentiles
  return { p50: at(p50), p90: at(p90), p99: at(p99), 'p99.9': at(p999) }
}

/**
 * Compares round by round, so that a disturbance of some seconds affects only one of the ratios.
 */
export function compareRounds(
  metric: Metric,
  subject: readonly Sample[],
  rival: readonly Sample[],
) {
  const rounds = Math.min(subject.length, rival.length)
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const a = subject[round]
    const b = rival[round]
    if (a && b) ratios.push(metrics[metric](a, b))
  }
  return computeSpread(ratios)
}
