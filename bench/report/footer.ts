import type { Figures } from '../figures.ts'
import { isBusy } from '../machine.ts'
import { roundsOf } from '../rounds.ts'
import type { Workload } from '../workloads/workload.ts'

/** Returns the lines below a chart, which make it understandable without the page. */
export function footerOf({ machine, pace }: Figures, workload: Workload, suffix = ''): string[] {
  const { date, cpu, cores, platform, server, versions } = machine
  const { hawser, node, fetch, undici, axios, got } = versions
  const busy = isBusy(machine) ? ' (on a busy machine)' : ''
  return [
    `${date.slice(0, 10)}${busy}; ${cpu}, ${cores} cores, ${platform}; ${server} on the same machine`,
    `Medians of ${roundsOf(workload, pace)} interleaved rounds${suffix}`,
    `Hawser ${hawser}, Node.js ${node} with undici ${fetch} as its fetch, undici ${undici}, axios ${axios}, got ${got}`,
  ]
}
