// Calls over real sockets, with a rig on the way: what the scripted network cannot show.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Response } from '../../src/index.ts'
import { Client, HawserError, TimeoutException } from '../../src/index.ts'
import { assertQuiescent } from '../client/route-requests.ts'
import type { Closer, RealRoute, StartedRoute } from './real-routes.ts'
import { LARGE } from './real-routes.ts'
import type { Fault, Rig } from './rig.ts'
import { openRig } from './rig.ts'
import type { Tally } from './whole.ts'

const UPLOAD = Buffer.alloc(100_000, 'x')
/** In milliseconds: where something may never come, and where it always does. */
const SOON = 500
const LATER = 20_000

const WAYS = ['up', 'down'] as const
type Way = (typeof WAYS)[number]
type Kind = Fault['do']

/** One after the other, on one connection if nothing happens. */
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

/** A route with each fault at so many bytes of each direction. */
export async function tryRoute(route: RealRoute, places: number): Promise<Tally> {
  const stops: (() => unknown)[] = []
  const t: Closer = { after: (stop) => stops.push(stop as () => unknown) }
  const tally: Tally = { exchange: `real sockets, ${route.name}`, calls: {}, bytes: 0, lost: [] }
  try {
    const started = await route.start(t)
    const sizes = await measured(t, started)
    for (const kind of KINDS) {
      const each = WAYS.flatMap((way) =>
        Array.from({ length: places }, async (_, i) => {
          const at = Math.round((i * sizes[way]) / places)
          try {
            const isStruck = await tryOne(t, started, way, faultOf(kind, at), route.isSafe)
            const what = isStruck ? kind : 'gone before'
            tally.calls[what] = (tally.calls[what] ?? 0) + calls.length
          } catch (error) {
            const { message } = error as Error
            tally.lost.push(`${tally.exchange}: ${kind} at ${way}, byte ${at}: ${message}`)
          }
        }),
      )
      await Promise.all(each)
    }
    return { ...tally, bytes: sizes.up + sizes.down }
  } finally {
    for (const stop of stops) await stop()
  }
}

/** How many bytes pass each way when nothing happens. */
async function measured(t: Closer, started: StartedRoute): Promise<Record<Way, number>> {
  const rig = await openRig(t, started.port)
  const { origin, options } = started.by(rig.port)
  const client = new Client({ trustEnv: false, ...options })
  for (const [i, call] of calls.entries()) {
    assert.equal((await call(client, origin)).text(), answers[i])
  }
  const [connection] = rig.connections
  const sizes = { up: connection?.up.passed ?? 0, down: connection?.down.passed ?? 0 }
  await client.close()
  rig.close()
  return sizes
}

/** @returns whether the fault came: the connection may have been given up before. */
async function tryOne(
  t: Closer,
  started: StartedRoute,
  way: Way,
  fault: Fault,
  isSafe: boolean,
): Promise<boolean> {
  const rig = await openRig(t, started.port, (index) => (index === 0 ? { [way]: [fault] } : {}))
  const { origin, options } = started.by(rig.port)
  const mayStarve = fault.do === 'stall' || fault.do === 'corrupt' || fault.do === 'end'
  const timeout = mayStarve ? SOON : LATER
  const client = new Client({ trustEnv: false, timeout, ...options })
  try {
    for (const [i, call] of calls.entries()) {
      const outcome = await call(client, origin).catch((error: unknown) => error)
      assertAllowed(outcome, answers[i] ?? '', way, fault.do, isSafe)
    }
    await gone(() => assertQuiescent(client))
    const next = await client.get(`${origin}/length`, { timeout: LATER })
    assert.equal(next.text(), LARGE)
    assert.ok(rig.fired === 1 || mayStarve, 'it was not struck')
    return rig.fired === 1
  } finally {
    await client.close()
    await gone(() => assertGone(rig))
    rig.close()
  }
}

/** What may come of it: the same; or an error that says so; or what the server makes of it. */
function assertAllowed(
  outcome: unknown,
  answer: string,
  way: Way,
  kind: Kind,
  isSafe: boolean,
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
  const isTheServers = kind === 'end' && way === 'up'
  if (isTheServers || (kind === 'corrupt' && !isSafe)) return
  assert.equal((outcome as Response).text(), answer)
}

function assertGone(rig: Rig): void {
  assert.equal(rig.connections.size, 0, 'a connection is left')
}

/** Waits, in turns of the event loop, until the assertion holds. */
async function gone(assertion: () => void): Promise<void> {
  for (let turns = 0; turns < 20_000; turns++) {
    try {
      return assertion()
    } catch {
      await new Promise(setImmediate)
    }
  }
  assertion()
}
