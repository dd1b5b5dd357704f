import type { Backend } from './backend.ts'
import { nodeBackend } from './node.ts'

export type BackendChoice = 'auto' | 'node' | 'bun' | 'deno' | Backend

/** @throws TypeError for what is no backend, or is none of this version's. */
export function selectBackend(choice: BackendChoice | undefined): Backend {
  if (choice === undefined || choice === 'auto' || choice === 'node') return nodeBackend
  if (choice === 'bun' || choice === 'deno') {
    throw new TypeError(
      `backend: this version of Hawser has no '${choice}' backend; 'node' runs on that runtime, too`,
    )
  }
  if (isBackend(choice)) return choice
  throw new TypeError(`backend: expected 'auto', 'node' or a Backend, got ${describe(choice)}`)
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
