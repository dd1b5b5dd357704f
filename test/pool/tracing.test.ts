import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import type {
  DispatchRequest,
  EventName,
  PoolOptions,
  RequestEnd,
  RequestStart,
} from '../../src/engine.ts'
import { HTTPProxy } from '../../src/engine.ts'
import {
  ClientClosed,
  ConnectError,
  ConnectTimeout,
  LocalProtocolError,
  PoolTimeout,
  ProxyError,
  ReadError,
  ReadTimeout,
  RemoteProtocolError,
  TotalTimeout,
  WriteError,
  WriteTimeout,
} from '../../src/errors.ts'
import { events } from '../../src/models/events.ts'
import { at } from '../support/at.ts'
import { uncaughtDuring } from '../support/pool-harness.ts'
import type { ScriptedBackend } from '../support/scripted-backend.ts'
import type { RecordedCall } from './scripted-pool.ts'
import { assertEmpty, LAST, OK, ScriptedPool, settle } from './scripted-pool.ts'

const HTTP = 'http://a.test'
const HTTPS = 'https://a.test'

/** A pool that records the events of `trace`. */
class TracedPool extends ScriptedPool {
  readonly starts: RequestStart[]
  readonly ends: RequestEnd[]
  /** The names of the events in order; for connections, with their properties. */
  readonly log: string[]

  constructor(options: PoolOptions = {}) {
    const starts: RequestStart[] = []
    const ends: RequestEnd[] = []
    const log: string[] = []
    super({
      trace: (event, info) => {
        if (event === 'request:start') starts.push(info)
        if (event === 'request:end') ends.push(info)
        const facts = event.startsWith('request') ? [] : Object.values(info)
        log.push([event, ...facts].join(' '))
      },
      ...options,
    })
    this.starts = starts
    this.ends = ends
    this.log = log
  }

  get end(): RequestEnd {
    assert.ok(this.ends.length > 0, 'no request has ended')
    return this.ends.at(-1)!
  }

  pass(ms: number): Promise<void> {
    return this.backend.clock.advance(ms)
  }

  /** Checks that there is one end for each start, in any order. */
  assertPaired(): void {
    const ids = (list: readonly RequestStart[]) => list.map(({ id }) => id).sort((a, b) => a - b)
    assert.deepEqual(ids(this.ends), ids(this.starts))
    assert.equal(new Set(ids(this.starts)).size, this.starts.length)
    for (const end of this.ends) {
      const sum = Object.values(end.durations).reduce((all, one) => all + one, 0)
      assert.equal(sum, end.duration)
    }
  }

  async done(): Promise<void> {
    await assertEmpty(this)
    this.assertPaired()
  }
}

/** An event on the network, after a delay. */
type Step = readonly [ms: number, act: (backend: ScriptedBackend) => void]

const resolved: Step = [
  2,
  ({ lookups }) => lookups.at(-1)!.answer([{ address: '10.0.0.1', family: 4 }]),
]
const connected: Step = [3, ({ socket }) => socket.connected()]
const connectedToBlocked: Step = [
  3,
  ({ socket }) => {
    socket.block()
    socket.connected()
  },
]
const secured: Step = [5, ({ socket }) => socket.secured()]
const tunnelled: Step = [7, ({ socket }) => socket.receive('HTTP/1.1 200 OK\r\n\r\n')]
const greeted: Step = [7, ({ socket }) => socket.receive('\x05\x00')]
const relayed: Step = [
  11,
  ({ socket }) => socket.receive('\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00'),
]
const head: Step = [13, ({ socket }) => socket.receive(OK.slice(0, -2))]
const body: Step = [17, ({ socket }) => socket.receive('ok')]

interface Route {
  readonly name: string
  readonly origin: string
  readonly options?: PoolOptions
  readonly steps: readonly Step[]
  readonly durations: RequestEnd['durations']
}

const proxy = (url: string, mode: 'DEFAULT' | 'TUNNEL_ONLY' = 'DEFAULT') => ({
  proxy: new HTTPProxy(url, { mode }),
})
const answered = { wait: 13, read: 17 }

