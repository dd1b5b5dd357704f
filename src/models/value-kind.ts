/** Returns the type of a value for an error message, such as `string`, `Array` or `Blob`. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/** Whether the value is a plain object, not an array or an instance of a class. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  // An object of another realm, such as that of a test runner, has another `Object.prototype`.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Whether the value has a method `then`, as promises do. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

/** Returns the code of a system error, such as `ENOENT`, or the message of another error. */
export function codeOrMessage(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code ?? message
}

/**
 * Whether the value is an error, also one of another realm. In a test runner that gives each file
 * its own globals, the errors of the runtime are not instances of the file's `Error`.
 */
export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true
  const kind = kindOf(value)
  return kind === 'Error' || kind === 'DOMException'
}

/** Returns a thrown value as an error, because code of the caller can throw any value. */
export function asError(thrown: unknown): Error {
  if (isError(thrown)) return thrown
  let text = kindOf(thrown)
  try {
    text = String(thrown)
  } catch {
    // An object without a prototype has no text.
  }
  return new Error(text, { cause: thrown })
}
