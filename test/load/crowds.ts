import assert from 'node:assert/strict'
import type { DispatchHandler, PoolOptions } from '../../src/engine.ts'
import { ConnectionPool, PoolTimeout, ReadTimeout } from '../../src/engine.ts'
import type { Scenario, World } from './scenario.ts'

/** So many calls are made before the event loop turns. */
const SLICE = 500
const MINUTE = 60_000

/** What became of one call. */
interface Ended {
  readonly body: string
  readonly error: unknown
}

/** Makes so many calls, and waits for all. */
async function crowd(
  pool: ConnectionPool,
  port: number,
  count: number,
  options: {
    readonly poolTimeout?: (i: number) => number
    readonly onEnded?: (i: number, ended: Ended) => void
    /** Which of them are cancelled, once all were made. */
    readonly isCancelled?: (i: number) => boolean
  } = {},
): Promise<Ended[]> {
  const { poolTimeout = () => 10 * MINUTE, onEnded, isCancelled } = options
  const origin = `http://127.0.0.1:${port}`
  const ended: Ended[] = []
  const cancels: (() => void)[] = []
  let left = count
  let done = () => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const handlerOf = (i: number): DispatchHandler => {
    let body = ''
    const end = (error: unknown) => {
      ended[i] = { body, error }
      onEnded?.(i, ended[i]!)
      if (--left === 0) done()
    }
    return {
      onHead() {},
      onData: (chunk) => {
        body += Buffer.from(chunk).latin1Slice()
      },
      onEnd: () => end(null),
      onError: end,
    }
  }
  for (let i = 0; i < count; i++) {
    const timeouts = { pool: poolTimeout(i) }
    const control = pool.dispatch({ origin, path: '/', timeouts }, handlerOf(i))
    if (isCancelled?.(i)) cancels.push(() => control.abort(CANCELLED))
    if (i % SLICE === SLICE - 1) await turn()
  }
  for (const [i, cancel] of cancels.entries()) {
    cancel()
    if (i % SLICE === SLICE - 1) await turn()
  }
  await all
  return ended
}

const CANCELLED = new Error('cancelled')

async function withPool<Result>(
  options: PoolOptions,
  work: (pool: ConnectionPool) => Promise<Result>,
): Promise<Result> {
  const pool = new ConnectionPool({
    timeouts: { connect: MINUTE, read: MINUTE, write: MINUTE, pool: MINUTE },
    ...options,
  })
  try {
    const result = await work(pool)
    pool.assertQuiescent()
    return result
  } finally {
    await pool.close()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function inFlight({ ports, scale, maxConnections }: World): Promise<string> {
  const connections = Math.min(2000 * scale, maxConnections)
  const count = 5 * connections
  const gate = (path: string) =>
    withPool({}, async (pool) => {
      const origin = `http://127.0.0.1:${ports.gated}`
      await (await pool.request({ origin, path })).text()
    })
  await gate('/close')
  return withPool({ limits: { maxConnections: connections } }, async (pool) => {
    let mostOpen = 0
    let opened: Promise<void> | null = null
    const timer = setInterval(() => {
      const { active, waiting, connections: open } = pool.stats()
      mostOpen = Math.max(mostOpen, open)
      if (active === connections && active + waiting === count) opened ??= gate('/open')
    }, 2)
    const ended = await crowd(pool, ports.gated, count).finally(() => clearInterval(timer))
    await opened
    assert.ok(ended.every(({ body, error }) => error === null && body === 'ok'))
    assert.equal(mostOpen, connections, 'the most connections at once')
    return `${count} in flight at once, on ${mostOpen} connections`
  })
}

async function waiting({ ports, scale }: World): Promise<string> {
  const count = 100_000 * scale
  const connections = 100
  return withPool({ limits: { maxConnections: connections } }, async (pool) => {
    const ended = await crowd(pool, ports.numbered, count, { isCancelled: (i) => i % 5 === 4 })
    const served = ended.filter(({ error }) => error === null)
    assert.ok(ended.every(({ error }) => error === null || error === CANCELLED))
    assert.ok(served.length >= 0.8 * count)
    const overtaken = overtakings(served.map(({ body }) => Number(body)))
    assert.ok(overtaken < 10 * connections, `one was overtaken by ${overtaken}`)
    return `${count} waited, ${count - served.length} were cancelled, none overtaken by more than ${overtaken}`
  })
}

/** How many of those that came later were served before one, at most. */
function overtakings(arrivals: readonly number[]): number {
  const order = [...arrivals.keys()].sort((a, b) => arrivals[a]! - arrivals[b]!)
  return order.reduce((most, i, place) => Math.max(most, place - i), 0)
}

async function inOrder({ ports, scale }: World): Promise<string> {
  const count = 10_000 * scale
  return withPool({ limits: { maxConnections: 1 } }, async (pool) => {
    const numbers = (await crowd(pool, ports.numbered, count)).map(({ body }) => Number(body))
    const first = numbers[0]!
    assert.ok(
      numbers.every((number, i) => number === first + i),
      'not in the order of the calls',
    )
    return `${count} for one connection, served in exactly their order`
  })
}

const LATE = 20

async function poolTimeouts({ ports, scale, gauge }: World): Promise<string> {
  const count = 10_000 * scale
  const due: number[] = []
  const lateness: number[] = []
  await withPool({ limits: { maxConnections: 1 } }, async (pool) => {
    const busy = pool.dispatch(
      { origin: `http://127.0.0.1:${ports.silent}`, path: '/' },
      { onHead() {}, onData() {}, onEnd() {}, onError() {} },
    )
    await crowd(pool, ports.silent, count, {
      poolTimeout: (i) => {
        const timeout = 500 + ((i * 7919) % 1000)
        due[i] = performance.now() + timeout
        return timeout
      },
      onEnded: (i, { error }) => {
        assert.ok(error instanceof PoolTimeout, String(error))
        lateness.push(performance.now() - due[i]!)
      },
    })
    busy.abort()
    await turn()
  })
  const latest = Math.max(...lateness)
  // A clock that counts whole milliseconds may be one early.
  assert.ok(Math.min(...lateness) > -1, 'one was early')
  // Of the turn that is under way when it is due, and of the one in which it is told.
  const allowed = LATE + 2 * gauge.delay
  assert.ok(latest <= allowed, `${latest.toFixed(1)} ms late, ${allowed.toFixed(1)} are explained`)
  return `${count} timed out, the latest ${latest.toFixed(1)} ms late`
}

async function silence({ ports, scale, maxConnections }: World): Promise<string> {
  const count = Math.min(2000 * scale, maxConnections)
  const timeouts = { read: 500, connect: MINUTE }
  return withPool({ limits: { maxConnections: count }, timeouts }, async (pool) => {
    const ended = await crowd(pool, ports.silent, count)
    assert.ok(ended.every(({ error }) => error instanceof ReadTimeout))
    assert.equal(pool.stats().connections, 0)
    return `${count} ended with ReadTimeout`
  })
}

/** Many calls at once. */
export const CROWDS: readonly Scenario[] = [
  { name: 'in flight', memory: 400, round: inFlight },
  { name: 'waiting', memory: 600, round: waiting },
  { name: 'in order', memory: 200, round: inOrder },
  { name: 'pool timeouts', memory: 300, round: poolTimeouts },
  { name: 'accepts, never answers', memory: 300, round: silence },
]
