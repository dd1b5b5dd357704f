import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mutatedResponse } from '../mutation.ts'
import type { Ending, Outcome } from '../one-exchange.ts'
import { exchange } from '../one-exchange.ts'
import { cutAt, cuts } from '../pieces.ts'
import { target } from '../target.ts'

/** However reads cut a response, it is the same one. */
export const responses = target({
  name: 'responses',
  inputs: fc.record({
    response: mutatedResponse,
    cuts,
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
