import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'

/** After this many requests, code and data structures of the client exist and are not counted. */
const WARM_UP_REQUESTS = 2000

/**
 * V8 flags that fix the size of the young generation. V8 lets it grow by megabytes at any time. The
 * memory of one connection then measured 14 KB in one run and 23 KB in the next.
 */
export const fixedYoungGenerationFlags = ['--min-semi-space-size=8', '--max-semi-space-size=8']

/** Fills the young generation, so that all of its memory is resident before the measurement. */
function fillYoungGeneration(): unknown[] {
  let last: unknown[] = []
  for (let allocated = 0; allocated < 64 * 1024 * 1024; allocated += 1024) last = new Array(128)
  return last
}

/** Opens many connections at once, and returns the memory of each idle connection. */
export async function measureIdleMemory(
  contestant: Contestant,
  connections: number,
): Promise<Sample> {
  await contestant.run(WARM_UP_REQUESTS, 1)
  fillYoungGeneration()
  const openBefore = countOpenFiles()
  const before = await memoryAfterGc()

  const cpu = process.cpuUsage()
  const start = performance.now()
  await contestant.run(connections, connections)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)

  const after = await memoryAfterGc()
  const opened = openBefore === undefined ? connections : (countOpenFiles() ?? 0) - openBefore
  if (opened < connections * 0.9) {
    throw new Error(`Only ${opened} of ${connections} connections are open and idle`)
  }
  return {
    requests: connections,
    seconds,
    cpuMicros: user + system,
    heapBytes: (after.heapUsed - before.heapUsed) / opened,
    rssBytes: (after.rss - before.rss) / opened,
  }
}

async function memoryAfterGc(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 3; round++) {
    await sleep(100)
    globalThis.gc?.()
  }
  return process.memoryUsage()
}

/** Counts the open file descriptors of this process. Undefined on systems other than Linux. */
function countOpenFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