const routes: Route[] = [
  {
    name: 'direct',
    origin: HTTP,
    steps: [resolved, connected],
    durations: { queue: 0, dns: 2, tcp: 3, ...answered },
  },
  {
    name: 'an address',
    origin: 'http://10.0.0.1',
    steps: [connected],
    durations: { queue: 0, tcp: 3, ...answered },
  },
  {
    name: 'a unix socket',
    origin: HTTP,
    options: { uds: '/x' },
    steps: [connected],
    durations: { queue: 0, tcp: 3, ...answered },
  },
  {
    name: 'TLS',
    origin: HTTPS,
    steps: [resolved, connected, secured],
    durations: { queue: 0, dns: 2, tcp: 3, tls: 5, ...answered },
  },
  {
    name: 'forwarded',
    origin: HTTP,
    options: proxy('http://p.test'),
    steps: [resolved, connected],
    durations: { queue: 0, dns: 2, tcp: 3, ...answered },
  },
  {
    name: 'forwarded by an https proxy',
    origin: HTTP,
    options: proxy('https://p.test'),
    steps: [resolved, connected, secured],
    durations: { queue: 0, dns: 2, tcp: 3, proxy: 5, ...answered },
  },
  {
    name: 'a tunnel',
    origin: HTTP,
    options: proxy('http://p.test', 'TUNNEL_ONLY'),
    steps: [resolved, connected, tunnelled],
    durations: { queue: 0, dns: 2, tcp: 3, proxy: 7, ...answered },
  },
  {
    name: 'TLS through a tunnel',
    origin: HTTPS,
    options: proxy('http://p.test'),
    steps: [resolved, connected, tunnelled, secured],
    durations: { queue: 0, dns: 2, tcp: 3, proxy: 7, tls: 5, ...answered },
  },
  {
    name: 'TLS through a tunnel of an https proxy',
    origin: HTTPS,
    options: proxy('https://p.test'),
    steps: [resolved, connected, secured, tunnelled, secured],
    durations: { queue: 0, dns: 2, tcp: 3, proxy: 12, tls: 5, ...answered },
  },
  {
    name: 'TLS through SOCKS',
    origin: HTTPS,
    options: proxy('socks5h://p.test'),
    steps: [resolved, connected, greeted, relayed, secured],
    durations: { queue: 0, dns: 2, tcp: 3, proxy: 18, tls: 5, ...answered },
  },
  {
    name: 'SOCKS to an address that was resolved locally',
    origin: HTTP,
    options: proxy('socks5://p.test'),
    steps: [resolved, resolved, connected, greeted, relayed],
    durations: { queue: 0, dns: 4, tcp: 3, proxy: 18, ...answered },
  },
]

function manualPool(options: PoolOptions = {}): TracedPool {
  const pool = new TracedPool(options)
  pool.backend.autoConnect = pool.backend.autoLookup = false
  return pool
}

async function runSteps(pool: TracedPool, steps: readonly Step[]): Promise<void> {
  for (const [ms, act] of steps) {
    await pool.pass(ms)
    act(pool.backend)
    await settle()
  }
}

