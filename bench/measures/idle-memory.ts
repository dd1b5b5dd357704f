import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contestant } from '../contestants/contestant.ts'
import type { Sample } from '../statistics.ts'

/** Enough for the client's own code and lists to be there before its connections are counted. */
const requestsBefore = 2000

/**
 * V8 lets the space for new objects grow by megabytes when it likes, which hid what connections
 * take: the same client showed 14 and 23 KB for each in turn. So it has one size, and is in use.
 */
export const fixedYoungGeneration = ['--min-semi-space-size=8', '--max-semi-space-size=8']

function touchYoungGeneration(): unknown[] {
  let last: unknown[] = []
  for (let allocated = 0; allocated < 64 * 1024 * 1024; allocated += 1024) last = new Array(128)
  return last
}

/** Opens many connections at once and says what each costs when it has become idle. */
export async function measureIdleMemory(
  contestant: Contestant,
  connections: number,
): Promise<Sample> {
  await contestant.run(requestsBefore, 1)
  touchYoungGeneration()
  const openBefore = openFiles()
  const before = await settledMemory()

  const cpu = process.cpuUsage()
  const start = performance.now()
  await contestant.run(connections, connections)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)

  const after = await settledMemory()
  const opened = openBefore === undefined ? connections : (openFiles() ?? 0) - openBefore
  if (opened < connections * 0.9) {
    throw new Error(`only ${opened} of ${connections} connections are open and idle`)
  }
  return {
    requests: connections,
    seconds,
    cpuMicros: user + system,
    heapBytes: (after.heapUsed - before.heapUsed) / opened,
    rssBytes: (after.rss - before.rss) / opened,
  }
}

async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let round = 0; round < 3; round++) {
    await sleep(100)
    globalThis.gc?.()
  }
  return process.memoryUsage()
}

/** Linux tells; elsewhere we believe the contestant. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
