import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Connection } from '../../src/connection/connection.ts'
import type { Exchange } from '../../src/connection/exchange.ts'
import { Waiter } from '../../src/pool/waiter.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import type { RecordedCall } from './scripted-pool.ts'
import { assertEmpty, LAST, OK, ScriptedPool } from './scripted-pool.ts'

const OPERATIONS = 1500

const configurations = [
  { maxConnections: 3, maxConnectionsPerOrigin: 2, maxKeepaliveConnections: 2, origins: 4 },
  { maxConnections: 4, maxConnectionsPerOrigin: 1, maxKeepaliveConnections: 0, origins: 5 },
  { maxConnections: 2, maxConnectionsPerOrigin: null, maxKeepaliveConnections: 1, origins: 3 },
  { maxConnections: null, maxConnectionsPerOrigin: 2, maxKeepaliveConnections: 3, origins: 3 },
]

/** Returns a pseudo-random number generator: mulberry32. */
function randomBy(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface ModelRequest {
  readonly call: RecordedCall
  readonly origin: number
  readonly path: string
}

/** Performs random steps on a pool, and checks its invariants. */
class Model {
  readonly pool: ScriptedPool
  readonly #limits: (typeof configurations)[number]
  readonly #random: () => number
  readonly #requests: ModelRequest[] = []
  #requestCount = 0
  #wereWaiting: ModelRequest[] = []

  constructor(limits: (typeof configurations)[number], random: () => number) {
    const { origins, ...rest } = limits
    this.pool = new ScriptedPool({ limits: { ...rest, keepaliveExpiry: 400 } })
    this.pool.backend.autoConnect = false
    this.#limits = limits
    this.#random = random
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  #oneOf<T>(values: readonly T[]): T | undefined {
    return values[this.#below(values.length)]
  }

  get #unsettled(): ModelRequest[] {
    return this.#requests.filter(({ call }) => call.endCount === 0)
  }

  get #active(): ScriptedSocket[] {
    return this.pool.open.filter((socket) => (connectionOf(socket)?.exchange ?? null) !== null)
  }

  get #idle(): ScriptedSocket[] {
    return this.pool.open.filter((socket) => connectionOf(socket)?.state === 'idle')
  }

  get #connecting(): ScriptedSocket[] {
    return this.pool.open.filter((socket) => connectionOf(socket) === null)
  }

  async step(): Promise<void> {
    const kind = this.#below(100)
    const { pool } = this
    if (kind < 35) this.#startRequest()
    else if (kind < 55) this.#oneOf(this.#connecting)?.connected()
    else if (kind < 58) this.#oneOf(this.#connecting)?.reset()
    else if (kind < 78) this.#oneOf(this.#active)?.receive(OK)
    else if (kind < 81) this.#oneOf(this.#active)?.receive(LAST)
    else if (kind < 83) this.#oneOf(this.#active)?.receive('HTTP/1.1 200 OK\r\nContent-Le')
    else if (kind < 85) this.#oneOf(this.#active)?.reset()
    else if (kind < 87) this.#oneOf(this.#active)?.receiveEnd()
    else if (kind < 89) this.#oneOf(this.#idle)?.receiveEnd()
    else if (kind < 90) this.#oneOf(this.#idle)?.receive('x')
    else if (kind < 96) this.#oneOf(this.#unsettled)?.call.control?.abort()
    else await pool.backend.clock.advance(this.#below(200))
    // After an abort or a timeout, the next connection is opened up to 2 ms later.
    await pool.backend.clock.advance(2)
  }

  #startRequest(): void {
    const origin = this.#below(this.#limits.origins)
    const path = `/${this.#requestCount++}`
    const pool = this.#oneOf([null, null, 50, 300])
    const call = this.pool.start(`http://10.0.0.${origin}`, path, { timeouts: { pool } })
    if (this.#below(20) === 0) call.control?.abort() // at once
    this.#requests.push({ call, origin, path })
  }

  /**
   * Of all requests that could be served with a new connection, the first one is. Call it after
   * each step.
   */
  checkOrder(): void {
    const limit = this.#limits.maxConnectionsPerOrigin ?? Infinity
    const waiting = this.#unsettled.filter(isWaiting)
    const eligible = waiting.find(({ origin }) => this.#openTo(origin) < limit)
    for (const request of this.#wereWaiting) {
      const exchange = request.call.control as Exchange
      if (request.call.endCount > 0 || isWaiting(request) || exchange.reused) continue
      const overtaken = eligible !== undefined && Number(eligible.path.slice(1))
      assert.ok(
        overtaken === false || overtaken > Number(request.path.slice(1)),
        `${request.path} was served before ${eligible?.path}`,
      )
    }
    this.#wereWaiting = waiting
  }

  #openTo(origin: number): number {
    return this.pool.open.filter(({ target }) => target.address === `10.0.0.${origin}`).length
  }

  check(): void {
    const { pool } = this
    const { maxConnections, maxConnectionsPerOrigin, maxKeepaliveConnections } = this.#limits
    const open = pool.open.length
    const idle = this.#idle
    const unsettled = this.#unsettled
    const busy = open - idle.length
    assert.ok(open <= (maxConnections ?? Infinity), 'too many connections')
    assert.ok(idle.length <= maxKeepaliveConnections, 'too many idle')
    const { connections, connecting, active, waiting, origins } = pool.stats()
    assert.deepEqual(
      { connections, connecting, active, idle: pool.stats().idle, waiting },
      {
        connections: open,
        connecting: this.#connecting.length,
        active: this.#active.length,
        idle: idle.length,
        waiting: unsettled.length - busy,
      },
    )
    assert.equal(pool.backend.holdCount, unsettled.length > 0 ? 1 : 0)
    for (const { call } of this.#requests) assert.ok(call.endCount <= 1)

    const sent = new Set(this.#active.map((socket) => connectionOf(socket)?.exchange?.request.path))
    let seen = 0
    for (let origin = 0; origin < this.#limits.origins; origin++) {
      const of = (sockets: ScriptedSocket[]) =>
        sockets.filter(({ target }) => target.address === `10.0.0.${origin}`).length
      const ofOrigin = unsettled.filter((request) => request.origin === origin)
      const served = of(this.#active) + of(this.#connecting)
      const waits = ofOrigin.length - served
      assert.ok(waits >= 0, 'a connection without a request')
      assert.ok(of(pool.open) <= (maxConnectionsPerOrigin ?? Infinity), 'too many for an origin')
      if (ofOrigin.length > 0 || of(pool.open) > 0) seen++
      // FIFO: the requests that were sent are the first ones.
      const later = ofOrigin.slice(served)
      assert.ok(!later.some(({ path }) => sent.has(path)), 'a request overtook another')
      if (waits === 0) continue
      assert.equal(of(idle), 0, 'a connection is idle while a request to its origin waits')
      if (of(pool.open) < (maxConnectionsPerOrigin ?? Infinity)) {
        assert.equal(open, maxConnections, 'the pool is not full while a request waits')
        assert.equal(idle.length, 0, 'a connection is idle while a request waits for any')
      }
    }
    assert.equal(origins, seen)
  }

  async finish(): Promise<void> {
    const { pool } = this
    pool.backend.autoConnect = true
    for (const socket of this.#connecting) socket.connected()
    for (let rounds = 0; this.#unsettled.length > 0; rounds++) {
      assert.ok(rounds < 10_000, 'a request waits forever')
      const socket = this.#oneOf(this.#active)
      if (socket !== undefined) socket.reset()
      await pool.backend.clock.flush()
    }
    pool.assertQuiescent()
    await pool.backend.clock.advance(1000)
    assert.equal(pool.stats().connections, 0)
    assert.equal(pool.stats().origins, 0)
    assert.equal(pool.backend.clock.armedTimers, 0)
    for (const { call } of this.#requests) assert.equal(call.endCount, 1)
    await assertEmpty(pool)
  }
}

function isWaiting({ call }: ModelRequest): boolean {
  return (call.control as Exchange).carrier instanceof Waiter
}

function connectionOf({ handler }: ScriptedSocket): Connection | null {
  return handler instanceof Connection ? handler : null
}

describe('85 the invariants of the pool hold after every random step', () => {
  for (const [i, limits] of configurations.entries()) {
    const seed = Number(process.env.HAWSER_SEED ?? 1) * 1000 + i
    test(`${JSON.stringify(limits)}, seed ${seed}`, async () => {
      const model = new Model(limits, randomBy(seed))
      for (let i = 0; i < OPERATIONS; i++) {
        await model.step()
        try {
          model.check()
          model.checkOrder()
        } catch (error) {
          throw new Error(`after operation ${i}`, { cause: error })
        }
      }
      await model.finish()
    })
  }
})
