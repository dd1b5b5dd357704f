/**
 * Only what the object says itself: a polluted `Object.prototype` could say where to connect to, or
 * switch checks off.
 */
export function own<T extends object>(options: T): T {
  return Object.assign(Object.create(null), options)
}