describe('the durations of', () => {
  for (const { name, origin, options, steps, durations } of routes) {
    test(name, async () => {
      const pool = manualPool(options)
      await pool.send(origin, '/a?secret=1')
      assert.deepEqual(pool.log, ['request:start'])
      await runSteps(pool, [...steps, head, body])
      const { id, bytesSent, bytesReceived, ...end } = pool.end
      assert.equal(id, at(pool.starts, 0).id)
      assert.deepEqual(end, {
        method: 'GET',
        origin,
        path: '/a?…',
        status: 200,
        duration: Object.values(durations).reduce((sum, ms) => sum + ms, 0),
        durations,
        reusedConnection: false,
        replayed: false,
        error: null,
      })
      assert.deepEqual(Object.keys(end.durations), Object.keys(durations))
      assert.equal(bytesReceived, OK.length)
      assert.ok(pool.backend.socket.written.endsWith('\r\n\r\n'))
      assert.equal(bytesSent, at(pool.backend.socket.written.split('GET '), 1).length + 4)

      await pool.send(origin)
      await runSteps(pool, [head, body])
      assert.deepEqual(pool.end.durations, { queue: 0, ...answered })
      assert.ok(pool.end.reusedConnection)
      await pool.done()
    })
  }

  test('a wait for a connection', async () => {
    const pool = new TracedPool({ limits: { maxConnections: 1 } })
    await pool.send(HTTP, '/1')
    await pool.send(HTTP, '/2')
    await runSteps(pool, [head, body, head, body])
    assert.deepEqual(pool.end.durations, { queue: 30, ...answered })
    await pool.done()
  })

  test('uploads: in parts, over a blocked socket, and with an early response', async () => {
    const pool = new TracedPool()
    let give = (_: string | null): void => {}
    async function* content() {
      for (;;) {
        const next = await new Promise<string | null>((resolve) => {
          give = resolve
        })
        if (next === null) return
        yield next
      }
    }
    await pool.send(HTTP, '/', { method: 'PUT', body: content() })
    await runSteps(pool, [
      [2, () => give('abc')],
      [3, () => give(null)],
      [0, ({ socket }) => socket.block()],
      head,
      body,
    ])
    assert.deepEqual(pool.end.durations, { queue: 0, dns: 0, tcp: 0, write: 5, ...answered })
    assert.equal(pool.end.bytesSent, pool.backend.socket.written.length)

    await pool.send(HTTP, '/', { method: 'PUT', body: 'x' })
    await runSteps(pool, [[23, ({ socket }) => socket.unblock()], head, body])
    assert.deepEqual(pool.end.durations, { queue: 0, write: 23, ...answered })

    await pool.send(HTTP, '/', { method: 'PUT', body: content() })
    await runSteps(pool, [head, body, [1, () => give('late')], [1, () => give(null)]])
    assert.deepEqual(pool.end.durations, { queue: 0, write: 30 }) // the upload continues after it
    await pool.done()
  })

  test('a response after early hints, and one whose reader pauses', async () => {
    const pool = new TracedPool()
    await pool.send(HTTP)
    await runSteps(pool, [
      [4, ({ socket }) => socket.receive('HTTP/1.1 103 Hints\r\n\r\n')],
      head,
      body,
    ])
    assert.equal(pool.end.durations.wait, 17)
    assert.equal(pool.end.bytesReceived, OK.length + 'HTTP/1.1 103 Hints\r\n\r\n'.length)

    const control = pool.dispatch(
      { origin: HTTP, path: '/' },
      { onHead() {}, onData: () => false, onEnd() {}, onError: assert.fail },
    )
    await runSteps(pool, [head, body, [19, () => control.resume()]])
    assert.deepEqual(pool.end.durations, { queue: 0, wait: 13, read: 36 })
    await pool.done()
  })

  test('a request that is sent again include both attempts', async () => {
    const pool = manualPool()
    await pool.send(HTTP)
    await runSteps(pool, [resolved, connected, head, body])
    await pool.send(HTTP)
    await runSteps(pool, [
      [29, ({ socket }) => socket.receiveEnd()],
      resolved,
      connected,
      head,
      body,
    ])
    const { durations, replayed, reusedConnection, status, bytesReceived } = pool.end
    assert.deepEqual(durations, { queue: 0, dns: 2, tcp: 3, wait: 42, read: 17 })
    assert.deepEqual(
      { replayed, reusedConnection, status },
      {
        replayed: true,
        reusedConnection: false,
        status: 200,
      },
    )
    assert.equal(bytesReceived, OK.length)
    assert.equal(pool.ends.length, 2)
    await pool.done()
  })
})

interface FailureCase {
  readonly name: string
  readonly error: { readonly prototype: Error }
  readonly durations: RequestEnd['durations']
  readonly steps: readonly Step[]
  readonly status?: number
  readonly origin?: string
  readonly options?: PoolOptions
  readonly request?: Partial<DispatchRequest>
}

const established = { queue: 0, dns: 2, tcp: 3 }

