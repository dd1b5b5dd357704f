// Requests that never leave the process are traced and published as those over connections are.
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { responderOf } from '../../src/dispatch/responder.ts'
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
import { gate } from './apps.ts'

const URL = 'http://app.test/a?secret=1'
const boom = new Error('boom')

/** Keeps what a trace is told. */
class Story {
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

function custom(play: (handler: Parameters<Dispatcher['dispatch']>[1]) => void): Dispatcher {
  return {
    dispatch(_, handler) {
      queueMicrotask(() => play(handler))
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
  /** Answers with 'body'. */
  readonly answers: () => Dispatcher
  /** Throws before its head. */
  readonly throws: () => Dispatcher
  /** Throws behind its head. */
  readonly breaks: () => Dispatcher
  readonly neverAnswers: () => Dispatcher
}

const kinds: Record<string, Kind> = {
  'a listener': {
    answers: () => new AppDispatcher({ app: (_, response) => void response.end('body') }),
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
    neverAnswers: () => new AppDispatcher({ app: () => {} }),
  },
  'a fetch app': {
    answers: () => new AppDispatcher({ app: (_: Request) => new Response('body') }),
    throws: () => new AppDispatcher({ app: async (_: Request) => Promise.reject(boom) }),
    breaks: () =>
      new AppDispatcher({
        app: (_: Request) =>
          new Response(new ReadableStream({ pull: (controller) => controller.error(boom) })),
      }),
    neverAnswers: () => new AppDispatcher({ app: (_: Request) => new Promise<never>(() => {}) }),
  },
  'a mock': {
    answers: () => new MockDispatcher(() => ({ content: ['bo', Buffer.from('dy')] })),
    throws: () => new MockDispatcher(() => Promise.reject(boom)),
    breaks: () =>
      new MockDispatcher(() => ({
        content: (function* () {
          yield 'b'
          throw boom
        })(),
      })),
    neverAnswers: () => new MockDispatcher(() => new Promise<never>(() => {})),
  },
  'a custom dispatcher': {
    answers: () =>
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
    neverAnswers: () => custom(() => {}),
  },
}

/** The ways in which a client can be given a dispatcher. */
const ways: Record<string, (dispatcher: Dispatcher) => ClientOptions> = {
  dispatcher: (dispatcher) => ({ dispatcher }),
  mounts: (dispatcher) => ({ mounts: { 'http://app.test': dispatcher } }),
}

/** What arrives on the channels while `work` runs. */
async function publishedDuring(work: () => Promise<void>): Promise<object[]> {
  const infos: object[] = []
  const note = (info: unknown) => void infos.push(info as object)
  const names: EventName[] = ['request:start', 'request:end', 'connection:open', 'connection:close']
  for (const name of names) subscribe(`hawser:${name}`, note)
  try {
    await work()
  } finally {
    for (const name of names) unsubscribe(`hawser:${name}`, note)
  }
  return infos
}

for (const [name, kind] of Object.entries(kinds)) {
  describe(`requests to ${name}`, () => {
    for (const [way, optionsOf] of Object.entries(ways)) {
      test(`as ${way}: one start and one end, to the trace and on the channels`, async () => {
        const story = new Story()
        const published = await publishedDuring(async () => {
          await using client = new Client({ ...optionsOf(kind.answers()), trace: story.trace })
          assert.equal((await client.post(URL, { content: 'abc' })).text(), 'body')
        })
        assert.deepEqual(published, story.infos)
        const { id, duration, durations, bytesSent, bytesReceived, ...end } = story.end
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
        story.assertPaired()
      })
    }

    test('without a trace, on the channels', async () => {
      const published = await publishedDuring(async () => {
        await using client = new Client({ dispatcher: kind.answers() })
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
        'the end of the client',
        async (client) => {
          const response = client.get(URL)
          setImmediate(() => client.close())
          return response
        },
        ClientClosed,
      ],
    ]
    for (const [what, fail, error] of failures) {
      test(`one end with ${what}`, async () => {
        const story = new Story()
        await using client = new Client({ dispatcher: kind.neverAnswers(), trace: story.trace })
        let thrown: unknown
        await assert.rejects(fail(client), (reason) => {
          thrown = reason
          return reason === error || reason instanceof (error as typeof TotalTimeout)
        })
        assert.equal((story.end.error as Error).message, (thrown as Error).message)
        assert.equal(story.end.status, null)
        story.assertPaired()
      })
    }

    test('a signal that was aborted before', async () => {
      const story = new Story()
      const responder = responderOf(kind.answers(), story.trace)
      const request = { origin: 'http://app.test', path: '/', signal: AbortSignal.abort(boom) }
      await assert.rejects(responder.request(request), boom)
      assert.deepEqual(story.events, ['request:start', 'request:end'])
      assert.equal(story.end.error, boom)
      await responder.close()
    })

    test('one end with the error of the app, before its head and behind it', async () => {
      for (const [dispatcher, status, cause] of [
        [kind.throws(), null, (error: unknown) => error],
        [kind.breaks(), 200, (error: unknown) => (error as ReadError).cause],
      ] as const) {
        const story = new Story()
        await using client = new Client({ dispatcher, trace: story.trace })
        await assert.rejects(client.get(URL))
        assert.equal(cause(story.end.error), boom)
        assert.equal(story.end.status, status)
        story.assertPaired()
      }
    })

    test('in the async context of the call', async () => {
      const storage = new AsyncLocalStorage<string>()
      const seen: unknown[] = []
      await using client = new Client({
        dispatcher: kind.answers(),
        trace: () => seen.push(storage.getStore()),
      })
      await storage.run('a', () => client.get(URL))
      assert.ok(seen.length >= 2)
      assert.deepEqual(new Set(seen), new Set(['a']))
    })

    test('each client hears of its own requests, and closes the dispatcher for both', async () => {
      const dispatcher = kind.answers()
      const [one, two] = [new Story(), new Story()]
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
    const story = new Story()
    const fetchApp = app.length === 0 ? { fetch: app as () => Response } : (app as never)
    await using client = new Client({ app: fetchApp, trace: story.trace })
    assert.equal((await client.get(URL)).text(), 'body')
    assert.equal(story.end.status, 200)
  }
})

test('large content and streamed content are counted', async () => {
  const story = new Story()
  const dispatcher = new MockDispatcher(({ content }) => ({ content }))
  await using client = new Client({ dispatcher, trace: story.trace })
  await client.post(URL, { content: Buffer.alloc(100_000) })
  await client.post(URL, { content: [Buffer.alloc(60_000), 'x'.repeat(40_000)] })
  for (const { bytesSent, bytesReceived } of story.ends) {
    assert.ok(bytesSent > 100_000 && bytesSent < 101_000, `${bytesSent} bytes sent`)
    assert.ok(bytesReceived > 100_000 && bytesReceived < 101_000, `${bytesReceived} bytes received`)
  }
})

test('a response that is closed early ends its request', async () => {
  const story = new Story()
  const content = (function* () {
    for (;;) yield Buffer.alloc(65_536)
  })()
  const dispatcher = new MockDispatcher(() => ({ content }))
  await using client = new Client({ dispatcher, trace: story.trace })
  const response = await client.stream('GET', URL)
  assert.equal(story.ends.length, 0)
  await response.close()
  assert.equal(story.end.status, 200)
  assert.ok(story.end.bytesReceived >= 65_536)
  assert.equal((story.end.error as Error).name, 'StreamClosed')
})

test('the time that an app takes is waited for', async () => {
  const story = new Story()
  const { opened, open } = gate()
  const dispatcher = new MockDispatcher(async () => {
    await opened
    return {}
  })
  await using client = new Client({ dispatcher, trace: story.trace })
  const response = client.get(URL)
  setTimeout(open, 20)
  await response
  const { queue, wait } = story.end.durations
  assert.ok((wait as number) >= 15 && (queue as number) < 15, inspect(story.end.durations))
})

test('a read timeout, and an app whose exception is a 500', async () => {
  const story = new Story()
  const app = (request: Request) =>
    request.url.endsWith('/never') ? new Promise<never>(() => {}) : Promise.reject(boom)
  const dispatcher = new AppDispatcher({ app, raiseAppExceptions: false })
  await using client = new Client({ dispatcher, trace: story.trace, timeout: { read: 5 } })
  await assert.rejects(client.get('http://app.test/never'), ReadTimeout)
  assert.equal((await client.get('http://app.test/')).status, 500)
  assert.ok(story.ends[0]?.error instanceof ReadTimeout)
  assert.deepEqual([story.ends[1]?.status, story.ends[1]?.error], [500, null])
})

test('a connection to a listener is told to whom it was opened for', async () => {
  const dispatcher = new AppDispatcher({ app: (_, response) => void response.end() })
  const [one, two] = [new Story(), new Story()]
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

test('a pool that a client is given: its own trace, and that of the client', async () => {
  const [ofPool, ofClient] = [new Story(), new Story()]
  const pool = new ConnectionPool({ trace: ofPool.trace })
  await using client = new Client({ dispatcher: pool, trace: ofClient.trace })
  await assert.rejects(client.get('http://127.0.0.1:1/'))
  assert.deepEqual(ofClient.infos, ofPool.infos)
  assert.deepEqual(ofClient.events, ['request:start', 'connection:close', 'request:end'])
  assert.equal(inspect(client), `<Client ${inspect(pool)}>`)
})

test('what a subclass does when it is closed is done with a trace, too', async () => {
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
