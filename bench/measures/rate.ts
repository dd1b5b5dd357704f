import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'

/** Requests per second, and the CPU that the whole process took for them. */
export async function measureRate(
  contestant: Contestant,
  requests: number,
  lanes: number,
): Promise<Sample> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await contestant.run(requests, lanes)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { requests, seconds, cpuMicros: user + system }
}

/** Runs requests for at least so long, and until they get no faster. Says how fast they got. */
export async function warmUp(
  contestant: Contestant,
  seconds: number,
  lanes: number,
): Promise<number> {
  const start = performance.now()
  let requests = lanes
  let before = 0
  for (;;) {
    const sample = await measureRate(contestant, requests, lanes)
    const rate = sample.requests / sample.seconds
    const elapsed = (performance.now() - start) / 1000
    // On a busy machine the compilers come late, so time alone does not tell.
    const settled = elapsed >= seconds && rate < before * 1.1
    if (settled || elapsed >= seconds * 4) return rate
    // A part that took a quarter of the time is long enough to judge from.
    if (sample.seconds < seconds / 4) requests *= 2
    else before = rate
  }
}
