import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'
import { spread } from '../statistics.ts'

const gapMillis = 5

/** Single requests with gaps between them: what a caller waits for on a quiet connection. */
export async function measureLatency(contestant: Contestant, requests: number): Promise<Sample> {
  const times: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let request = 0; request < requests; request++) {
    await sleep(gapMillis)
    const before = performance.now()
    await contestant.run(1, 1)
    times.push((performance.now() - before) * 1000)
  }
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const latencyMicros = spread(times).median
  return { requests, seconds, cpuMicros: user + system, latencyMicros }
}
