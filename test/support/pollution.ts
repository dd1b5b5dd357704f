/** Runs `work` while `Object.prototype` has these properties, as after prototype pollution. */
export function withPollutedPrototype<Result>(
  properties: Record<string, unknown>,
  work: () => Result,
): Result {
  const prototype = Object.prototype as unknown as Record<string, unknown>
  Object.assign(prototype, properties)
  try {
    return work()
  } finally {
    for (const name of Object.keys(properties)) delete prototype[name]
  }
}