const failures: FailureCase[] = [
  {
    name: 'a name that is not found',
    error: ConnectError,
    durations: { queue: 0, dns: 9 },
    steps: [[9, ({ lookups }) => at(lookups, 0).fail(new Error('ENOTFOUND'))]],
  },
  {
    name: 'a refused connection',
    error: ConnectError,
    durations: { queue: 0, dns: 2, tcp: 9 },
    steps: [resolved, [9, ({ socket }) => socket.reset()]],
  },
  {
    name: 'a refused certificate',
    error: ConnectError,
    origin: HTTPS,
    durations: { ...established, tls: 9 },
    steps: [resolved, connected, [9, ({ socket }) => socket.reset()]],
  },
  {
    name: 'a refused tunnel',
    error: ProxyError,
    origin: HTTPS,
    options: proxy('http://p.test'),
    durations: { ...established, proxy: 9 },
    steps: [
      resolved,
      connected,
      [9, ({ socket }) => socket.receive('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')],
    ],
  },
  {
    name: 'a late connection',
    error: ConnectTimeout,
    request: { timeouts: { connect: 10 } },
    durations: { queue: 0, dns: 2, tcp: 8 },
    steps: [resolved, [8, () => {}]],
  },
  {
    name: 'a late response',
    error: ReadTimeout,
    request: { timeouts: { read: 10 } },
    durations: { ...established, wait: 10 },
    steps: [resolved, connected, [10, () => {}]],
  },
  {
    name: 'a late response body',
    error: ReadTimeout,
    status: 200,
    request: { timeouts: { read: 20 } },
    durations: { ...established, wait: 13, read: 20 },
    steps: [resolved, connected, head, [20, () => {}]],
  },
  {
    name: 'a total timeout',
    error: TotalTimeout,
    request: { timeouts: { total: 10 } },
    durations: { ...established, wait: 5 },
    steps: [resolved, connected, [5, () => {}]],
  },
  {
    name: 'a broken connection',
    error: ReadError,
    status: 200,
    durations: { ...established, wait: 13, read: 4 },
    steps: [resolved, connected, head, [4, ({ socket }) => socket.reset()]],
  },
  {
    name: 'an invalid response',
    error: RemoteProtocolError,
    durations: { ...established, wait: 4 },
    steps: [resolved, connected, [4, ({ socket }) => socket.receive('nonsense\r\n\r\n')]],
  },
  {
    name: 'an unrequested 101',
    error: RemoteProtocolError,
    durations: { ...established, wait: 4 },
    steps: [
      resolved,
      connected,
      [4, ({ socket }) => socket.receive('HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n')],
    ],
  },
  {
    name: 'content that fails',
    error: WriteError,
    request: {
      method: 'PUT',
      // biome-ignore lint/correctness/useYield: it fails instead
      body: (async function* () {
        throw new Error('no content')
      })(),
    },
    durations: { ...established, write: 0 },
    steps: [resolved, connected],
  },
]

