// Runs each fuzzer briefly, always with the same inputs. `npm run fuzz` tries more of them, and
// .ci/run runs it for a minute.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { explore, target } from './target.ts'
import { targets } from './targets.ts'

const SEED = 20_260_101
const RUNS = 250

for (const each of targets) {
  test(`${each.name}: ${RUNS} inputs, and all that failed before`, async () => {
    const { runs, failure } = await explore(each, { seed: SEED, runs: RUNS })
    if (failure !== null) {
      throw new Error(`The check fails for ${JSON.stringify(failure.input)}`, {
        cause: failure.error,
      })
    }
    assert.ok(runs >= RUNS)
  })
}

test('a failing input is found and minimised', async () => {
  const broken = target({
    name: 'broken',
    inputs: fc.array(fc.nat(1000)),
    check: (numbers) => assert.ok(numbers.every((number) => number < 500)),
  })
  const { failure } = await explore(broken, { seed: SEED, runs: RUNS })
  assert.deepEqual(failure?.input, [500])
})
