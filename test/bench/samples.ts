import type { ContestantName } from '../../bench/contestants/index.ts'
import type { Figures } from '../../bench/figures.ts'
import type { Outcome } from '../../bench/rounds.ts'
import type { Sample } from '../../bench/statistics.ts'
import { workloads } from '../../bench/workloads/index.ts'

/** Creates a sample of one second: the number of requests, and the CPU time of each. */
export function sample(requests: number, cpuMicros: number, more: Partial<Sample> = {}): Sample {
  return { requests, seconds: 1, cpuMicros: requests * cpuMicros, ...more }
}

export function outcome(
  name: string,
  samples: Partial<Record<ContestantName, Sample[]>>,
  failures: Partial<Record<ContestantName, string>> = {},
): Outcome {
  const workload = workloads.find((candidate) => candidate.name === name)
  if (!workload) throw new Error(`Unknown workload: ${name}`)
  const results: Outcome['results'] = new Map()
  for (const [contestant, taken] of Object.entries(samples)) {
    const failure = failures[contestant as ContestantName]
    const result = { samples: taken, ...(failure !== undefined && { failure }) }
    results.set(contestant as ContestantName, result)
  }
  return { workload, results }
}

export function figures(...outcomes: Outcome[]): Figures {
  return {
    machine: {
      date: '2026-11-22 12:00',
      platform: 'Linux 6.1 x64',
      cpu: 'A <fast> & quiet CPU',
      cores: 2,
      load: 0.1,
      server: 'nginx 1.22.1',
      versions: {
        node: '20.20.2',
        fetch: '6.24.1',
        hawser: '0.1.0',
        undici: '7.30.2',
        axios: '1.21.1',
        got: '14.6.6',
      },
    },
    pace: { rounds: 2, sliceSeconds: 0.4, warmUpSeconds: 0.5 },
    seconds: 600,
    outcomes,
  }
}

/** 30,000 compared with 10,000 requests per second, with 30 and 90 microseconds of CPU. */
export const small = outcome('get-65b', {
  'undici-request': [sample(9_000, 100), sample(11_000, 80)],
  'hawser-request': [sample(30_000, 30), sample(30_000, 30)],
})
