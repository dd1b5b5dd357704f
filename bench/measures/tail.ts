import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'
import { percentilesOf } from '../statistics.ts'

/**
 * Requests come at random instants, whether those before them are done or not, as they come to a
 * server; each is timed from the instant at which it should have begun. So whoever is late, for
 * garbage collection or anything else, is late for all that have come meanwhile.
 */
export async function measureTail(
  contestant: Contestant,
  requests: number,
  perSecond: number,
): Promise<Sample> {
  const due = arrivals(requests, perSecond)
  const micros = new Float64Array(requests)
  const cpu = process.cpuUsage()
  const start = performance.now()

  await new Promise<void>((resolve, reject) => {
    let next = 0
    let left = requests
    const send = async (request: number) => {
      await contestant.run(1, 1)
      micros[request] = (performance.now() - start - due[request]!) * 1000
      if (--left === 0) resolve()
    }
    // A timer is late by up to a millisecond, which is longer than most requests take.
    const look = () => {
      const now = performance.now() - start
      while (next < requests && due[next]! <= now) send(next++).catch(reject)
      if (next < requests) setImmediate(look)
    }
    look()
  })

  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { requests, seconds, cpuMicros: user + system, tailMicros: percentilesOf(micros) }
}

/** Milliseconds from the start: a Poisson process, and the same one for everybody. */
export function arrivals(requests: number, perSecond: number): Float64Array {
  const random = seededRandom(0x9e3779b9)
  const due = new Float64Array(requests)
  let at = 0
  for (let request = 0; request < requests; request++) {
    at += (-Math.log(1 - random()) * 1000) / perSecond
    due[request] = at
  }
  return due
}

/** Numbers in [0, 1), by Marsaglia's xorshift. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
