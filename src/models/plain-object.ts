/** Whether it is what `{}` makes, and no list or instance of a class. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  // An object of another realm, such as a test runner's, has another `Object.prototype`.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
