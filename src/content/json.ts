/** Throws `TypeError` for what JSON lacks: functions, symbols, bigints, circles. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`json must not be a ${typeof value}`)
  return text
}
