import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'
import { computeSpread } from '../statistics.ts'

const GAP_MILLIS = 5

/** Measures the median time of single requests with pauses between them. */
export async function measureLatency(contestant: Contestant, requests: number): Promise<Sample> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let request = 0; request < requests; request++) {
    await sleep(GAP_MILLIS)
    const before = performance.now()
    await contestant.run(1, 1)
    times.push((performance.now() - before) * 1000)
  }
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const latencyMicros = computeSpread(times).median
  return { requests, seconds, cpuMicros: user + system, latencyMicros }
}
