// Requests that are answered in this process are traced and published like those over connections.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { toRequestSender } from '../../src/dispatch/request-sender.ts'
import { ConnectionPool } from '../../src/engine.ts'
import type {
  ClientOptions,
  ConnectionOpen,
  Dispatcher,
  EventName,
  RequestEnd,
  RequestStart,
  Trace,
} from '../../src/index.ts'
import {
  AppDispatcher,
  Client,
  ClientClosed,
  Headers,
  MockDispatcher,
  ReadError,
  ReadTimeout,
  TotalTimeout,
} from '../../src/index.ts'

const URL = 'http://app.test/a?secret=1'
const boom = new Error('boom')

/** Records the events of a trace. */
class TraceLog {
  readonly events: string[] = []
  readonly infos: object[] = []
  readonly starts: RequestStart[] = []
  readonly ends: RequestEnd[] = []
  readonly opened: ConnectionOpen[] = []

  readonly trace: Trace = (event, info) => {
    this.events.push(event)
    this.infos.push(info)
    if (event === 'request:start') this.starts.push(info)
    if (event === 'request:end') this.ends.push(info)
    if (event === 'connection:open') this.opened.push(info)
  }

  get end(): RequestEnd {
    assert.equal(this.ends.length, 1)
    return this.ends[0]!
  }

  assertPaired(): void {
    const ids = (list: readonly RequestStart[]) => list.map(({ id }) => id).sort((a, b) => a - b)
    assert.deepEqual(ids(this.ends), ids(this.starts))
    for (const { durations, duration } of this.ends) {
      const sum = Object.values(durations).reduce((all, one) => all + one, 0)
      assert.ok(Math.abs(sum - duration) < 0.001)
    }
  }
}

function custom(respond: (handler: Parameters<Dispatcher['dispatch']>[1]) => void): Dispatcher {
  return {
    dispatch(_, handler) {
      queueMicrotask(() => respond(handler))
      return { resume() {}, abort() {} }
    },
    close: async () => {},
  }
}

const HEAD = {
  status: 200,
  statusText: 'OK',
  httpVersion: '1.1',
  headers: new Headers({ 'content-length': 4 }),
}

interface Kind {
  /** Responds with 'body'. */
  readonly responds: () => Dispatcher
  /** Throws before the head. */
  readonly throws: () => Dispatcher
  /** Throws after the head. */
  readonly breaks: () => Dispatcher
  readonly neverResponds: () => Dispatcher
}

const kinds: Record<string, Kind> = {
  'a listener': {
    responds: () => new AppDispatcher({ app: (_, response) => void response.end('body') }),
    throws: () =>
      new AppDispatcher({
        app: () => {
          throw boom
        },
        kind: 'node',
      }),
    breaks: () =>
      new AppDispatcher({
        app: (_, response) => {
          response.write('b')
          throw boom
        },
      }),
    neverResponds: () => new AppDispatcher({ app: () => {} }),
  },
  'a fetch app': {
    responds: () => new AppDispatcher({ app: (_: Request) => new Response('body') }),
    throws: () => new AppDispatcher({ app: async (_: Request) => Promise.reject(boom) }),
    breaks: () =>
      new AppDispatcher({
        app: (_: Request) =>
          new Response(new ReadableStream({ pull: (controller) => controller.error(boom) })),
      }),
    neverResponds: () => new AppDispatcher({ app: (_: Request) => new Promise<never>(() => {}) }),
  },
  'a mock': {
    responds: () => new MockDispatcher(() => ({ content: ['bo', Buffer.from('dy')] })),
    throws: () => new MockDispatcher(() => Promise.reject(boom)),
    breaks: () =>
      new MockDispatcher(() => ({
        content: (function* () {
          yield 'b'
          throw boom
        })(),
      })),
    neverResponds: () => new MockDispatcher(() => new Promise<never>(() => {})),
  },
  'a custom dispatcher': {
    responds: () =>
      custom((handler) => {
        handler.onHead(HEAD)
        handler.onData(Buffer.from('body'))
        handler.onEnd(new Headers())
      }),
    throws: () => custom((handler) => handler.onError(boom)),
    breaks: () =>
      custom((handler) => {
        handler.onHead(HEAD)
        handler.onError(new ReadError('broken', { cause: boom }))
      }),
    neverResponds: () => custom(() => {}),
  },
}

/** The options that pass a dispatcher to a client. */
const clientOptions: Record<string, (dispatcher: Dispatcher) => ClientOptions> = {
  dispatcher: (dispatcher) => ({ dispatcher }),
  mounts: (dispatcher) => ({ mounts: { 'http://app.test': dispatcher } }),
}

