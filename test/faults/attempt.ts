import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { ClientClosed, DecodingError, HawserError } from '../../src/index.ts'
import { assertError } from '../support/stage.ts'
import { Asked, Dispatched } from './caller.ts'
import type { Exchange } from './exchange.ts'
import type { Expectation } from './expected.ts'
import { expectedOf } from './expected.ts'
import type { Peer } from './peer.ts'
import type { Strike } from './strike.ts'
import { World } from './world.ts'

/** The exchange as nothing disturbs it. @returns what was said */
export async function undisturbed(exchange: Exchange): Promise<Peer> {
  const world = new World(exchange, null)
  await world.run()
  assertResult(exchange, world)
  await world.assertClean()
  return world.peer
}

/** The exchange with one strike: throws where something is lost. */
export async function attempt(exchange: Exchange, strike: Strike): Promise<void> {
  const world = new World(exchange, strike)
  await world.run()
  assertExpected(exchange, world, expectedOf(exchange, strike, world.peer, world.wasOver), strike)
  await world.assertClean()
}

export function nameOf({ name }: Exchange, { harm, at, index, offset, bit }: Strike): string {
  const where = at === 'dial' ? `dial ${index}` : `${at} ${index}, byte ${offset}`
  return `${name}: ${harm}${bit === undefined ? '' : ` of bit ${bit}`} at ${where}`
}

function assertExpected(
  exchange: Exchange,
  world: World,
  expectation: Expectation,
  strike: Strike,
): void {
  const { error } = world.caller
  switch (expectation.of) {
    case 'nothing':
      return assertResult(exchange, world)
    case 'error':
      assertError(error, expectation.type, { ...expectation.facts })
      return assertDelivered(exchange, world, expectation.hasHead)
    case 'abort':
      return assert.equal(error, world.abortReason)
    case 'close pool':
      return assert.ok(error instanceof ClientClosed, inspect(error))
    case 'close response':
      return assert.equal(error, undefined)
    case 'until-close':
      return assertUntilClose(exchange, world, expectation.raw)
    default:
      assertFlipped(exchange, world, strike)
  }
}

function assertResult({ result }: Exchange, { caller }: World): void {
  assert.equal(caller.error, undefined)
  assert.equal(caller.status, result.status)
  assert.equal(caller.body, result.body ?? '')
  assert.deepEqual(caller.trailers, result.trailers ?? [])
  if (caller instanceof Asked) return assert.deepEqual(caller.history, result.history ?? [])
  assert.equal(caller.call.informational.length, result.informational ?? 0)
}

/** What came before the error: of a dispatch, since promises keep it to themselves. */
function assertDelivered({ result }: Exchange, { caller }: World, hasHead: boolean): void {
  if (!(caller instanceof Dispatched)) return
  assert.equal(caller.status, hasHead ? result.status : null)
  assert.ok((result.body ?? '').startsWith(caller.body), caller.body)
}

/** A coding that is cut shows that the body was, unless nothing of it had come. */
function assertUntilClose({ answers, result }: Exchange, { caller }: World, raw: string): void {
  const isCoded = answers.at(-1)?.head.includes('Content-Encoding') === true
  const isWhole = raw.length === answers.at(-1)?.body?.length
  if (isCoded && raw !== '' && !isWhole) {
    return assert.ok(caller.error instanceof DecodingError, inspect(caller.error))
  }
  assert.equal(caller.error, undefined)
  assert.equal(caller.status, result.status)
  assert.equal(caller.body, isCoded && isWhole ? result.body : raw)
}

function assertFlipped(exchange: Exchange, { caller, peer }: World, strike: Strike): void {
  const { error, status, body } = caller
  if (error !== undefined) return assert.ok(error instanceof HawserError, inspect(error))
  assert.ok(status !== null && status >= 100 && status <= 999, `${status}`)
  const last = exchange.answers.at(-1)
  const { message } = peer.struck ?? {}
  const at = strike.offset - (message?.headEnd ?? 0)
  const isBody = message?.text.endsWith(`\r\n\r\n${last?.body}`) && at >= 0
  const isPlain = last?.framing === 'length' && !last.head.includes('Content-Encoding')
  if (!isBody || !isPlain || last.body === undefined || caller instanceof Dispatched === false)
    return
  const byte = String.fromCharCode(last.body.charCodeAt(at) ^ (1 << (strike.bit ?? 0)))
  assert.equal(body, last.body.slice(0, at) + byte + last.body.slice(at + 1))
}
