// Code of the caller runs in the middle of a transition: it may end the call, close the pool, throw
// or send requests. Every such place is combined with every such action.
import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import type { Body, DispatchRequest, PoolOptions } from '../../src/engine.ts'
import { ConnectionPool } from '../../src/engine.ts'
import { OK, RecordedDispatch, uncaughtDuring } from '../support/pool-harness.ts'
import { ScriptedBackend } from '../support/scripted-backend.ts'
import { settle } from '../support/scripted-clock.ts'
import type { ScriptedSocket } from '../support/scripted-socket.ts'

const ORIGIN = 'http://h.test'
const OTHER = 'http://other.test'
const boom = new Error('boom')

/** The places in which code of the caller runs. */
const places = [
  'trace request:start',
  'trace request:end',
  'trace connection:open',
  'trace connection:close',
  'channel hawser:request:start',
  'channel hawser:request:end',
  'channel hawser:connection:open',
  'channel hawser:connection:close',
  'lookup',
  'onConnect',
  'onInformational',
  'onHead',
  'onData',
  'onEnd',
  'onError',
  'onUpgrade',
  'asyncIterator',
  'next',
  'a getter of a step',
  'return',
  'trailers',
  'a listener of the signal',
] as const
type Place = (typeof places)[number]

/** What the code of the caller does there. */
const actions: Readonly<Record<string, (world: World) => void>> = {
  'abort the call': ({ main }) => main?.abort('enough'),
  'abort the signal': ({ controller }) => controller.abort('enough'),
  'close the pool': ({ pool }) => void pool.close(),
  throw: () => {
    throw boom
  },
  'send requests': (world) => {
    world.send({ path: '/nested' })
    world.send({ origin: OTHER, path: '/nested' })
  },
  'send and abort requests': (world) => {
    world.send({ path: '/nested', signal: AbortSignal.abort() })
    world.send({ path: '/nested' }).abort()
    world.send({ path: '/nested' })
  },
  'send requests, then abort the call': (world) => {
    world.send({ path: '/nested' })
    world.main?.abort('enough')
  },
  'abort all other calls': ({ calls, main }) => {
    for (const call of calls) if (call !== main) call.abort()
  },
  'close the pool, then abort the call': ({ pool, main }) => {
    void pool.close()
    main?.abort('enough')
  },
  'abort the signal, then throw': ({ controller }) => {
    controller.abort('enough')
    throw boom
  },
}

/** A pool whose caller acts once, when its code runs in one place. */
class World {
  readonly backend = new ScriptedBackend()
  readonly pool: ConnectionPool
  readonly calls: RecordedDispatch[] = []
  readonly controller = new AbortController()
  main: RecordedDispatch | null = null
  /** Whether the action has run. */
  acted = false
  closed = false
  readonly #place: Place
  readonly #action: (world: World) => void
  readonly #isEnding: boolean
  readonly #endsFromOutside: boolean
  readonly #maxConnections: number
  readonly #answered = new Map<ScriptedSocket, number>()
  /** Whether `run` was called for the main call. Places before are not those of the main call. */
  isArmed = false
  /** Whether the main request had been written when its caller ended it. */
  #wasWritten = false

  constructor(place: Place, action: string, options: PoolOptions) {
    this.#place = place
    this.#action = actions[action] as (world: World) => void
    this.#isEnding = /abort the|close/.test(action)
    this.#endsFromOutside = /signal|close/.test(action)
    this.#maxConnections = options.limits?.maxConnections ?? Number.POSITIVE_INFINITY
    this.pool = new ConnectionPool({
      ...options,
      backend: this.backend,
      trace: (event, _info) => this.at(`trace ${event}`),
      lookup: (_host, _options, callback) => {
        this.at('lookup')
        callback(null, [{ address: '10.0.0.1', family: 4 }])
      },
      onConnect: () => this.at('onConnect'),
    })
    this.controller.signal.addEventListener('abort', () => this.at('a listener of the signal'))
  }

