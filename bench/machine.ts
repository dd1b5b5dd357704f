import { createRequire } from 'node:module'
import os from 'node:os'
import type { ServerAddress } from './messages.ts'

/** Figures mean nothing without what they were taken on. */
export interface Machine {
  date: string
  node: string
  undici: string
  platform: string
  cpu: string
  cores: number
  /** Processes that wanted to run in the minute before. More than a few disturb what we measure. */
  load: number
  server: string
}

export function describeMachine(server: ServerAddress): Machine {
  const { version } = createRequire(import.meta.url)('undici/package.json') as { version: string }
  const cpus = os.cpus()
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    node: process.version,
    undici: version,
    platform: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    load: os.loadavg()[0] ?? 0,
    server: `${server.name} ${server.version}`,
  }
}
