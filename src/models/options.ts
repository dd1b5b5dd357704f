import { inspect } from 'node:util'

/**
 * Throws `TypeError` if `options` is no plain object or has a key that is not among `names`: a
 * misspelt bound must not be ignored in silence.
 */
export function checkOptions<Name extends string>(
  label: string,
  options: { readonly [N in Name]?: unknown },
  names: readonly Name[],
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${label} must be an object, not ${show(options)}`)
  }
  for (const key of Object.keys(options)) {
    if (!names.includes(key as Name)) {
      throw new TypeError(`${label}.${key} is not an option; there are ${names.join(', ')}`)
    }
  }
}

/** What `options` itself gives for `name`, else the fallback: a polluted prototype gives nothing. */
export function option<Options extends object, Name extends keyof Options, Fallback>(
  options: Options,
  name: Name,
  fallback: Fallback,
): Exclude<Options[Name], undefined> | Fallback {
  const given = Object.hasOwn(options, name) ? options[name] : undefined
  return given === undefined ? fallback : (given as Exclude<Options[Name], undefined>)
}

/** Environment variables; `process.env` is one. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The value of an environment variable; undefined where it is not set or empty. */
export function variable(env: Environment, name: string): string | undefined {
  // Through `process.env`, too, a polluted `Object.prototype` would be seen.
  return option(env, name, undefined) || undefined
}

/**
 * A copy of the own properties, without a prototype: a polluted `Object.prototype` would tell the runtime,
 * or who destructures it, where to connect to, or to switch checks off.
 */
export function withoutPrototype<Options extends object>(options: Options): Options {
  return Object.assign(Object.create(null), options)
}

/** A duration in milliseconds; null or `Infinity` is none. Throws `TypeError` that names `label`. */
export function duration(label: string, value: unknown, least: '> 0' | '>= 0'): number | null {
  if (value === null || value === Infinity) return null
  if (typeof value === 'number' && (least === '> 0' ? value > 0 : value >= 0)) return value
  throw new TypeError(`${label} must be null or milliseconds ${least}, not ${show(value)}`)
}

/** A number of things; null or `Infinity` is no bound. Throws `TypeError` that names `label`. */
export function count(label: string, value: unknown, least: 0 | 1): number | null {
  if (value === null || value === Infinity) return null
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  throw new TypeError(`${label} must be null or an integer >= ${least}, not ${show(value)}`)
}

/** Throws `TypeError` that names `label` for anything but true and false. */
export function flag(label: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${label} must be true or false, not ${show(value)}`)
}

/** Throws `TypeError` that names `label` for what is no function. */
export function callable<Value>(label: string, value: Value): Value {
  if (typeof value === 'function') return value
  throw new TypeError(`${label} must be a function, not ${show(value)}`)
}

function show(value: unknown): string {
  return inspect(value, { depth: 0 })
}
