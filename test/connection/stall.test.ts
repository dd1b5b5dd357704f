// Every kind of exchange, with a peer that stops sending at every byte of the response.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadTimeout } from '../../src/engine.ts'
import { assertError, PoolHarness } from '../support/pool-harness.ts'
import type { Sample } from './samples.ts'
import { headEndOf, isExpecting, responseOf, samples, takeUpgrade } from './samples.ts'

const READ = 2000
/** When the bytes arrive, in ms. A deadline that does not start again would expire too early. */
const ARRIVAL = 300
const CONTINUE_WAIT = 1000

for (const sample of samples) {
  const end = sample.upgrade ? headEndOf(sample) : responseOf(sample).length
  const stalls = Array.from({ length: sample.untilClose ? end + 1 : end }, (_, at) => at)

  test(`${sample.name}: stalled at each of ${stalls.length} positions`, async () => {
    await Promise.all(stalls.map((at) => stallAt(sample, at)))
  })

  test(`${sample.name}: each byte of the body arrives just before the read timeout`, async () => {
    const harness = new PoolHarness({ timeouts: { read: READ } })
    const call = await harness.send(sample.request(), takeUpgrade)
    const head = responseOf(sample).slice(0, headEndOf(sample))
    for (const bytes of [head, ...responseOf(sample).slice(head.length, end)]) {
      await harness.clock.advance(READ - 1)
      await harness.receive(bytes)
    }
    if (sample.untilClose) harness.socket.receiveEnd()
    await harness.clock.flush()
    assert.equal(call.events.at(-1), sample.upgrade ? `upgrade ${call.head?.status}` : 'end')
    assert.equal(call.body, sample.body)
    await harness.finish()
  })
}

async function stallAt(sample: Sample, at: number): Promise<void> {
  const harness = new PoolHarness({ timeouts: { read: READ } })
  const call = await harness.send(sample.request(), takeUpgrade)
  await harness.clock.advance(ARRIVAL)
  if (at > 0) await harness.receive(responseOf(sample).slice(0, at))

  // The read timeout starts at the last byte, or when the request was sent.
  const holdsBack = isExpecting(sample) && at === 0
  const since = holdsBack ? CONTINUE_WAIT : at > 0 ? ARRIVAL : 0
  await harness.clock.advance(since + READ - 1 - harness.clock.now())
  const where = `${sample.name}, stalled at ${at}`
  assert.equal(call.hasEnded, false, where)
  await harness.clock.advance(1)

  const inBody = at >= headEndOf(sample)
  assertError(
    call.error,
    ReadTimeout,
    {
      cause: undefined,
      phase: inBody ? 'read' : 'wait',
      bytesSent: harness.socket.written.length,
      responseStarted: at > 0,
      reusedConnection: false,
      safeToRetry: at === 0 && sample.repeatable,
    },
    where,
  )
  assert.match((call.error as Error).message, / for 2000 ms \(\w+ \S+( at \S+)?, after \d+ ms\)$/)
  assert.equal(call.head !== null, inBody, where)
  assert.ok(sample.body.startsWith(call.body), where)
  assert.deepEqual(harness.closeReasons, ['timeout'], where)
  assert.ok(harness.socket.destroyed, where)
  await harness.finish()
}
