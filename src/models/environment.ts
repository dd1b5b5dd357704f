/**
 * The only place that reads `process.env` and the globals of runtimes. Both inherit from
 * `Object.prototype`, so a plain read returns what prototype pollution has put there: a property
 * NODE_TLS_REJECT_UNAUTHORIZED would switch the verification of certificates off.
 */
import { option } from './options.ts'

/** Environment variables, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Returns the value of an environment variable; undefined if it is not set or empty. A variable
 * that may not be read is not set: Deno throws without the permission `--allow-env`.
 *
 * @param env the variables. Default `process.env`
 */
export function environmentVariable(
  name: string,
  env: Environment = process.env,
): string | undefined {
  try {
    return option(env, name, undefined) || undefined
  } catch {
    return undefined
  }
}

/** Whether an environment variable is set, possibly to an empty value. */
export function hasEnvironmentVariable(name: string, env: Environment = process.env): boolean {
  try {
    return Object.hasOwn(env, name)
  } catch {
    return false
  }
}

/** Returns the names of all variables as they are written, also on Windows; none without access. */
export function environmentNames(env: Environment = process.env): string[] {
  try {
    return Object.keys(env)
  } catch {
    return []
  }
}

/** Returns a global that only some runtimes have, such as `Bun`; undefined if there is none. */
export function runtimeGlobal(name: 'Bun' | 'Deno'): unknown {
  return option(globalThis as { readonly Bun?: unknown; readonly Deno?: unknown }, name, undefined)
}
