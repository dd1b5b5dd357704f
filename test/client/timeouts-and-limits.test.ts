// Timeouts of the client and of requests, and limits of the pool, with a scripted clock.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions, TimeoutInit } from '../../src/index.ts'
import { Timeout, TimeoutException } from '../../src/index.ts'
import { scriptedClient, settle, states } from './clients.ts'

const URL = 'http://h.test/path'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

type Scripted = ReturnType<typeof scriptedClient>

/** Calls that do not progress in one phase, by the name of the timeout for it. */
const stalled: Record<
  string,
  {
    field: keyof Timeout
    start: (scripted: Scripted, options: Pick<RequestOptions, 'timeout'>) => Promise<unknown>
  }
> = {
  ConnectTimeout: {
    field: 'connect',
    start: ({ client, backend }, options) => {
      backend.autoConnect = false
      return client.get(URL, options)
    },
  },
  WriteTimeout: {
    field: 'write',
    start: ({ client, backend }, options) => {
      backend.autoConnect = false
      const pending = client.post(URL, { ...options, content: Buffer.alloc(1 << 20) })
      void settle().then(() => {
        backend.socket.block()
        backend.socket.connected()
      })
      return pending
    },
  },
  ReadTimeout: { field: 'read', start: ({ client }, options) => client.get(URL, options) },
  PoolTimeout: {
    field: 'pool',
    start: ({ client }, options) => {
      client.get(URL, { timeout: null }).catch(() => {})
      return client.get(URL, options)
    },
  },
  TotalTimeout: {
    field: 'total',
    start: ({ client }, options) => client.get(URL, options),
  },
}

/** Asserts that the call fails after exactly `ms` milliseconds, with an error named `name`. */
async function assertTimesOut(
  { clock, client }: Scripted,
  pending: Promise<unknown>,
  ms: number,
  name: string,
): Promise<void> {
  const errors: unknown[] = []
  pending.then(
    () => assert.fail('resolved'),
    (error) => errors.push(error),
  )
  await settle()
  await clock.advance(ms - clock.now() - 1)
  assert.equal(errors.length, 0)
  await clock.advance(1)
  const [outcome] = errors
  assert.ok(outcome instanceof TimeoutException, `${outcome}`)
  assert.equal(outcome.name, name)
  assert.ok(outcome.message.includes(`${ms} ms`), outcome.message)
  const { request } = outcome as unknown as { request: { url: URL } }
  assert.equal(request.url.href, URL)
  await settle()
  assert.doesNotMatch(states(client), /^2/)
}

for (const [name, { field, start }] of Object.entries(stalled)) {
  const only = (ms: number) => new Timeout(null, { [field]: ms })
  const levels: [
    name: string,
    clientTimeout: TimeoutInit,
    requestTimeout: TimeoutInit,
    ms: number,
  ][] = [
    ['of the client', only(100), undefined, 100],
    ['of the request', only(100), only(200), 200],
    ['of the request, as a plain object', only(100), { [field]: 50 }, 50],
    ["of the client, missing in the request's object", only(100), { [other(field)]: 10_000 }, 100],
    ['of the request, without one in the client', null, { [field]: 300 }, 300],
  ]
  describe(name, () => {
    for (const [level, clientTimeout, requestTimeout, ms] of levels) {
      test(level, async (t) => {
        const scripted = scriptedClient(t, {
          timeout: clientTimeout,
          poolLimits: { maxConnections: 1 },
        })
        const options = requestTimeout === undefined ? {} : { timeout: requestTimeout }
        await assertTimesOut(scripted, start(scripted, options), ms, name)
      })
    }

    test('null in the request: no timeout', async (t) => {
      const scripted = scriptedClient(t, { timeout: only(100), poolLimits: { maxConnections: 1 } })
      const { client, clock } = scripted
      let hasEnded = false
      const end = () => {
        hasEnded = true
      }
      const pending = start(scripted, { timeout: null }).then(end, end)
      await clock.advance(10_000_000)
      assert.equal(hasEnded, false)
      await client.close()
      await pending
    })

    if (field === 'total') return
    test('a number, in the client or in the request', async (t) => {
      for (const [clientTimeout, requestTimeout] of [
        [100, undefined],
        [50, 100],
      ]) {
        const options: ClientOptions = { timeout: clientTimeout, poolLimits: { maxConnections: 1 } }
        const scripted = scriptedClient(t, options)
        const timeout = requestTimeout === undefined ? {} : { timeout: requestTimeout }
        await assertTimesOut(scripted, start(scripted, timeout), 100, name)
      }
    })

    test('5000 by default', async (t) => {
      const scripted = scriptedClient(t, { poolLimits: { maxConnections: 1 } })
      await assertTimesOut(scripted, start(scripted, {}), 5000, name)
    })
  })
}

