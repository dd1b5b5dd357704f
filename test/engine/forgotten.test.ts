// A program that forgets a thousand responses. It takes seconds, so it does not run on all runtimes.
import { test } from 'node:test'
import { checkOutcomes, remote, runForget } from './run-forget.ts'

const [COUNT, LIMIT] = [1000, 20]

for (const inWorker of [false, true]) {
  const where = inWorker ? 'a worker' : 'the main thread'
  test(`42, 43 a program that forgets 1,000 responses of 1 MB ends by itself: ${where}`, async (t) => {
    const outcomes = await runForget(t, { inWorker, limit: LIMIT, counts: remote(COUNT) })
    checkOutcomes(outcomes, COUNT, LIMIT)
  })
}
