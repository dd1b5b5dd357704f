/** As parts of all requests. */
export const percentiles = { p50: 0.5, p90: 0.9, p99: 0.99, 'p99.9': 0.999 } as const

export type Percentile = keyof typeof percentiles

/** What one contestant showed in one slice. */
export interface Sample {
  requests: number
  seconds: number
  /** User and system time of the whole process, in microseconds. */
  cpuMicros: number
  /** The median time of a single request, in microseconds. */
  latencyMicros?: number
  /** So many percent of the requests took no longer than this, in microseconds. */
  tailMicros?: Record<Percentile, number>
  /** Memory for each idle connection, in bytes. */
  heapBytes?: number
  rssBytes?: number
  /** How far the resident set has risen at most since the client was made, in bytes. */
  peakBytes?: number
}

export const rate = (sample: Sample) => sample.requests / sample.seconds
export const cpuPerRequest = (sample: Sample) => sample.cpuMicros / sample.requests

export const tailAt = (percentile: Percentile) => (sample: Sample) =>
  sample.tailMicros?.[percentile] ?? NaN

/** Each figure of a subject (a) beside its rival (b), taken from slices of the same round. */
const metrics = {
  /** How many times the rival's requests per second. */
  speed: (a: Sample, b: Sample) => rate(a) / rate(b),
  /** How many times less CPU for each request. */
  thrift: (a: Sample, b: Sample) => cpuPerRequest(b) / cpuPerRequest(a),
  /** CPU for each request, as a part of the rival's. */
  cpu: (a: Sample, b: Sample) => cpuPerRequest(a) / cpuPerRequest(b),
  /** How many times shorter a single request takes. */
  latency: (a: Sample, b: Sample) => (b.latencyMicros ?? NaN) / (a.latencyMicros ?? NaN),
  /** The same for the slowest in a hundred. */
  p99: (a: Sample, b: Sample) => tailAt('p99')(b) / tailAt('p99')(a),
  heap: (a: Sample, b: Sample) => (a.heapBytes ?? NaN) / (b.heapBytes ?? NaN),
  rss: (a: Sample, b: Sample) => (a.rssBytes ?? NaN) / (b.rssBytes ?? NaN),
  /** The subject's alone. */
  peakMiB: (a: Sample, _b: Sample) => (a.peakBytes ?? NaN) / 1024 / 1024,
}

export type Metric = keyof typeof metrics

export interface Spread {
  median: number
  min: number
  max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
  return { median, min: sorted[0] ?? NaN, max: sorted[sorted.length - 1] ?? NaN }
}

export function spreadOf(samples: readonly Sample[], of: (sample: Sample) => number): Spread {
  return spread(samples.map(of))
}

export function median(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return spreadOf(samples, of).median
}

/** The smallest value that so many percent of all do not exceed. */
export function percentilesOf(values: Float64Array): Record<Percentile, number> {
  const sorted = values.toSorted()
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN
  const { p50, p90, p99, 'p99.9': p999 } = percentiles
  return { p50: at(p50), p90: at(p90), p99: at(p99), 'p99.9': at(p999) }
}

/** One ratio for each round, then their median: a disturbance of some seconds spoils one round. */
export function compare(metric: Metric, subject: readonly Sample[], rival: readonly Sample[]) {
  const rounds = Math.min(subject.length, rival.length)
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const a = subject[round]
    const b = rival[round]
    if (a && b) ratios.push(metrics[metric](a, b))
  }
  return spread(ratios)
}
