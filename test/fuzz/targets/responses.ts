import assert from 'node:assert/strict'
import fc from 'fast-check'
import { mutatedResponse } from '../mutation.ts'
import type { Ending, Outcome } from '../one-exchange.ts'
import { runExchange } from '../one-exchange.ts'
import { cutAt, cuts } from '../pieces.ts'
import { target } from '../target.ts'

/** A response has the same outcome however the reads split it. */
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
    const [unsplit] = await runExchange(method, { pieces: cutAt(text, []), settles: true, ...rest })
    const [split] = await runExchange(method, { pieces: cutAt(text, cuts), settles, ...rest })
    assert.deepEqual(comparable(split), comparable(unsplit))
  },
})

/**
 * An invalid head may be rejected at once, or only when the connection ends, if a folded line could
 * still make it valid. The kind of error then depends on how the connection ends, so it is not
 * compared.
 */
function comparable(outcome: Outcome): Outcome {
  const isRefused = outcome.head === null && outcome.end.startsWith('error ')
  return isRefused ? { ...outcome, end: 'error' } : outcome
}