function other(field: keyof Timeout): keyof Timeout {
  return field === 'read' ? 'write' : 'read'
}

describe('the read timeout', () => {
  test('starts again with each byte, also in the body', async (t) => {
    const { client, backend, clock } = scriptedClient(t, { timeout: { read: 100 } })
    const pending = assert.rejects(client.get(URL), {
      name: 'ReadTimeout',
      phase: 'read',
      responseStarted: true,
    })
    await clock.advance(99)
    backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
    for (const character of 'abc') {
      await clock.advance(99)
      backend.socket.receive(character)
    }
    await clock.advance(100)
    await pending
    assert.equal(states(client), '0 active, 0 idle')
  })

  test('fails all methods of reading a stream, with the property request', async (t) => {
    for (const iterate of [
      'iterBytes',
      'iterText',
      'iterLines',
      'iterRaw',
      'bodyStream',
    ] as const) {
      const { client, backend, clock } = scriptedClient(t, { timeout: { read: 100 } })
      const pending = client.stream('GET', URL)
      await settle()
      backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
      const response = await pending
      const reading = assert.rejects(
        async () => {
          for await (const _ of response[iterate]());
        },
        { name: 'ReadTimeout', request: response.request },
      )
      await clock.advance(100)
      await reading
    }
  })

  test('is not caused by a slow reader', async (t) => {
    const { client, backend, clock } = scriptedClient(t, { timeout: { read: 100 } })
    const pending = client.stream('GET', URL)
    await settle()
    backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n')
    for (let i = 0; i < 10; i++) backend.socket.receive('x'.repeat(20_000))
    const response = await pending
    await clock.advance(1_000_000)
    assert.equal((await response.read()).bytes().length, 200_000)
  })
})

describe('timeouts apply', () => {
  const redirect = 'HTTP/1.1 302 Found\r\nLocation: /path\r\nContent-Length: 0\r\n\r\n'
  const challenge = 'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n'
  const auth: RequestOptions['auth'] = {
    async *authFlow(request) {
      yield request
      yield request
    },
  }
  const rounds: [name: string, options: RequestOptions, answer: string][] = [
    ['in redirects', {}, redirect],
    ['in auth rounds', { auth }, challenge],
  ]
  for (const [name, options, answer] of rounds) {
    test(`${name}: read starts again`, async (t) => {
      const scripted = scriptedClient(t, { timeout: { read: 100 } })
      const { client, clock, backend } = scripted
      const pending = client.get(URL, options)
      await clock.advance(60)
      backend.socket.receive(answer)
      await settle()
      let hasFailed = false
      const failed = assert.rejects(pending, { name: 'ReadTimeout' }).then(() => {
        hasFailed = true
      })
      await clock.advance(99)
      assert.equal(hasFailed, false)
      await clock.advance(1)
      await failed
    })

    test(`${name}: total does not start again`, async (t) => {
      const { client, clock, backend } = scriptedClient(t, { timeout: { total: 100 } })
      const failed = assert.rejects(client.get(URL, options), {
        name: 'TotalTimeout',
        message: /^The request did not complete within 100 ms/,
      })
      await clock.advance(60.5)
      backend.socket.receive(answer)
      await clock.advance(39)
      assert.equal(states(client), '1 active, 0 idle')
      await clock.advance(1)
      await failed
      assert.equal(states(client), '0 active, 0 idle')
    })
  }

  test('in request hooks: total counts from the call', async (t) => {
    let finish = (): void => {}
    const wait = () =>
      new Promise<void>((resolve) => {
        finish = resolve
      })
    const scripted = scriptedClient(t, { timeout: { total: 100 }, eventHooks: { request: [wait] } })
    const { client, clock } = scripted
    for (const [inHook, remaining] of [
      [60, 40],
      [200, 0],
    ] as const) {
      const failed = assert.rejects(client.get(URL), { name: 'TotalTimeout' })
      await clock.advance(inHook)
      finish()
      await settle()
      await clock.advance(remaining)
      await failed
    }
  })

  test('in an asynchronous auth function: total', async (t) => {
    const { client, clock } = scriptedClient(t, { timeout: { total: 100 } })
    let finish = (): void => {}
    const waiting = new Promise<void>((resolve) => {
      finish = resolve
    })
    const auth: RequestOptions['auth'] = (request) => waiting.then(() => request)
    const failed = assert.rejects(client.get(URL, { auth }), { name: 'TotalTimeout' })
    await clock.advance(60)
    finish()
    await clock.advance(40)
    await failed
  })

  test('in the body: total', async (t) => {
    const { client, clock, backend } = scriptedClient(t, { timeout: { total: 100 } })
    const pending = client.stream('GET', URL)
    await clock.advance(50)
    backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    const response = await pending
    const failed = assert.rejects(response.read(), {
      name: 'TotalTimeout',
      message: /^The request did not complete within 100 ms/,
      request: response.request,
    })
    await clock.advance(50)
    await failed
  })
})

