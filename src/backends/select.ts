import type { Backend } from './backend.ts'
import { bunBackend } from './bun.ts'
import { denoBackend } from './deno.ts'
import { nodeBackend } from './node.ts'
import { bunApi, denoApi } from './other-runtimes.ts'

export type BackendChoice = 'auto' | 'node' | 'bun' | 'deno' | Backend

/** One of each, so that all pools share what a backend keeps. */
const own: { bun?: Backend; deno?: Backend } = {}

/** @throws TypeError for what is no backend, or is none of this runtime's. */
export function selectBackend(choice: BackendChoice | undefined): Backend {
  if (choice === undefined || choice === 'auto') return bunSockets() ?? denoSockets() ?? nodeBackend
  if (choice === 'node') return nodeBackend
  if (choice === 'bun') return bunSockets() ?? missing('bun', 'Bun')
  if (choice === 'deno') return denoSockets() ?? missing('deno', 'Deno')
  if (isBackend(choice)) return choice
  throw new TypeError(
    `backend: expected 'auto', 'node', 'bun', 'deno' or a Backend, got ${describe(choice)}`,
  )
}

function bunSockets(): Backend | undefined {
  const bun = bunApi()
  if (bun !== undefined) own.bun ??= bunBackend(bun)
  return own.bun
}

function denoSockets(): Backend | undefined {
  const deno = denoApi()
  if (deno !== undefined) own.deno ??= denoBackend(deno)
  return own.deno
}

function missing(name: string, runtime: string): never {
  throw new TypeError(
    `backend: '${name}' has the sockets of ${runtime}, and this is not ${runtime}`,
  )
}

function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false
  const { clock, connect, lookup, secure } = value as Partial<Backend>
  return (
    typeof clock === 'object' &&
    [connect, lookup, secure].every((method) => typeof method === 'function')
  )
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
