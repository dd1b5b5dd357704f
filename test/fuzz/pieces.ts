import fc from 'fast-check'

/** Positions at which a text is split. Negative ones count from its end. */
export const cuts = fc.array(fc.oneof(fc.nat(0xffff), fc.integer({ min: -60, max: -1 })), {
  maxLength: 6,
})

/** Splits a text at these positions. No piece is empty. */
export function cutAt(text: string, cuts: readonly number[]): string[] {
  const places = [
    0,
    ...cuts.map((at) => (at < 0 ? Math.max(0, text.length + at) : at % (text.length + 1))),
    text.length,
  ]
  places.sort((a, b) => a - b)
  return places.slice(1).flatMap((end, i) => (end > places[i]! ? [text.slice(places[i], end)] : []))
}
