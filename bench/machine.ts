import { readFileSync } from 'node:fs'
import os from 'node:os'
import type { ServerAddress } from './messages.ts'

/** The computer and its state when the run began. */
export interface Computer {
  date: string
  platform: string
  cpu: string
  cores: number
  /** Load average of the minute before the run. */
  load: number
}

/** The computer, the server and the compared versions. */
export interface Machine extends Computer {
  server: string
  versions: Versions
}

/** Versions of the runtime and of the compared clients. */
export interface Versions {
  node: string
  /** The version of the undici that Node.js bundles for its `fetch`. */
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
      hawser: findVersion(import.meta.url, 'hawser'),
      undici: packageVersion('undici'),
      axios: packageVersion('axios'),
      got: packageVersion('got'),
    },
  }
}

function packageVersion(name: string): string {
  return findVersion(import.meta.resolve(name), name)
}

/**
 * Searches the parent folders of a module for the package.json of a package. Packages need not
 * export that file, so it cannot be imported.
 */
function findVersion(url: string, name: string): string {
  let folder = new URL('.', url)
  for (let parent = folder; ; folder = parent) {
    try {
      const found = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))
      if (found.name === name) return found.version
    } catch {
      // This folder has no package.json.
    }
    parent = new URL('..', folder)
    if (parent.href === folder.href) return 'unknown'
  }
}

/** Whether other processes use so much CPU that measurements are inaccurate. */
export function isBusy({ load, cores }: Computer): boolean {
  return load > cores / 2
}
