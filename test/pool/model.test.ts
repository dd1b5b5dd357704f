import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Connection } from '../../src/connection/connection.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'
import type { Told } from './scripted-pool.ts'
import { assertEmpty, LAST, OK, ScriptedPool, settle } from './scripted-pool.ts'

const OPERATIONS = 1500

const configurations = [
  { maxConnections: 3, maxConnectionsPerOrigin: 2, maxKeepaliveConnections: 2, origins: 4 },
  { maxConnections: 4, maxConnectionsPerOrigin: 1, maxKeepaliveConnections: 0, origins: 5 },
  { maxConnections: 2, maxConnectionsPerOrigin: null, maxKeepaliveConnections: 1, origins: 3 },
  { maxConnections: null, maxConnectionsPerOrigin: 2, maxKeepaliveConnections: 3, origins: 3 },
]

/** mulberry32 */
function randomBy(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Asked {
  readonly told: Told
  readonly origin: number
  readonly path: string
}

/** A pool to which anything happens, and what must hold of it after each step. */
class Model {
  readonly pool: ScriptedPool
  readonly #limits: (typeof configurations)[number]
  readonly #random: () => number
  readonly #all: Asked[] = []
  #asks = 0

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

  get #unsettled(): Asked[] {
    return this.#all.filter(({ told }) => told.ends === 0)
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
    if (kind < 35) this.#ask()
    else if (kind < 55) this.#oneOf(this.#connecting)?.connected()
    else if (kind < 58) this.#oneOf(this.#connecting)?.reset()
    else if (kind < 78) this.#oneOf(this.#active)?.receive(OK)
    else if (kind < 81) this.#oneOf(this.#active)?.receive(LAST)
    else if (kind < 83) this.#oneOf(this.#active)?.receive('HTTP/1.1 200 OK\r\nContent-Le')
    else if (kind < 85) this.#oneOf(this.#active)?.reset()
    else if (kind < 87) this.#oneOf(this.#active)?.receiveEnd()
    else if (kind < 89) this.#oneOf(this.#idle)?.receiveEnd()
    else if (kind < 90) this.#oneOf(this.#idle)?.receive('x')
    else if (kind < 96) this.#oneOf(this.#unsettled)?.told.control?.abort()
    else await pool.backend.clock.advance(this.#below(200))
    await settle()
  }

  #ask(): void {
    const origin = this.#below(this.#limits.origins)
    const path = `/${this.#asks++}`
    const pool = this.#oneOf([null, null, 50, 300])
    const told = this.pool.ask(`http://10.0.0.${origin}`, path, { timeouts: { pool } })
    if (this.#below(20) === 0) told.control?.abort() // at once
    this.#all.push({ told, origin, path })
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
    assert.equal(pool.backend.held, unsettled.length > 0 ? 1 : 0)
    for (const { told } of this.#all) assert.ok(told.ends <= 1)

    const sent = new Set(this.#active.map((socket) => connectionOf(socket)?.exchange?.request.path))
    let seen = 0
    for (let origin = 0; origin < this.#limits.origins; origin++) {
      const of = (sockets: ScriptedSocket[]) =>
        sockets.filter(({ target }) => target.address === `10.0.0.${origin}`).length
      const asked = unsettled.filter((asked) => asked.origin === origin)
      const served = of(this.#active) + of(this.#connecting)
      const waits = asked.length - served
      assert.ok(waits >= 0, 'a connection for nobody')
      assert.ok(of(pool.open) <= (maxConnectionsPerOrigin ?? Infinity), 'too many to an origin')
      if (asked.length > 0 || of(pool.open) > 0) seen++
      // First come, first served: who is sent stands among the first.
      const behind = asked.slice(served)
      assert.ok(!behind.some(({ path }) => sent.has(path)), 'one overtook another')
      if (waits === 0) continue
      assert.equal(of(idle), 0, 'a connection idles while one of its origin waits')
      if (of(pool.open) < (maxConnectionsPerOrigin ?? Infinity)) {
        assert.equal(open, maxConnections, 'a place is free while one waits')
        assert.equal(idle.length, 0, 'a connection idles while one waits for a place')
      }
    }
    assert.equal(origins, seen)
  }

  async finish(): Promise<void> {
    const { pool } = this
    pool.backend.autoConnect = true
    for (const socket of this.#connecting) socket.connected()
    for (let rounds = 0; this.#unsettled.length > 0; rounds++) {
      assert.ok(rounds < 10_000, 'somebody waits for ever')
      const socket = this.#oneOf(this.#active)
      if (socket !== undefined) socket.reset()
      await settle()
    }
    pool.assertQuiescent()
    await pool.backend.clock.advance(1000)
    assert.equal(pool.stats().connections, 0)
    assert.equal(pool.stats().origins, 0)
    assert.equal(pool.backend.clock.armedTimers, 0)
    for (const { told } of this.#all) assert.equal(told.ends, 1)
    await assertEmpty(pool)
  }
}

function connectionOf({ handler }: ScriptedSocket): Connection | null {
  return handler instanceof Connection ? handler : null
}

describe('whatever happens, in any order', () => {
  for (const [i, limits] of configurations.entries()) {
    const seed = Number(process.env.HAWSER_SEED ?? 1) * 1000 + i
    test(`${JSON.stringify(limits)}, seed ${seed}`, async () => {
      const model = new Model(limits, randomBy(seed))
      for (let i = 0; i < OPERATIONS; i++) {
        await model.step()
        try {
          model.check()
        } catch (error) {
          throw new Error(`after operation ${i}`, { cause: error })
        }
      }
      await model.finish()
    })
  }
})
