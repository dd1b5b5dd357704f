import type { Figures } from '../figures.ts'
import { isBusy } from '../machine.ts'

/** What stands below each chart, so that it means something by itself. */
export function footerOf({ machine, pace }: Figures): string[] {
  const { date, cpu, cores, platform, server, versions } = machine
  const { hawser, node, fetch, undici, axios, got } = versions
  const busy = isBusy(machine) ? ', while other work disturbed it' : ''
  return [
    `${date.slice(0, 10)}${busy}; ${cpu}, ${cores} cores, ${platform}; ${server} on the same machine`,
    `medians of ${pace.rounds} interleaved rounds of about ${pace.sliceSeconds} s`,
    `Hawser ${hawser}, Node ${node} with undici ${fetch} as its fetch, undici ${undici}, axios ${axios}, got ${got}`,
  ]
}