describe('a request ends once, with', () => {
  for (const { name, error, durations, steps, ...more } of failures) {
    test(name, async () => {
      const pool = manualPool(more.options)
      const call = await pool.send(more.origin ?? HTTP, '/', more.request)
      await runSteps(pool, steps)
      await pool.backend.clock.flush()
      assert.equal((call.error as Error).name, error.prototype.name)
      assert.equal(pool.end.error, call.error)
      assert.deepEqual(pool.end.durations, durations)
      assert.equal(pool.end.status, more.status ?? null)
      await pool.done()
      assert.equal(pool.ends.length, 1)
    })
  }

  test('a pool timeout', async () => {
    const pool = new TracedPool({ limits: { maxConnections: 1 } })
    const first = await pool.send(HTTP)
    const call = await pool.send(HTTP, '/', { timeouts: { pool: 10 } })
    await pool.pass(10)
    assert.ok(call.error instanceof PoolTimeout)
    assert.deepEqual(pool.end.durations, { queue: 10 })
    assert.equal(pool.end.error, call.error)
    assert.equal(pool.ends.length, 1)
    pool.backend.socket.receive(OK)
    assert.equal(first.endCount, 1)
    await pool.done()
  })

  test('a write timeout', async () => {
    const pool = manualPool()
    const timeouts = { write: 10 }
    const body = new Uint8Array(1 << 21)
    const call = await pool.send(HTTP, '/', { method: 'PUT', body, timeouts })
    await runSteps(pool, [resolved, connectedToBlocked])
    await pool.pass(10)
    assert.ok(call.error instanceof WriteTimeout)
    assert.deepEqual(pool.end.durations, { ...established, write: 10 })
    await pool.done()
  })

  test('an abort, in every phase', async () => {
    const steps = [resolved, connected, head]
    const ways = ['control', 'signal'] as const
    for (let count = 0; count <= steps.length; count++) {
      for (const way of ways) {
        const pool = manualPool()
        const controller = new AbortController()
        const call = await pool.send(HTTP, '/', { signal: controller.signal })
        await runSteps(pool, steps.slice(0, count))
        await pool.pass(1)
        if (way === 'control') call.control?.abort('why')
        else controller.abort('why')
        assert.equal(pool.ends.length, 1, 'the event is published at once')
        assert.equal(pool.end.error, 'why')
        const last = at(['dns', 'tcp', 'wait', 'read'] as const, count)
        assert.equal(pool.end.durations[last], 1)
        await settle()
        assert.equal(call.error, 'why')
        await pool.done()
      }
    }
  })

  test('90 an abort with the reason null is not a success, nor is a handler that throws null', async () => {
    const pool = new TracedPool()
    const controller = new AbortController()
    const calls = [
      await pool.send(HTTP, '/1'),
      await pool.send(HTTP, '/2', { signal: controller.signal }),
      await pool.send(HTTP, '/3', { signal: AbortSignal.abort(null) }),
    ]
    calls[0]?.control?.abort(null)
    controller.abort(null)
    await settle()
    for (const call of calls) assert.equal(call.error, null, 'onError gets the reason as it is')
    const throws = () => {
      throw null
    }
    pool.dispatch(
      { origin: HTTP, path: '/4' },
      { onHead: throws, onData() {}, onEnd() {}, onError() {} },
    )
    await settle()
    pool.socketOf('/4').receive(OK)
    assert.deepEqual(
      pool.ends.map(({ error }) => (error as Error).name),
      ['AbortError', 'AbortError', 'AbortError', 'AbortError'],
    )
    await pool.done()
  })

  test('a signal that was aborted before, or the close of the pool', async () => {
    const pool = new TracedPool({ limits: { maxConnections: 1 } })
    await pool.send(HTTP, '/', { signal: AbortSignal.abort('before') })
    assert.deepEqual(pool.log, ['request:start', 'request:end'])
    assert.equal(pool.end.error, 'before')
    await pool.send(HTTP)
    await pool.send(HTTP)
    await pool.done()
    assert.equal(pool.ends.length, 3)
    assert.ok(at(pool.ends, 2).error instanceof ClientClosed)
  })

  test('an exception of the handler, or an upgrade', async () => {
    const pool = new TracedPool()
    const thrown = new Error('mine')
    pool.dispatch(
      { origin: HTTP, path: '/' },
      {
        onHead() {
          throw thrown
        },
        onData() {},
        onEnd() {},
        onError() {},
      },
    )
    await runSteps(pool, [head])
    assert.equal(pool.end.error, thrown)
    assert.equal(pool.end.status, 200)

    pool.dispatch(
      { origin: HTTP, path: '/', headers: ['upgrade', 'x'] },
      {
        onUpgrade: (socket) => socket.destroy(),
        onHead: () => assert.fail(),
        onData() {},
        onEnd() {},
        onError: assert.fail,
      },
    )
    await runSteps(pool, [
      [3, ({ socket }) => socket.receive('HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n')],
    ])
    assert.equal(pool.end.error, null)
    assert.equal(pool.end.status, 101)
    assert.deepEqual(pool.end.durations, { queue: 0, dns: 0, tcp: 0, wait: 3 })
    await pool.done()
  })

  test('an invalid request has neither start nor end', async () => {
    const pool = new TracedPool()
    const call = await pool.send(HTTP, 'no path')
    assert.ok(call.error instanceof LocalProtocolError)
    assert.deepEqual(pool.log, [])
    await pool.done()
  })
})

describe('connections', () => {
  test('connection:open and connection:close are published before request:end', async () => {
    const pool = new TracedPool()
    await pool.send(HTTP)
    pool.backend.socket.receive(LAST)
    assert.deepEqual(pool.log, [
      'request:start',
      'connection:open http://a.test 127.0.0.1',
      'connection:close http://a.test server-close',
      'request:end',
    ])
    await pool.done()
  })
})

/** Returns what is published on the channels while `work` runs. */
async function eventsDuring(
  names: readonly EventName[],
  work: () => Promise<void>,
): Promise<[name: string, info: object][]> {
  const heard: [string, object][] = []
  const note = (info: unknown, name: string | symbol) =>
    void heard.push([String(name), info as object])
  for (const name of names) subscribe(`hawser:${name}`, note)
  try {
    await work()
  } finally {
    for (const name of names) unsubscribe(`hawser:${name}`, note)
  }
  return heard
}