/** The messages of the diagnostics channels while `work` runs. */
async function publishedDuring(work: () => Promise<void>): Promise<object[]> {
  const infos: object[] = []
  const record = (info: unknown) => void infos.push(info as object)
  const names: EventName[] = ['request:start', 'request:end', 'connection:open', 'connection:close']
  for (const name of names) subscribe(`hawser:${name}`, record)
  try {
    await work()
  } finally {
    for (const name of names) unsubscribe(`hawser:${name}`, record)
  }
  return infos
}

for (const [name, kind] of Object.entries(kinds)) {
  describe(`requests to ${name}`, () => {
    for (const [option, optionsOf] of Object.entries(clientOptions)) {
      test(`as ${option}: one start and one end, for the trace and on the channels`, async () => {
        const log = new TraceLog()
        const published = await publishedDuring(async () => {
          await using client = new Client({ ...optionsOf(kind.responds()), trace: log.trace })
          assert.equal((await client.post(URL, { content: 'abc' })).text(), 'body')
        })
        assert.deepEqual(published, log.infos)
        const { id, duration, durations, bytesSent, bytesReceived, ...end } = log.end
        assert.deepEqual(end, {
          method: 'POST',
          origin: 'http://app.test',
          path: '/a?…',
          status: 200,
          reusedConnection: false,
          replayed: false,
          error: null,
        })
        const phases = Object.keys(durations)
        if (name !== 'a listener') assert.deepEqual(phases, ['queue', 'wait', 'read'])
        else assert.deepEqual(phases.slice(-2), ['wait', 'read'])
        assert.ok(bytesSent >= 'POST /a?secret=1 HTTP/1.1\r\n\r\nabc'.length)
        assert.ok(bytesReceived >= 'HTTP/1.1 200 OK\r\n\r\nbody'.length)
        log.assertPaired()
      })
    }

    test('without a trace, only on the channels', async () => {
      const published = await publishedDuring(async () => {
        await using client = new Client({ dispatcher: kind.responds() })
        await client.get(URL)
      })
      assert.equal(published.filter((info) => 'method' in info).length, 2)
    })

    const failures: [what: string, fail: (client: Client) => Promise<unknown>, error: object][] = [
      ['the total timeout', (client) => client.get(URL, { timeout: { total: 5 } }), TotalTimeout],
      [
        'an abort',
        async (client) => {
          const controller = new AbortController()
          const response = client.get(URL, { signal: controller.signal })
          setImmediate(() => controller.abort(boom))
          return response
        },
        boom,
      ],
      [
        'closing the client',
        async (client) => {
          const response = client.get(URL)
          setImmediate(() => client.close())
          return response
        },
        ClientClosed,
      ],
    ]
    for (const [what, fail, error] of failures) {
      test(`one end after ${what}`, async () => {
        const log = new TraceLog()
        await using client = new Client({ dispatcher: kind.neverResponds(), trace: log.trace })
        let thrown: unknown
        await assert.rejects(fail(client), (reason) => {
          thrown = reason
          return reason === error || reason instanceof (error as typeof TotalTimeout)
        })
        assert.equal((log.end.error as Error).message, (thrown as Error).message)
        assert.equal(log.end.status, null)
        log.assertPaired()
      })
    }

    test('a signal that is already aborted', async () => {
      const log = new TraceLog()
      const sender = toRequestSender(kind.responds(), log.trace)
      const request = { origin: 'http://app.test', path: '/', signal: AbortSignal.abort(boom) }
      await assert.rejects(sender.request(request), boom)
      assert.deepEqual(log.events, ['request:start', 'request:end'])
      assert.equal(log.end.error, boom)
      await sender.close()
    })

    test('one end with the error of the app, before and after the head', async () => {
      for (const [dispatcher, status, cause] of [
        [kind.throws(), null, (error: unknown) => error],
        [kind.breaks(), 200, (error: unknown) => (error as ReadError).cause],
      ] as const) {
        const log = new TraceLog()
        await using client = new Client({ dispatcher, trace: log.trace })
        await assert.rejects(client.get(URL))
        assert.equal(cause(log.end.error), boom)
        assert.equal(log.end.status, status)
        log.assertPaired()
      }
    })

    test('trace runs in the async context of the call', async () => {
      const storage = new AsyncLocalStorage<string>()
      const seen: unknown[] = []
      await using client = new Client({
        dispatcher: kind.responds(),
        trace: () => seen.push(storage.getStore()),
      })
      await storage.run('a', () => client.get(URL))
      assert.ok(seen.length >= 2)
      assert.deepEqual(new Set(seen), new Set(['a']))
    })

    test('each client traces only its own requests', async () => {
      const dispatcher = kind.responds()
      const [one, two] = [new TraceLog(), new TraceLog()]
      const first = new Client({ dispatcher, trace: one.trace })
      const second = new Client({ dispatcher, trace: two.trace })
      const third = new Client({ dispatcher })
      await first.get('http://app.test/1')
      await second.get('http://app.test/2')
      await third.get('http://app.test/3')
      assert.deepEqual(
        one.ends.map(({ path }) => path),
        ['/1'],
      )
      assert.deepEqual(
        two.ends.map(({ path }) => path),
        ['/2'],
      )
      one.assertPaired()
      two.assertPaired()
      for (const client of [first, second, third]) await client.close()
    })
  })
}

