import type { Figures } from '../figures.ts'
import { isBusy } from '../machine.ts'
import { roundsOf } from '../rounds.ts'
import type { Workload } from '../workloads/workload.ts'

/** What stands below each chart, so that it means something by itself. */
export function footerOf({ machine, pace }: Figures, workload: Workload, more = ''): string[] {
  const { date, cpu, cores, platform, server, versions } = machine
  const { hawser, node, fetch, undici, axios, got } = versions
  const busy = isBusy(machine) ? ', while other work disturbed it' : ''
  return [
    `${date.slice(0, 10)}${busy}; ${cpu}, ${cores} cores, ${platform}; ${server} on the same machine`,
    `Medians of ${roundsOf(workload, pace)} interleaved rounds${more}`,
    `Hawser ${hawser}, Node ${node} with undici ${fetch} as its fetch, undici ${undici}, axios ${axios}, got ${got}`,
  ]
}
