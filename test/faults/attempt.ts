import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { ClientClosed, DecodingError, HawserError } from '../../src/index.ts'
import { assertError } from '../support/pool-harness.ts'
import { DispatchCaller, PromiseCaller } from './caller.ts'
import type { Exchange } from './exchange.ts'
import type { Expectation } from './expected.ts'
import { expectedOf } from './expected.ts'
import type { Injection } from './injection.ts'
import type { Peer } from './peer.ts'
import { Simulation } from './simulation.ts'

/** Runs the exchange without a fault. @returns the peer, with what it sent and received */
export async function runWithoutFault(exchange: Exchange): Promise<Peer> {
  const world = new Simulation(exchange, null)
  await world.run()
  assertResult(exchange, world)
  await world.assertClean()
  return world.peer
}

/** Runs the exchange with one fault. Throws if the outcome is not the expected one. */
export async function runWithFault(exchange: Exchange, injection: Injection): Promise<void> {
  const world = new Simulation(exchange, injection)
  await world.run()
  assertExpected(
    exchange,
    world,
    expectedOf(exchange, injection, world.peer, world.wasOverAtFault),
    injection,
  )
  await world.assertClean()
}

export function describeInjection(
  { name }: Exchange,
  { fault, at, index, offset, bit }: Injection,
): string {
  const isByte = at === 'down' || at === 'up'
  const where = isByte ? `${at} ${index}, byte ${offset}` : `${at} ${index}`
  return `${name}: ${fault}${bit === undefined ? '' : ` of bit ${bit}`} at ${where}`
}

function assertExpected(
  exchange: Exchange,
  world: Simulation,
  expectation: Expectation,
  injection: Injection,
): void {
  const { error } = world.caller
  switch (expectation.outcome) {
    case 'success':
      return assertResult(exchange, world)
    case 'error':
      assertError(error, expectation.type, { ...expectation.facts })
      return assertDelivered(exchange, world, expectation.hasHead)
    case 'abort':
      return assert.equal(error, world.abortReason)
    case 'close pool':
      return assert.ok(error instanceof ClientClosed, inspect(error))
    case 'ended in a listener':
      if (error === undefined && injection.isAfterEnd) return assertResult(exchange, world)
      if (injection.fault === 'abort') return assert.equal(error, world.abortReason)
      return assert.ok(error instanceof ClientClosed, inspect(error))
    case 'close response':
      return assert.equal(error, undefined)
    case 'forget':
      assert.equal(error, undefined)
      return world.endForgotten()
    case 'until-close':
      return assertUntilClose(exchange, world, expectation.raw)
    default:
      assertFlipAllowed(exchange, world, injection)
  }
}

function assertResult({ result }: Exchange, { caller }: Simulation): void {
  assert.equal(caller.error, undefined)
  assert.equal(caller.status, result.status)
  assert.equal(caller.body, result.body ?? '')
  assert.deepEqual(caller.trailers, result.trailers ?? [])
  if (caller instanceof PromiseCaller) return assert.deepEqual(caller.history, result.history ?? [])
  assert.equal(caller.call.informational.length, result.informational ?? 0)
}

/** Checks what was delivered before the error. Only a dispatch handler sees it, not a promise. */
function assertDelivered({ result }: Exchange, { caller }: Simulation, hasHead: boolean): void {
  if (!(caller instanceof DispatchCaller)) return
  assert.equal(caller.status, hasHead ? result.status : null)
  assert.ok((result.body ?? '').startsWith(caller.body), caller.body)
}

/** A truncated content coding reveals that the body was truncated, unless no byte of it arrived. */
function assertUntilClose(
  { answers, result }: Exchange,
  { caller }: Simulation,
  raw: string,
): void {
  const isCoded = answers.at(-1)?.head.includes('Content-Encoding') === true
  const isWhole = raw.length === answers.at(-1)?.body?.length
  if (isCoded && raw !== '' && !isWhole) {
    return assert.ok(caller.error instanceof DecodingError, inspect(caller.error))
  }
  assert.equal(caller.error, undefined)
  assert.equal(caller.status, result.status)
  assert.equal(caller.body, isCoded && isWhole ? result.body : raw)
}

function assertFlipAllowed(
  exchange: Exchange,
  { caller, peer }: Simulation,
  injection: Injection,
): void {
  const { error, status, body } = caller
  if (error !== undefined) return assert.ok(error instanceof HawserError, inspect(error))
  assert.ok(status !== null && status >= 100 && status <= 999, `${status}`)
  const last = exchange.answers.at(-1)
  const { message } = peer.injectionPoint ?? {}
  const at = injection.offset - (message?.headEnd ?? 0)
  const isBody = message?.text.endsWith(`\r\n\r\n${last?.body}`) && at >= 0
  const isPlain = last?.framing === 'length' && !last.head.includes('Content-Encoding')
  if (!isBody || !isPlain || last.body === undefined || caller instanceof DispatchCaller === false)
    return
  const byte = String.fromCharCode(last.body.charCodeAt(at) ^ (1 << (injection.bit ?? 0)))
  assert.equal(body, last.body.slice(0, at) + byte + last.body.slice(at + 1))
}