test('a client with an app is traced', async () => {
  for (const app of [
    () => new Response('body'),
    (_: unknown, response: { end(text: string): void }) => response.end('body'),
  ] as const) {
    const log = new TraceLog()
    const fetchApp = app.length === 0 ? { fetch: app as () => Response } : (app as never)
    await using client = new Client({ app: fetchApp, trace: log.trace })
    assert.equal((await client.get(URL)).text(), 'body')
    assert.equal(log.end.status, 200)
  }
})

test('bytes of large and of streamed content are counted', async () => {
  const log = new TraceLog()
  const dispatcher = new MockDispatcher(({ content }) => ({ content }))
  await using client = new Client({ dispatcher, trace: log.trace })
  await client.post(URL, { content: Buffer.alloc(100_000) })
  await client.post(URL, { content: [Buffer.alloc(60_000), 'x'.repeat(40_000)] })
  for (const { bytesSent, bytesReceived } of log.ends) {
    assert.ok(bytesSent > 100_000 && bytesSent < 101_000, `${bytesSent} bytes sent`)
    assert.ok(bytesReceived > 100_000 && bytesReceived < 101_000, `${bytesReceived} bytes received`)
  }
})

test('a response that is closed early ends its request', async () => {
  const log = new TraceLog()
  const content = (function* () {
    for (;;) yield Buffer.alloc(65_536)
  })()
  const dispatcher = new MockDispatcher(() => ({ content }))
  await using client = new Client({ dispatcher, trace: log.trace })
  const response = await client.stream('GET', URL)
  assert.equal(log.ends.length, 0)
  await response.close()
  assert.equal(log.end.status, 200)
  assert.ok(log.end.bytesReceived >= 65_536)
  assert.equal((log.end.error as Error).name, 'StreamClosed')
})

test('the time of the app counts as wait', async () => {
  const log = new TraceLog()
  const dispatcher = new MockDispatcher(async () => {
    await sleep(20)
    return {}
  })
  await using client = new Client({ dispatcher, trace: log.trace })
  await client.get(URL)
  assert.ok((log.end.durations.wait as number) >= 15, inspect(log.end.durations))
})

test('a read timeout, and an exception that becomes a 500', async () => {
  const log = new TraceLog()
  const app = (request: Request) =>
    request.url.endsWith('/never') ? new Promise<never>(() => {}) : Promise.reject(boom)
  const dispatcher = new AppDispatcher({ app, raiseAppExceptions: false })
  await using client = new Client({ dispatcher, trace: log.trace, timeout: { read: 5 } })
  await assert.rejects(client.get('http://app.test/never'), ReadTimeout)
  assert.equal((await client.get('http://app.test/')).status, 500)
  assert.ok(log.ends[0]?.error instanceof ReadTimeout)
  assert.deepEqual([log.ends[1]?.status, log.ends[1]?.error], [500, null])
})

test('a connection to a listener is traced by the client that opened it', async () => {
  const dispatcher = new AppDispatcher({ app: (_, response) => void response.end() })
  const [one, two] = [new TraceLog(), new TraceLog()]
  const first = new Client({ dispatcher, trace: one.trace })
  await using second = new Client({ dispatcher, trace: two.trace })
  await first.get(URL)
  await second.get(URL)
  assert.deepEqual(one.events.slice(0, 2), ['request:start', 'connection:open'])
  assert.deepEqual(two.events, ['request:start', 'request:end'])
  assert.ok(two.end.reusedConnection)
  await first.close()
  assert.equal(one.events.at(-1), 'connection:close')
})

test('a pool as dispatcher has its own trace in addition to that of the client', async () => {
  const [poolLog, clientLog] = [new TraceLog(), new TraceLog()]
  const pool = new ConnectionPool({ trace: poolLog.trace })
  await using client = new Client({ dispatcher: pool, trace: clientLog.trace })
  await assert.rejects(client.get('http://127.0.0.1:1/'))
  assert.deepEqual(clientLog.infos, poolLog.infos)
  assert.deepEqual(clientLog.events, ['request:start', 'connection:close', 'request:end'])
  assert.equal(inspect(client), `<Client ${inspect(pool)}>`)
})

test('close of a subclass is called even with a trace', async () => {
  let closed = 0
  class Counting extends MockDispatcher {
    override close() {
      closed++
      return super.close()
    }
  }
  const client = new Client({ dispatcher: new Counting(() => ({})), trace: () => {} })
  await client.close()
  assert.equal(closed, 1)
})
