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

type WebClasses = Pick<typeof globalThis, 'Headers' | 'ReadableStream' | 'Request' | 'Response'>

/**
 * Returns a class of the web standards. A test environment that imitates a browser may not have it:
 * Jest with jsdom has no `Response`. Then it is taken from the global object of the process.
 */
export function webClass<Name extends keyof WebClasses>(name: Name): WebClasses[Name] {
  const given: WebClasses[Name] | undefined = globalThis[name]
  return given ?? process.getBuiltinModule('node:vm').runInThisContext(name)
}

type RuntimeGlobal = 'Bun' | 'Deno' | 'FileReader'

/** Returns a global that only some runtimes have, such as `Bun`; undefined if there is none. */
export function runtimeGlobal(name: RuntimeGlobal): unknown {
  return option(globalThis as { readonly [Name in RuntimeGlobal]?: unknown }, name, undefined)
}
