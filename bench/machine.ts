import { readFileSync } from 'node:fs'
import os from 'node:os'
import type { ServerAddress } from './messages.ts'

/** Figures mean nothing without what they were taken on. */
export interface Computer {
  date: string
  platform: string
  cpu: string
  cores: number
  /** Processes that wanted to run in the minute before. More than a few disturb what we measure. */
  load: number
}

export interface Machine extends Computer {
  server: string
  versions: Versions
}

/** Of the runtime and of those who take part. */
export interface Versions {
  node: string
  /** The undici that is built into Node as its `fetch`. */
  fetch: string
  hawser: string
  undici: string
  axios: string
  got: string
}

export function describeComputer(): Computer {
  const cpus = os.cpus()
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    platform: `${os.type()} ${/^\d+(\.\d+)?/.exec(os.release())?.[0]} ${os.arch()}`,
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    load: os.loadavg()[0] ?? 0,
  }
}

export function describeMachine(server: ServerAddress): Machine {
  return {
    ...describeComputer(),
    server: `${server.name} ${server.version}`,
    versions: {
      node: process.versions.node,
      fetch: process.versions.undici ?? '',
      hawser: versionAbove(import.meta.url, 'hawser'),
      undici: versionOf('undici'),
      axios: versionOf('axios'),
      got: versionOf('got'),
    },
  }
}

function versionOf(name: string): string {
  return versionAbove(import.meta.resolve(name), name)
}

/** A package need not export its package.json, so it is looked for in the folders above. */
function versionAbove(url: string, name: string): string {
  let at = new URL('.', url)
  for (let above = at; ; at = above) {
    try {
      const found = JSON.parse(readFileSync(new URL('package.json', at), 'utf8'))
      if (found.name === name) return found.version
    } catch {
      // not in this folder
    }
    above = new URL('..', at)
    if (above.href === at.href) return 'unknown'
  }
}

/** Whether so much else runs that the figures are disturbed. */
export function isBusy({ load, cores }: Computer): boolean {
  return load > cores / 2
}
