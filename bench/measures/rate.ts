import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'

/** Measures requests per second, and the CPU time of the whole process. */
export async function measureRate(
  contestant: Contestant,
  requests: number,
  concurrency: number,
): Promise<Sample> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await contestant.run(requests, concurrency)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { requests, seconds, cpuMicros: user + system }
}

/**
 * Runs requests for at least `seconds`, until the rate no longer rises. Returns the last rate in
 * requests per second.
 */
export async function warmUp(
  contestant: Contestant,
  seconds: number,
  concurrency: number,
): Promise<number> {
  const start = performance.now()
  let requests = concurrency
  let previousRate = 0
  for (;;) {
    const sample = await measureRate(contestant, requests, concurrency)
    const rate = sample.requests / sample.seconds
    const elapsed = (performance.now() - start) / 1000
    // On a busy machine V8 compiles late, so elapsed time is not enough.
    const isSteady = elapsed >= seconds && rate < previousRate * 1.1
    if (isSteady || elapsed >= seconds * 4) return rate
    // Only a part that takes a quarter of the time gives a reliable rate.
    if (sample.seconds < seconds / 4) requests *= 2
    else previousRate = rate
  }
}
