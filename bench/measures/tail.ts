import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'
import { percentilesOf } from '../statistics.ts'

/**
 * Sends requests at random instants, without waiting for earlier ones, as clients of a server do.
 * Each is timed from the instant at which it was due. A pause, for example a garbage collection,
 * thus delays all requests that become due during it.
 */
export async function measureTail(
  contestant: Contestant,
  requests: number,
  perSecond: number,
): Promise<Sample> {
  const due = poissonArrivals(requests, perSecond)
  const micros = new Float64Array(requests)
  const cpu = process.cpuUsage()
  const start = performance.now()

  await new Promise<void>((resolve, reject) => {
    let next = 0
    let pending = requests
    const send = async (request: number) => {
      await contestant.run(1, 1)
      micros[request] = (performance.now() - start - due[request]!) * 1000
      if (--pending === 0) resolve()
    }
    // A timer would be late by up to a millisecond, which is longer than most requests take.
    const sendDue = () => {
      const now = performance.now() - start
      while (next < requests && due[next]! <= now) send(next++).catch(reject)
      if (next < requests) setImmediate(sendDue)
    }
    sendDue()
  })

  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { requests, seconds, cpuMicros: user + system, tailMicros: percentilesOf(micros) }
}

/**
 * Returns the due times in milliseconds from the start. They are a Poisson process, which is the
 * same for all contestants.
 */
export function poissonArrivals(requests: number, perSecond: number): Float64Array {
  const random = seededRandom(0x9e3779b9)
  const due = new Float64Array(requests)
  let millis = 0
  for (let request = 0; request < requests; request++) {
    millis += (-Math.log(1 - random()) * 1000) / perSecond
    due[request] = millis
  }
  return due
}

/** Returns a generator of numbers in [0, 1): Marsaglia's xorshift. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
