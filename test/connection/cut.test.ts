// Every kind of exchange, closed or reset by the peer at every byte of the response.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadError, RemoteProtocolError } from '../../src/engine.ts'
import { assertError, PoolHarness } from '../support/pool-harness.ts'
import { settle } from '../support/scripted-clock.ts'
import type { Sample } from './samples.ts'
import { headEndOf, isExpecting, responseOf, samples, takeUpgrade } from './samples.ts'

const RESET = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

type Cut = 'FIN' | 'reset'

for (const sample of samples) {
  const end = sample.upgrade ? headEndOf(sample) : responseOf(sample).length
  const cuts = Array.from({ length: sample.untilClose ? end + 1 : end }, (_, at) => at)

  test(`${sample.name}: complete`, async () => {
    const harness = new PoolHarness()
    const call = await harness.send(sample.request(), takeUpgrade)
    await harness.receive(responseOf(sample))
    if (sample.untilClose) harness.socket.receiveEnd()
    await settle()
    assert.equal(call.events.at(-1), sample.upgrade ? `upgrade ${call.head?.status}` : 'end')
    assert.equal(call.body, sample.body)
    assert.equal(call.informational.length, sample.before.split('HTTP/').length - 1)
    if (!sample.upgrade) assert.deepEqual([...call.trailers!], sample.trailers)
    assert.equal(contentOf(harness.socket.written), sample.content)
    await harness.finish()
  })

  for (const cut of ['FIN', 'reset'] as const) {
    test(`1, 27, S10 ${sample.name}: ${cut} at each of ${cuts.length} positions`, async () => {
      await Promise.all(cuts.map((at) => cutAt(sample, at, cut)))
    })
  }
}

async function cutAt(sample: Sample, at: number, cut: Cut): Promise<void> {
  const harness = new PoolHarness()
  const call = await harness.send(sample.request(), takeUpgrade)
  if (at > 0) await harness.receive(responseOf(sample).slice(0, at))
  const { socket } = harness
  if (cut === 'FIN') socket.receiveEnd()
  else socket.reset(RESET)
  await settle()

  const where = `${sample.name}, ${cut} at ${at}`
  const inBody = at >= headEndOf(sample)
  assert.equal(call.head !== null, inBody, where)
  if (cut === 'FIN' && inBody && sample.untilClose) {
    assert.equal(call.events.at(-1), 'end', where)
    assert.equal(call.body, sample.afterHead.slice(0, at - headEndOf(sample)), where)
    assert.deepEqual(harness.closeReasons, ['body-until-close'], where)
  } else {
    const uploaded = !isExpecting(sample) || at >= sample.before.length
    const type = cut === 'FIN' ? RemoteProtocolError : ReadError
    const facts = {
      cause: cut === 'FIN' ? undefined : RESET,
      phase: inBody ? 'read' : uploaded ? 'wait' : 'write',
      bytesSent: socket.written.length,
      responseStarted: at > 0,
      reusedConnection: false,
      safeToRetry: at === 0 && sample.repeatable,
    }
    assertError(call.error, type, facts, where)
    assert.ok(sample.body.startsWith(call.body), where)
    assert.deepEqual(harness.closeReasons, [cut === 'FIN' ? 'protocol-error' : 'peer-reset'], where)
  }
  assert.ok(socket.destroyed || socket.closed, where)
  await harness.finish()
}

function contentOf(written: string): string {
  return written.slice(written.indexOf('\r\n\r\n') + 4)
}
