import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ConnectionPool, HawserError } from '../../../src/engine.ts'
import { ScriptedBackend } from '../../support/scripted-backend.ts'
import { settle } from '../../support/scripted-clock.ts'
import { mutatedResponse } from '../mutation.ts'
import { parseOtherResponse, runExchange } from '../one-exchange.ts'
import { cutAt, cuts } from '../pieces.ts'
import { target } from '../target.ts'

/** A body that is read at once has the same outcome as one that is delivered to a handler. */
export const readResponses = target({
  name: 'read-responses',
  inputs: fc.record({ response: mutatedResponse, cuts, settles: fc.boolean() }),
  async check({ response: { method, text }, cuts, settles }) {
    if (method === 'CONNECT') return
    const delivery = { settles: true, ending: 'end', reused: false, upgrades: false } as const
    const [delivered] = await runExchange(method, { pieces: cutAt(text, []), ...delivery })
    if (delivered.end.startsWith('upgrade')) return
    const failed = delivered.end.startsWith('error ')
    assert.deepEqual(await read(method, cutAt(text, cuts), settles), {
      // Only a handler receives what arrived before an error.
      ...(!failed && { head: delivered.head, body: delivered.body, trailers: delivered.trailers }),
      failed,
      kept: delivered.kept,
    })
  },
})

async function read(method: string, pieces: readonly string[], settles: boolean) {
  const backend = new ScriptedBackend()
  const pool = new ConnectionPool({ backend })
  let found: object | null = null
  void pool
    .request({ origin: 'http://h.test', path: '/', method })
    .then(async (response) => {
      const { status, statusText, httpVersion, headers } = response
      const head = JSON.stringify([status, statusText, httpVersion, ...headers.flat()])
      const body = Buffer.from(await response.bytes()).latin1Slice()
      return { head, body, trailers: [...(response.trailers?.flat() ?? [])], failed: false }
    })
    .catch((error: unknown) => {
      assert.ok(error instanceof HawserError, String(error))
      return { failed: true }
    })
    .then((outcome) => {
      found = outcome
    })
  await settle()
  const { socket } = backend
  for (const piece of pieces) {
    if (socket.closed || socket.destroyed) break
    socket.receive(piece)
    if (settles) await settle()
    parseOtherResponse()
  }
  await settle()
  const kept = pool.stats().idle
  if (!socket.closed && !socket.destroyed) socket.receiveEnd()
  await backend.clock.flush()
  assert.ok(found !== null, 'the call does not end')
  await pool.close()
  await settle()
  pool.assertQuiescent()
  assert.equal(backend.clock.armedTimers, 0)
  return { ...(found as object), kept }
}
