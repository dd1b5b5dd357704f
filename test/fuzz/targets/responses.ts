import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mutatedResponse } from '../mutation.ts'
import type { Ending, Outcome } from '../one-exchange.ts'
import { exchange } from '../one-exchange.ts'
import { target } from '../target.ts'

/** However reads cut a response, it is the same one. */
export const responses = target({
  name: 'responses',
  inputs: fc.record({
    response: mutatedResponse,
    cuts: fc.array(fc.nat(0xffff), { maxLength: 6 }),
    settles: fc.boolean(),
    reused: fc.boolean(),
    upgrades: fc.boolean(),
    ending: fc.constantFrom<Ending>('end', 'reset', 'silence'),
  }),
  async check({ response: { method, text }, cuts, settles, ...rest }) {
    const [whole] = await exchange(method, { pieces: cutAt(text, []), settles: true, ...rest })
    const [split] = await exchange(method, { pieces: cutAt(text, cuts), settles, ...rest })
    assert.deepEqual(comparable(split), comparable(whole))
  },
})

/**
 * A head that will never be right may be refused at once or, where a fold could still mend it, when no
 * more of it comes: then the ending gives the error its name.
 */
function comparable(outcome: Outcome): Outcome {
  const isRefused = outcome.head === null && outcome.end.startsWith('error ')
  return isRefused ? { ...outcome, end: 'error' } : outcome
}

/** Pieces, none of them empty. */
function cutAt(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((at) => at % (text.length + 1)), text.length]
  places.sort((a, b) => a - b)
  return places.slice(1).flatMap((end, i) => (end > places[i]! ? [text.slice(places[i], end)] : []))
}
