// Calls over real sockets through a fault proxy, to test what the scripted network cannot show.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Response } from '../../src/index.ts'
import { Client, HawserError, TimeoutException } from '../../src/index.ts'
import { assertQuiescent } from '../client/route-requests.ts'
import type { Fault, FaultProxy } from './fault-proxy.ts'
import { openFaultProxy } from './fault-proxy.ts'
import type { Cleanup, RealClient, RealRoute, StartedRoute } from './real-routes.ts'
import { LARGE } from './real-routes.ts'
import type { Tally } from './try-all.ts'

const UPLOAD = Buffer.alloc(100_000, 'x')
/** Timeouts in ms: for faults after which a response may never arrive, and for all others. */
const SHORT_TIMEOUT = 500
const CLOSED_CALLS = 30
const LONG_TIMEOUT = 20_000

const DIRECTIONS = ['up', 'down'] as const
type Direction = (typeof DIRECTIONS)[number]
type Kind = Fault['do']

/** Made one after another, on one connection if there is no fault. */
const calls: readonly ((client: Client, origin: string) => Promise<Response>)[] = [
  (client, origin) => client.get(`${origin}/length`),
  (client, origin) => client.post(`${origin}/upload`, { content: UPLOAD }),
  (client, origin) => client.get(`${origin}/chunks`),
]
const answers = [LARGE, `${UPLOAD.length} bytes`, LARGE]

const KINDS: readonly Kind[] = [
  ...(['split', 'delay', 'throttle'] as const),
  ...(['corrupt', 'end', 'close', 'reset', 'stall'] as const),
]

function faultOf(kind: Kind, at: number): Fault {
  switch (kind) {
    case 'delay':
      return { at, do: kind, ms: 5 }
    case 'throttle':
      return { at, do: kind, bytes: 700, ms: 0 }
    case 'corrupt':
      return { at, do: kind, mask: 1 << (at % 8) }
    default:
      return { at, do: kind }
  }
}

/** Tries each fault at `places` evenly spaced bytes of each direction of a route. */
export async function tryRoute(route: RealRoute, places: number): Promise<Tally> {
  const stops: (() => unknown)[] = []
  const t: Cleanup = { after: (stop) => stops.push(stop as () => unknown) }
  const tally: Tally = {
    exchange: `real sockets, ${route.name}`,
    calls: {},
    bytes: 0,
    failures: [],
  }
  try {
    const started = await route.start(t)
    const sizes = await measureBytes(t, started)
    for (const kind of KINDS) {
      const each = DIRECTIONS.flatMap((direction) =>
        Array.from({ length: places }, async (_, i) => {
          const at = Math.round((i * sizes[direction]) / places)
          try {
            const isStruck = await tryOne(
              t,
              started,
              direction,
              faultOf(kind, at),
              route.detectsCorruption,
            )
            const what = isStruck ? kind : 'not reached'
            tally.calls[what] = (tally.calls[what] ?? 0) + calls.length
          } catch (error) {
            const { message } = error as Error
            tally.failures.push(
              `${tally.exchange}: ${kind} at ${direction}, byte ${at}: ${message}`,
            )
          }
        }),
      )
      await Promise.all(each)
    }
    try {
      const { port, through } = started
      tally.calls['unannounced close'] = await callClosingServer(through(port))
    } catch (error) {
      tally.failures.push(`${tally.exchange}: unannounced close: ${(error as Error).message}`)
    }
    return { ...tally, bytes: sizes.up + sizes.down }
  } finally {
    for (const stop of stops) await stop()
  }
}

/** Measures how many bytes pass in each direction without a fault. */
async function measureBytes(t: Cleanup, started: StartedRoute): Promise<Record<Direction, number>> {
  const proxy = await openFaultProxy(t, started.port)
  const { origin, options } = started.through(proxy.port)
  const client = new Client({ trustEnv: false, ...options })
  for (const [i, call] of calls.entries()) {
    assert.equal((await call(client, origin)).text(), answers[i])
  }
  const [connection] = proxy.connections
  const sizes = { up: connection?.up.passed ?? 0, down: connection?.down.passed ?? 0 }
  await client.close()
  proxy.close()
  return sizes
}

/**
 * Sends requests that cannot be sent again to a server that closes right after each response.
 *
 * @returns how many were sent
 */
async function callClosingServer({ origin, options }: RealClient): Promise<number> {
  const client = new Client({ trustEnv: false, timeout: LONG_TIMEOUT, ...options })
  let lost = 0
  try {
    for (let i = 0; i < CLOSED_CALLS; i++) {
      const outcome = await client.post(`${origin}/closing`, { content: 'x' }).catch(() => lost++)
      if (typeof outcome === 'object') assert.equal(outcome.text(), LARGE)
    }
    // The pool knows only after the first close that the server does this.
    assert.ok(lost <= 1, `${lost} of ${CLOSED_CALLS} were lost`)
    await eventually(() => assertQuiescent(client))
  } finally {
    await client.close()
  }
  return CLOSED_CALLS
}

/** @returns whether the fault was injected. The connection may have ended before its byte. */
async function tryOne(
  t: Cleanup,
  started: StartedRoute,
  direction: Direction,
  fault: Fault,
  detectsCorruption: boolean,
): Promise<boolean> {
  const proxy = await openFaultProxy(t, started.port, (index) =>
    index === 0 ? { [direction]: [fault] } : {},
  )
  const { origin, options } = started.through(proxy.port)
  const mayStarve = fault.do === 'stall' || fault.do === 'corrupt' || fault.do === 'end'
  const timeout = mayStarve ? SHORT_TIMEOUT : LONG_TIMEOUT
  const client = new Client({ trustEnv: false, timeout, ...options })
  try {
    for (const [i, call] of calls.entries()) {
      const outcome = await call(client, origin).catch((error: unknown) => error)
      assertAllowed(outcome, answers[i] ?? '', direction, fault.do, detectsCorruption)
    }
    await eventually(() => assertQuiescent(client))
    const next = await client.get(`${origin}/length`, { timeout: LONG_TIMEOUT })
    assert.equal(next.text(), LARGE)
    assert.ok(proxy.fired === 1 || mayStarve, 'the fault was not injected')
    return proxy.fired === 1
  } finally {
    await client.close()
    await eventually(() => assertGone(proxy))
    proxy.close()
  }
}

/** Checks the outcome: the usual response, an error, or the server's response to the fault. */
function assertAllowed(
  outcome: unknown,
  answer: string,
  direction: Direction,
  kind: Kind,
  detectsCorruption: boolean,
): void {
  if (outcome instanceof Error) {
    assert.ok(outcome instanceof HawserError, inspect(outcome))
    assert.ok(!['split', 'delay', 'throttle'].includes(kind), inspect(outcome))
    if (kind === 'stall') assert.ok(outcome instanceof TimeoutException, inspect(outcome))
    if (['reset', 'close'].includes(kind)) {
      assert.ok(!(outcome instanceof TimeoutException), inspect(outcome))
    }
    return
  }
  const isTheServers = kind === 'end' && direction === 'up'
  if (isTheServers || (kind === 'corrupt' && !detectsCorruption)) return
  assert.equal((outcome as Response).text(), answer)
}

function assertGone(proxy: FaultProxy): void {
  assert.equal(proxy.connections.size, 0, 'a connection is still open')
}

/** Waits until the assertion holds, checking it in each turn of the event loop. */
async function eventually(assertion: () => void): Promise<void> {
  for (let turns = 0; turns < 20_000; turns++) {
    try {
      return assertion()
    } catch {
      await new Promise(setImmediate)
    }
  }
  assertion()
}
