/** Environment variables; `process.env` is one. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What a variable says; undefined where it is not set or empty. */
export function variable(env: Environment, name: string): string | undefined {
  // Through `process.env`, too, a polluted `Object.prototype` would be seen.
  return (Object.hasOwn(env, name) && env[name]) || undefined
}
