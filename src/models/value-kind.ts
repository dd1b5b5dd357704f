/** The kind of a value, for an error message: nothing of what it holds. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

/** Whether it is what `{}` makes, and no list or instance of a class. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  // An object of another realm, such as a test runner's, has another `Object.prototype`.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Whether it has a method `then`, as promises do. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