  /** Called by the code of the caller in each place. */
  at(place: Place): void {
    this.#checkLimit()
    if (!this.isArmed || this.acted || place !== this.#place) return
    this.acted = true
    // Before `dispatch` has returned, only the signal and the pool can end the call.
    this.#wasWritten = this.isWritten || (this.main === null && !this.#endsFromOutside)
    this.#action(this)
  }

  get isWritten(): boolean {
    return this.backend.sockets.some(({ written }) => written.includes(' /main '))
  }

  send(request: Partial<DispatchRequest>): RecordedDispatch {
    const call = new RecordedDispatch(this.pool, { origin: ORIGIN, path: '/', ...request }, {})
    this.calls.push(call)
    return call
  }

  /** Sends the request whose caller acts. */
  async sendMain(request: Partial<DispatchRequest> = {}): Promise<void> {
    this.isArmed = true
    const call = new RecordedDispatch(
      this.pool,
      { origin: ORIGIN, path: '/main', signal: this.controller.signal, ...request },
      {
        onInformational: () => this.at('onInformational'),
        onHead: () => this.at('onHead'),
        onData: () => this.at('onData'),
        onEnd: () => this.at('onEnd'),
        onError: () => this.at('onError'),
        onUpgrade: ({ socket }) => {
          socket?.on('error', () => {})
          this.at('onUpgrade')
        },
      },
    )
    this.main = call
    this.calls.push(call)
    await settle()
  }

  /** Content with code of the caller in each of its methods. */
  body(chunks: readonly string[] = ['abc', 'def'], isEndless = false): Body {
    const rest = [...chunks]
    const step = (): IteratorResult<string> => {
      const value = rest.shift()
      const world = this
      return {
        get done() {
          world.at('a getter of a step')
          return value === undefined
        },
        value,
      } as IteratorResult<string>
    }
    return {
      [Symbol.asyncIterator]: () => {
        this.at('asyncIterator')
        return {
          next: async () => {
            this.at('next')
            if (rest.length === 0 && isEndless) await new Promise(() => {})
            return step()
          },
          return: async () => {
            this.at('return')
            return { done: true as const, value: undefined }
          },
        }
      },
    }
  }

  trailers(): Record<string, string> {
    this.at('trailers')
    return { A: 'b' }
  }

  /** The open socket on which the main request was written. */
  get socket(): ScriptedSocket | null {
    const isMain = ({ written, closed, destroyed }: ScriptedSocket) =>
      written.includes(' /main ') && !closed && !destroyed
    return this.backend.sockets.findLast(isMain) ?? null
  }

  async receive(...pieces: string[]): Promise<void> {
    const { socket } = this
    if (socket !== null) this.#answered.set(socket, requestCount(socket))
    for (const piece of pieces) {
      if (socket !== null && !socket.closed && !socket.destroyed) socket.receive(piece)
      await settle()
    }
  }

  /** Warms up a connection, which is idle afterwards. */
  async warm(origin = ORIGIN): Promise<ScriptedSocket> {
    this.send({ origin, path: '/warm' })
    await settle()
    await this.answerAll()
    return this.backend.socket
  }

  /** Answers all requests that have been sent. */
  async answerAll(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      for (const socket of this.backend.sockets) {
        const count = requestCount(socket)
        if (socket.closed || socket.destroyed || count <= (this.#answered.get(socket) ?? 0))
          continue
        this.#answered.set(socket, count)
        socket.receive(OK)
      }
      await settle()
    }
  }

  #checkLimit(): void {
    const { connections, connecting, active, idle, waiting } = this.pool.stats()
    assert.ok(connections <= this.#maxConnections, `${connections} connections`)
    for (const count of [connecting, active, idle, waiting])
      assert.ok(count >= 0, inspect(this.pool))
  }

  /** Checks that every call has ended once, and that the pool is as good as new. */
  async finish(where: string): Promise<void> {
    await this.answerAll()
    await this.backend.clock.advance(60_000) // no call needs its timeout to end
    const { main, backend, pool } = this
    assert.ok(main?.hasEnded, `${where}: the call has not ended: ${inspect(main?.events)}`)
    for (const call of this.calls) {
      assert.deepEqual(call.violations, [], `${where}: ${inspect(call.events)}`)
      assert.ok(call.hasEnded, `${where}: a call has not ended: ${inspect(call.events)}`)
      call.socket?.destroy()
    }
    if (this.acted && this.#isEnding && !this.#wasWritten)
      assert.equal(this.isWritten, false, `${where}: the request was written after its end`)
    this.#checkLimit()
    pool.assertQuiescent()
    const { connecting, active, waiting } = pool.stats()
    assert.deepEqual(
      { connecting, active, waiting },
      { connecting: 0, active: 0, waiting: 0 },
      where,
    )
    assert.equal(backend.holdCount, 0, `${where}: the process is kept alive`)
    this.isArmed = false
    const next = this.send({ path: '/next' })
    await settle()
    await this.answerAll()
    assert.ok(next.hasEnded, `${where}: the next request`)
    await pool.close()
    await settle()
    assert.equal(pool.stats().connections, 0, where)
    for (const socket of backend.sockets) assert.ok(socket.closed, `${where}: a socket is open`)
    assert.equal(backend.clock.armedTimers, 0, `${where}: a timer is armed`)
  }
}

function requestCount({ written }: ScriptedSocket): number {
  return written.split(' HTTP/1.1\r\n').length - 1
}

const EARLY = 'HTTP/1.1 103 Early Hints\r\n\r\n'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const CLOSE = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'

/** Exchanges that together reach every place. */
const scenarios: Readonly<
  Record<string, { options?: PoolOptions; run: (world: World) => Promise<void> }>
> = {
  'an upload and its response': {
    run: async (world) => {
      await world.sendMain({
        method: 'POST',
        body: world.body(),
        trailers: () => world.trailers(),
      })
      await world.receive(EARLY, `${CHUNKED}2\r\n`, 'ok\r\n0\r\n\r\n')
    },
  },
  'an upload that the server ends': {
    run: async (world) => {
      await world.sendMain({ method: 'POST', body: world.body(['abc'], true) })
      await world.receive('HTTP/1.1 413 x\r\nContent-Length: 2\r\n\r\n', 'no')
    },
  },
  'an upload behind a complete response': {
    run: async (world) => {
      await world.sendMain({ method: 'POST', body: world.body(['abc'], true) })
      await world.receive(OK)
      await world.backend.clock.advance(5000)
    },
  },
  'a failed write': {
    run: async (world) => {
      await world.sendMain({ method: 'POST', body: world.body(['abc'], true) })
      world.socket?.handler.onWriteError(boom)
      await settle()
      world.socket?.reset()
      await settle()
    },
  },
  'a wait for 100, and 417': {
    run: async (world) => {
      const headers = ['Expect', '100-continue']
      await world.sendMain({ method: 'POST', headers, body: world.body() })
      await world.receive('HTTP/1.1 417 x\r\nContent-Length: 0\r\n\r\n')
    },
  },
  'a 100 that starts the upload': {
    run: async (world) => {
      const headers = ['Expect', '100-continue']
      await world.sendMain({ method: 'POST', headers, body: world.body() })
      await world.receive('HTTP/1.1 100 Continue\r\n\r\n', OK)
    },
  },
  'a replay': {
    run: async (world) => {
      const socket = await world.warm()
      await world.sendMain()
      if (!socket.closed) socket.receiveEnd()
      await settle()
    },
  },
  'a replay of an upload': {
    run: async (world) => {
      const socket = await world.warm()
      const body = Object.assign(world.body(['abc'], true), { isReplayable: true })
      await world.sendMain({ method: 'PUT', body })
      if (!socket.closed) socket.receiveEnd()
      await settle()
      await world.receive(CLOSE)
    },
  },
  'a connection in place of an idle one': {
    options: { limits: { maxConnections: 1 } },
    run: async (world) => {
      await world.warm(OTHER)
      await world.sendMain()
    },
  },
  'an idle connection that has expired': {
    run: async (world) => {
      await world.warm()
      await world.warm()
      // The timer of the connection is late, so that the request finds it.
      ;(world.backend.clock as { now(): number }).now = () => 20_000
      await world.sendMain()
      delete (world.backend.clock as { now?: unknown }).now
    },
  },
  'a wait for a connection': {
    options: { limits: { maxConnections: 1 } },
    run: async (world) => {
      world.send({ path: '/first' })
      await settle()
      await world.sendMain()
      world.send({ origin: OTHER, path: '/third' })
      const [socket] = world.backend.sockets
      if (socket?.closed === false) socket.receive(CLOSE)
      await settle()
    },
  },
  'a response after which the connection is closed': {
    options: { limits: { maxConnections: 1 } },
    run: async (world) => {
      await world.sendMain()
      world.send({ path: '/second' })
      world.send({ origin: OTHER, path: '/third' })
      await world.receive(CLOSE)
    },
  },
  'a failed dial': {
    run: async (world) => {
      world.backend.autoConnect = false
      await world.sendMain()
      for (const socket of world.backend.sockets) if (!socket.closed) socket.reset()
      world.backend.autoConnect = true
      await settle()
      for (const socket of world.backend.sockets) if (!socket.closed) socket.connected()
      await settle()
    },
  },
  'an invalid response': {
    run: async (world) => {
      await world.sendMain()
      await world.receive('nonsense\r\n')
    },
  },
  'a read timeout': {
    run: async (world) => {
      await world.sendMain()
      await world.backend.clock.advance(5000)
    },
  },
  'an abort by the signal': {
    run: async (world) => {
      await world.sendMain({ method: 'POST', body: world.body(['abc'], true) })
      world.controller.abort('from outside')
      await settle()
    },
  },
  'an upgrade': {
    run: async (world) => {
      await world.sendMain({ headers: ['Upgrade', 'x'] })
      await world.receive('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nfirst')
    },
  },
}

let current: World | null = null
const subscriptions = ['request:start', 'request:end', 'connection:open', 'connection:close'].map(
  (event) => {
    const name = `hawser:${event}`
    return { name, listener: () => current?.at(`channel ${name}` as Place) }
  },
)
before(() => {
  for (const { name, listener } of subscriptions) channel(name).subscribe(listener)
})
after(() => {
  for (const { name, listener } of subscriptions) channel(name).unsubscribe(listener)
})

const reached = new Set<Place>()

for (const [scenario, { options, run }] of Object.entries(scenarios)) {
  for (const action of Object.keys(actions)) {
    test(`82 ${scenario}: ${action}, inside each listener, hook and callback`, async () => {
      for (const place of places) {
        const where = `${scenario}: ${action} in ${place}`
        const world = new World(place, action, { timeouts: 5000, ...options })
        current = world
        const uncaught = await uncaughtDuring(async () => {
          await run(world)
          await world.finish(where)
        })
        current = null
        for (const error of uncaught) assert.equal(error, boom, where)
        if (world.acted) reached.add(place)
      }
    })
  }
}

test('82 the scenarios reach every place', () => {
  assert.deepEqual([...reached].sort(), [...places].sort())
})
