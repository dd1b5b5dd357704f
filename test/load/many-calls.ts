import assert from 'node:assert/strict'
import type { DispatchHandler, DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { ConnectionPool, PoolTimeout, ReadTimeout, TotalTimeout } from '../../src/engine.ts'
import type { Scenario, ScenarioContext } from './scenario.ts'

/** Calls that are made in one turn of the event loop. */
const CALLS_PER_TURN = 500
const MINUTE = 60_000

/** The result of one call. */
interface CallResult {
  readonly body: string
  readonly error: unknown
}

/** Makes `count` calls, and waits until all have ended. */
async function dispatchMany(
  pool: ConnectionPool,
  port: number,
  count: number,
  options: {
    readonly poolTimeout?: (i: number) => number
    /** More options of a call. */
    readonly more?: (i: number) => Partial<DispatchRequest>
    readonly onEnded?: (i: number, ended: CallResult) => void
    /** Whether a call is cancelled after all calls were made. */
    readonly isCancelled?: (i: number) => boolean
  } = {},
): Promise<CallResult[]> {
  const { poolTimeout = () => 10 * MINUTE, more, onEnded, isCancelled } = options
  const origin = `http://127.0.0.1:${port}`
  const ended: CallResult[] = []
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
    const request = { origin, path: '/', timeouts, ...more?.(i) }
    const control = pool.dispatch(request, handlerOf(i))
    if (isCancelled?.(i)) cancels.push(() => control.abort(CANCELLED))
    if (i % CALLS_PER_TURN === CALLS_PER_TURN - 1) await turn()
  }
  for (const [i, cancel] of cancels.entries()) {
    cancel()
    if (i % CALLS_PER_TURN === CALLS_PER_TURN - 1) await turn()
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

async function callsInFlight({ ports, scale, maxConnections }: ScenarioContext): Promise<string> {
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
      const { active, waiting: waitingCalls, connections: open } = pool.stats()
      mostOpen = Math.max(mostOpen, open)
      if (active === connections && active + waitingCalls === count) opened ??= gate('/open')
    }, 2)
    const ended = await dispatchMany(pool, ports.gated, count).finally(() => clearInterval(timer))
    await opened
    assert.ok(ended.every(({ body, error }) => error === null && body === 'ok'))
    assert.equal(mostOpen, connections, 'the maximum number of open connections')
    return `${count} calls in flight at once, on ${mostOpen} connections`
  })
}

async function waiting({ ports, scale }: ScenarioContext): Promise<string> {
  const count = 100_000 * scale
  const connections = 100
  return withPool({ limits: { maxConnections: connections } }, async (pool) => {
    const ended = await dispatchMany(pool, ports.numbered, count, {
      isCancelled: (i) => i % 5 === 4,
    })
    const served = ended.filter(({ error }) => error === null)
    assert.ok(ended.every(({ error }) => error === null || error === CANCELLED))
    assert.ok(served.length >= 0.8 * count)
    const overtaken = overtakings(served.map(({ body }) => Number(body)))
    assert.ok(overtaken < 10 * connections, `a call was overtaken by ${overtaken} later calls`)
    return `${count} calls waited, ${count - served.length} were cancelled, at most ${overtaken} later calls were served before an earlier one`
  })
}

/** The maximum number of later calls that were served before an earlier one. */
function overtakings(arrivals: readonly number[]): number {
  const order = [...arrivals.keys()].sort((a, b) => arrivals[a]! - arrivals[b]!)
  return order.reduce((most, i, place) => Math.max(most, place - i), 0)
}

async function callsInOrder({ ports, scale }: ScenarioContext): Promise<string> {
  const count = 10_000 * scale
  return withPool({ limits: { maxConnections: 1 } }, async (pool) => {
    const numbers = (await dispatchMany(pool, ports.numbered, count)).map(({ body }) =>
      Number(body),
    )
    const first = numbers[0]!
    assert.ok(
      numbers.every((number, i) => number === first + i),
      'the calls were not served in their order',
    )
    return `${count} calls on one connection, served in order`
  })
}

const MAX_LATENESS = 20

async function poolTimeouts({ ports, scale, gauge }: ScenarioContext): Promise<string> {
  const count = 10_000 * scale
  const due: number[] = []
  const lateness: number[] = []
  await withPool({ limits: { maxConnections: 1 } }, async (pool) => {
    const busy = pool.dispatch(
      { origin: `http://127.0.0.1:${ports.silent}`, path: '/' },
      { onHead() {}, onData() {}, onEnd() {}, onError() {} },
    )
    await dispatchMany(pool, ports.silent, count, {
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
  // The clock counts whole milliseconds, so a timeout may be up to one millisecond early.
  assert.ok(Math.min(...lateness) > -1, 'a timeout was early')
  // A timeout may be delayed by the turn that runs when it is due, and by the turn that reports it.
  // If it is due late, it is extended once by the same time.
  const allowed = MAX_LATENESS + 3 * gauge.maxDelay
  assert.ok(latest <= allowed, `${latest.toFixed(1)} ms late, ${allowed.toFixed(1)} ms are allowed`)
  return `${count} timed out, at most ${latest.toFixed(1)} ms late`
}

async function unansweredCalls({ ports, scale, maxConnections }: ScenarioContext): Promise<string> {
  const count = Math.min(2000 * scale, maxConnections)
  const timeouts = { read: 500, connect: MINUTE }
  return withPool({ limits: { maxConnections: count }, timeouts }, async (pool) => {
    const ended = await dispatchMany(pool, ports.silent, count)
    assert.ok(ended.every(({ error }) => error instanceof ReadTimeout))
    assert.equal(pool.stats().connections, 0)
    return `${count} calls ended with ReadTimeout`
  })
}

/** Calls whose deadlines come within a few turns of the event loop. */
async function equalDeadlines({ ports, scale }: ScenarioContext): Promise<string> {
  const count = 20_000 * scale
  const kinds: readonly ((i: number) => Partial<DispatchRequest>)[] = [
    () => ({ timeouts: { total: 1000, pool: null } }),
    () => ({ signal: AbortSignal.timeout(1000), timeouts: null }),
    () => ({ timeouts: { pool: 1000, total: 1000 } }),
  ]
  let most = 0
  for (const more of kinds) {
    let opened = 0
    const trace = (event: string, _: object) => {
      if (event === 'connection:open') opened++
    }
    await withPool({ limits: { maxConnections: 10 }, trace }, async (pool) => {
      const ended = await dispatchMany(pool, ports.silent, count, { more })
      const isExpected = ({ error }: CallResult) =>
        error instanceof TotalTimeout ||
        error instanceof PoolTimeout ||
        (error as DOMException).name === 'TimeoutError'
      assert.ok(ended.every(isExpected))
    })
    assert.ok(opened < count / 5, `${opened} connections were opened`)
    most = Math.max(most, opened)
  }
  return `${count} calls ended at their deadlines, which opened at most ${most} connections`
}

/** Scenarios with many calls at once. */
export const MANY_CALLS: readonly Scenario[] = [
  { name: 'in flight', memory: 400, round: callsInFlight },
  { name: 'waiting', memory: 600, round: waiting },
  { name: 'in order', memory: 200, round: callsInOrder },
  { name: 'pool timeouts', memory: 300, round: poolTimeouts },
  { name: 'equal deadlines', memory: 300, round: equalDeadlines },
  { name: 'accepts, never answers', memory: 300, round: unansweredCalls },
]