async function exchange(pool: ScriptedPool): Promise<RecordedCall> {
  const call = await pool.send(HTTP)
  pool.backend.socket.receive(LAST)
  await settle()
  return call
}

describe('diagnostics channels', () => {
  const names = Object.keys(events) as EventName[]

  test('get the same events as trace', async () => {
    const traced: [string, object][] = []
    const pool = new ScriptedPool({
      trace: (event, info) => traced.push([`hawser:${event}`, info]),
    })
    const heard = await eventsDuring(names, async () => void (await exchange(pool)))
    assert.equal(heard.length, 4)
    assert.deepEqual(heard, traced)
    await assertEmpty(pool)
  })

  for (const name of names) {
    test(`${name} with no other subscriber, and in the context of the dispatch`, async () => {
      const storage = new AsyncLocalStorage<string>()
      const contexts: unknown[] = []
      const note = () => void contexts.push(storage.getStore())
      subscribe(`hawser:${name}`, note)
      const pool = new ScriptedPool({ trace: undefined })
      storage.run('mine', () => pool.start(HTTP))
      await settle()
      storage.run('other', () => pool.backend.socket.receive(LAST))
      await settle()
      unsubscribe(`hawser:${name}`, note)
      assert.deepEqual(contexts, ['mine'])
      await assertEmpty(pool)
    })
  }

  test('a subscriber that is added during a request gets no request:end without request:start', async () => {
    const pool = new ScriptedPool({ trace: undefined })
    await pool.send(HTTP)
    const late = await eventsDuring(['request:start', 'request:end'], async () => {
      pool.backend.socket.receive(OK)
      await settle()
    })
    assert.deepEqual(late, [])
    await assertEmpty(pool)
  })

  test('a subscriber that throws does not affect the exchange', async () => {
    const fail = () => {
      throw new Error('mine')
    }
    subscribe('hawser:request:end', fail)
    const pool = new ScriptedPool({ trace: undefined })
    const errors = await uncaughtDuring(async () => {
      const call = await exchange(pool)
      assert.equal(call.body, 'ok')
    })
    unsubscribe('hawser:request:end', fail)
    assert.deepEqual(errors.map(String), ['Error: mine'])
    await assertEmpty(pool)
  })
})

describe('listeners', () => {
  test('a trace that throws does not affect the exchange', async () => {
    const pool = new ScriptedPool({
      trace: (event, _info) => {
        throw new Error(event)
      },
    })
    const errors = await uncaughtDuring(async () => {
      const call = await exchange(pool)
      assert.equal(call.body, 'ok')
    })
    assert.equal(errors.length, 4)
    await assertEmpty(pool)
  })

  test('are called in the async context of the dispatch', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: string[] = []
    const pool = new ScriptedPool({
      limits: { maxConnections: 1 },
      trace: (event, info) => {
        const whose = 'path' in info ? info.path : ''
        seen.push(`${event}${whose} in ${storage.getStore()}`)
      },
    })
    storage.run('first', () => pool.start(HTTP, '/1'))
    storage.run('second', () => pool.start('http://b.test', '/2'))
    await settle()
    storage.run('other', () => at(pool.sockets, 0).receive(OK))
    await settle()
    storage.run('other', () => at(pool.sockets, 1).receive(OK))
    await settle()
    await storage.run('last', () => assertEmpty(pool))
    assert.deepEqual(seen, [
      'request:start/1 in first',
      'request:start/2 in second',
      'connection:open in first',
      'connection:close in first',
      'request:end/1 in first',
      'connection:open in second',
      'request:end/2 in second',
      'connection:close in second',
    ])
  })

  test('without any, the clock is read only for deadlines', async () => {
    const clockReads = async (trace: PoolOptions['trace']) => {
      const pool = new ScriptedPool({ trace })
      await pool.warm(HTTP)
      const { clock } = pool.backend
      let count = 0
      const { now } = clock
      clock.now = () => {
        count++
        return now.call(clock)
      }
      pool.start(HTTP)
      pool.backend.socket.receive(OK)
      clock.now = now
      await assertEmpty(pool)
      return count
    }
    const untraced = await clockReads(undefined)
    assert.equal(untraced, 2) // in dispatch, and when the connection becomes free
    assert.ok((await clockReads(() => {})) > untraced)
  })
})
