import { inspect } from 'node:util'

/**
 * Throws `TypeError` if `options` is not an object, or has a key that is not in `names`. A misspelt
 * limit must not be ignored silently.
 *
 * @param label the name of the options, for the message of the error
 */
export function checkOptions<Name extends string>(
  label: string,
  options: { readonly [N in Name]?: unknown },
  names: readonly Name[],
): void {
  if (!isOptions(options)) {
    // A string or an array can be a URL or a field with a secret.
    const kind =
      typeof options === 'string' ? 'a string' : Array.isArray(options) ? 'an array' : null
    throw new TypeError(`${label} must be an object, not ${kind ?? show(options)}`)
  }
  for (const key of Object.keys(options)) {
    if (!names.includes(key as Name)) {
      throw new TypeError(`${label}.${key} is not an option; the options are ${names.join(', ')}`)
    }
  }
}

/**
 * Whether the value can hold options. A `Date`, a `Map` and other objects that are not plain have
 * no own properties: they would be taken for options of which none is given.
 */
export function isOptions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  if (Object.keys(value).length > 0) return true
  const prototype: object | null = Object.getPrototypeOf(value)
  // `Object.prototype` of another realm has no prototype either.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * Returns the own property `name` of `options`, or the fallback if it is undefined. Inherited
 * properties do not count, because `Object.prototype` can be polluted.
 */
export function option<Options extends object, Name extends keyof Options, Fallback>(
  options: Options,
  name: Name,
  fallback: Fallback,
): Exclude<Options[Name], undefined> | Fallback {
  const given = Object.hasOwn(options, name) ? options[name] : undefined
  return given === undefined ? fallback : (given as Exclude<Options[Name], undefined>)
}

/**
 * Returns a member of an object that may be an instance of a class, so that inherited members count.
 * Those of a polluted `Object.prototype` do not.
 */
export function memberOf(value: object, name: string): unknown {
  const member = (value as Record<string, unknown>)[name]
  if (member === undefined || Object.hasOwn(value, name)) return member
  return member === (Object.prototype as Record<string, unknown>)[name] ? undefined : member
}

/**
 * Copies the own properties to an object without a prototype. A polluted `Object.prototype` could
 * otherwise change the options that the runtime or destructuring reads, for example disable checks.
 */
export function withoutPrototype<Options extends object>(options: Options): Options {
  return Object.assign(Object.create(null), options)
}

/** Returns a duration in ms; null for `Infinity`. Throws `TypeError` for an invalid value. */
export function checkDuration(label: string, value: unknown, range: '> 0' | '>= 0'): number | null {
  if (value === null || value === Infinity) return null
  if (typeof value === 'number' && (range === '> 0' ? value > 0 : value >= 0)) return value
  const shown = typeof value === 'string' ? 'a string' : show(value) // it can be a secret by mistake
  throw new TypeError(`${label} must be null or a number of ms ${range}, not ${shown}`)
}

/** Returns an integer; null for `Infinity`. Throws `TypeError` for an invalid value. */
export function checkCount(label: string, value: unknown, min: 0 | 1): number | null {
  if (value === null || value === Infinity) return null
  if (Number.isSafeInteger(value) && (value as number) >= min) return value as number
  throw new TypeError(`${label} must be null or an integer >= ${min}, not ${show(value)}`)
}

/**
 * Throws `TypeError` for a value that is not a boolean.
 *
 * @param others other values that the caller accepts, for the message of the error
 */
export function checkFlag(label: string, value: unknown, ...others: string[]): boolean {
  if (typeof value === 'boolean') return value
  const expected = ['true', 'false', ...others]
  const last = expected.pop()
  throw new TypeError(`${label} must be ${expected.join(', ')} or ${last}, not ${show(value)}`)
}

/** Throws `TypeError` for a value that is not a function. */
export function checkFunction<Value>(label: string, value: Value): Value {
  if (typeof value === 'function') return value
  throw new TypeError(`${label} must be a function, not ${show(value)}`)
}

function show(value: unknown): string {
  return inspect(value, { depth: 0 })
}
