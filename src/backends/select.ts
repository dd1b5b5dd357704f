import type { Backend } from './backend.ts'
import { bunBackend } from './bun.ts'
import { denoBackend } from './deno.ts'
import { nodeBackend } from './node.ts'
import { bunApi, denoApi } from './other-runtimes.ts'

/** The implementation of sockets and clocks. `auto` is that of the current runtime. */
export type BackendChoice = 'auto' | 'node' | 'bun' | 'deno' | Backend

/** The backends created so far: one per runtime, shared by all pools. */
let createdForBun: Backend | undefined
let createdForDeno: Backend | undefined

/**
 * Returns the backend for an option.
 *
 * @throws TypeError if it is not a backend, or not available here
 */
export function selectBackend(choice: BackendChoice | undefined): Backend {
  if (choice === undefined || choice === 'auto')
    return availableBunBackend() ?? availableDenoBackend() ?? nodeBackend
  if (choice === 'node') return nodeBackend
  if (choice === 'bun') return availableBunBackend() ?? throwUnavailable('bun', 'Bun')
  if (choice === 'deno') return availableDenoBackend() ?? throwUnavailable('deno', 'Deno')
  if (isBackend(choice)) return choice
  throw new TypeError(
    `backend: expected 'auto', 'node', 'bun', 'deno' or a Backend, got ${describe(choice)}`,
  )
}

function availableBunBackend(): Backend | undefined {
  const bun = bunApi()
  if (bun !== undefined) createdForBun ??= bunBackend(bun)
  return createdForBun
}

function availableDenoBackend(): Backend | undefined {
  const deno = denoApi()
  if (deno !== undefined) createdForDeno ??= denoBackend(deno)
  return createdForDeno
}

function throwUnavailable(name: string, runtime: string): never {
  throw new TypeError(`backend: '${name}' requires ${runtime}, and this runtime is not ${runtime}`)
}

const BACKEND_METHODS = ['lookup', 'connect', 'secure', 'hold', 'release'] as const
const CLOCK_METHODS = ['now', 'timer', 'afterPending', 'afterPoll', 'microtask'] as const

function hasMethods(value: object | undefined, names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(value ?? {}, name) === 'function')
}

function isBackend(value: unknown): value is Backend {
  if (typeof value !== 'object' || value === null) return false
  return hasMethods(value, BACKEND_METHODS) && hasMethods((value as Backend).clock, CLOCK_METHODS)
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