test('6, 18 the message of a PoolTimeout has the state of the pool, and no secret', async (t) => {
  const { client, clock } = scriptedClient(t, {
    timeout: { pool: 50, read: null },
    poolLimits: { maxConnections: 2 },
  })
  for (let i = 0; i < 2; i++) client.get(URL).catch(() => {})
  await settle()
  const failed = assert.rejects(client.get(`http://user:secret@h.test/?secret`), (error) => {
    assert.ok(error instanceof TimeoutException)
    assert.equal(error.name, 'PoolTimeout')
    assert.equal(error.phase, 'queue')
    assert.match(error.message, /50 ms/)
    assert.match(error.message, /2 connections: 0 connecting, 2 active, 0 idle/)
    assert.match(error.message, /GET http:\/\/h\.test\//)
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
  await clock.advance(50)
  await failed
  assert.equal(states(client), '2 active, 0 idle')
})

test('waiting requests are served in FIFO order', async (t) => {
  const { client, backend } = scriptedClient(t, { poolLimits: { maxConnections: 1 } })
  const order: number[] = []
  const calls = Array.from({ length: 5 }, (_, i) =>
    client.get(`http://h.test/${i}`).then(() => order.push(i)),
  )
  for (const call of calls) {
    await settle()
    backend.socket.receive(OK)
    await call
  }
  assert.deepEqual(order, [0, 1, 2, 3, 4])
  assert.equal(backend.sockets.length, 1)
})

describe('the option poolLimits', () => {
  const open = async (t: TestContext, poolLimits: ClientOptions['poolLimits']) => {
    const scripted = scriptedClient(t, { poolLimits, timeout: null })
    const urls = ['http://a.test/', 'http://a.test/', 'http://b.test/']
    const calls = urls.map((url) => scripted.client.get(url))
    for (const call of calls) call.catch(() => {})
    await settle()
    return scripted
  }
  test('limits the connections', async (t) => {
    assert.equal((await open(t, { maxConnections: 2 })).backend.sockets.length, 2)
    assert.equal((await open(t, { maxConnectionsPerOrigin: 1 })).backend.sockets.length, 2)
    assert.equal((await open(t, {})).backend.sockets.length, 3)
  })

  test('limits the number and the time of idle connections', async (t) => {
    const { client, backend, clock } = await open(t, {
      maxKeepaliveConnections: 2,
      keepaliveExpiry: 1000,
    })
    for (const socket of backend.sockets) socket.receive(OK)
    await settle()
    assert.equal(states(client), '0 active, 2 idle')
    await clock.advance(1001)
    assert.equal(states(client), '0 active, 0 idle')
  })
})
