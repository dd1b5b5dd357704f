// Timeouts at both levels, and limits of the pool, in a time that the tests rule.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { ClientOptions, RequestOptions, TimeoutInit } from '../../src/index.ts'
import { Timeout, TimeoutException } from '../../src/index.ts'
import { scriptedClient, settle, states } from './clients.ts'

const URL = 'http://h.test/path'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

type Scripted = ReturnType<typeof scriptedClient>

/** Where a call can get stuck, with the name of the timeout for it. */
const stuck: Record<
  string,
  {
    field: keyof Timeout
    begin: (scripted: Scripted, options: Pick<RequestOptions, 'timeout'>) => Promise<unknown>
  }
> = {
  ConnectTimeout: {
    field: 'connect',
    begin: ({ client, backend }, options) => {
      backend.autoConnect = false
      return client.get(URL, options)
    },
  },
  WriteTimeout: {
    field: 'write',
    begin: ({ client, backend }, options) => {
      backend.autoConnect = false
      const pending = client.post(URL, { ...options, content: Buffer.alloc(1 << 20) })
      void settle().then(() => {
        backend.socket.block()
        backend.socket.connected()
      })
      return pending
    },
  },
  ReadTimeout: { field: 'read', begin: ({ client }, options) => client.get(URL, options) },
  PoolTimeout: {
    field: 'pool',
    begin: ({ client }, options) => {
      client.get(URL, { timeout: null }).catch(() => {})
      return client.get(URL, options)
    },
  },
  TotalTimeout: {
    field: 'total',
    begin: ({ client }, options) => client.get(URL, options),
  },
}

/** Fails if the call ends before `ms`, or not then, or with anything but `name`. */
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

for (const [name, { field, begin }] of Object.entries(stuck)) {
  const only = (ms: number) => new Timeout(null, { [field]: ms })
  const levels: [name: string, ofClient: TimeoutInit, ofRequest: TimeoutInit, ms: number][] = [
    ['of the client', only(100), undefined, 100],
    ['of the request instead', only(100), only(200), 200],
    ['of the request, by a plain object', only(100), { [field]: 50 }, 50],
    ["the client's, where the object leaves it out", only(100), { [other(field)]: 10_000 }, 100],
    ['of the request, where the client has none', null, { [field]: 300 }, 300],
  ]
  describe(name, () => {
    for (const [level, ofClient, ofRequest, ms] of levels) {
      test(level, async (t) => {
        const scripted = scriptedClient(t, {
          timeout: ofClient,
          poolLimits: { maxConnections: 1 },
        })
        const options = ofRequest === undefined ? {} : { timeout: ofRequest }
        await assertTimesOut(scripted, begin(scripted, options), ms, name)
      })
    }

    test('null at the request: none', async (t) => {
      const scripted = scriptedClient(t, { timeout: only(100), poolLimits: { maxConnections: 1 } })
      const { client, clock } = scripted
      let over = false
      const end = () => {
        over = true
      }
      const pending = begin(scripted, { timeout: null }).then(end, end)
      await clock.advance(10_000_000)
      assert.equal(over, false)
      await client.close()
      await pending
    })

    if (field === 'total') return
    test('a number, at either level', async (t) => {
      for (const [ofClient, ofRequest] of [
        [100, undefined],
        [50, 100],
      ]) {
        const options: ClientOptions = { timeout: ofClient, poolLimits: { maxConnections: 1 } }
        const scripted = scriptedClient(t, options)
        const timeout = ofRequest === undefined ? {} : { timeout: ofRequest }
        await assertTimesOut(scripted, begin(scripted, timeout), 100, name)
      }
    })

    test('5000 by default', async (t) => {
      const scripted = scriptedClient(t, { poolLimits: { maxConnections: 1 } })
      await assertTimesOut(scripted, begin(scripted, {}), 5000, name)
    })
  })
}

function other(field: keyof Timeout): keyof Timeout {
  return field === 'read' ? 'write' : 'read'
}

describe('read timeout', () => {
  test('counts from byte to byte, in the body too', async (t) => {
    const { client, backend, clock } = scriptedClient(t, { timeout: { read: 100 } })
    const pending = assert.rejects(client.get(URL), {
      name: 'ReadTimeout',
      phase: 'read',
      responseStarted: true,
    })
    await clock.advance(99)
    backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
    for (const piece of 'abc') {
      await clock.advance(99)
      backend.socket.receive(piece)
    }
    await clock.advance(100)
    await pending
    assert.equal(states(client), '0 active, 0 idle')
  })

  test('fails each way to read a stream, with the request', async (t) => {
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

  test('is none for a reader who is slow', async (t) => {
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

describe('timeouts hold', () => {
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
    ['in rounds of auth', { auth }, challenge],
  ]
  for (const [name, options, answer] of rounds) {
    test(`${name}: read begins anew`, async (t) => {
      const scripted = scriptedClient(t, { timeout: { read: 100 } })
      const { client, clock, backend } = scripted
      const pending = client.get(URL, options)
      await clock.advance(60)
      backend.socket.receive(answer)
      await settle()
      let over = false
      const failed = assert.rejects(pending, { name: 'ReadTimeout' }).then(() => {
        over = true
      })
      await clock.advance(99)
      assert.equal(over, false)
      await clock.advance(1)
      await failed
    })

    test(`${name}: total does not`, async (t) => {
      const { client, clock, backend } = scriptedClient(t, { timeout: { total: 100 } })
      const failed = assert.rejects(client.get(URL, options), {
        name: 'TotalTimeout',
        message: /^Not done within 100 ms/,
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
    let goOn = (): void => {}
    const wait = () =>
      new Promise<void>((resolve) => {
        goOn = resolve
      })
    const scripted = scriptedClient(t, { timeout: { total: 100 }, eventHooks: { request: [wait] } })
    const { client, clock } = scripted
    for (const [inHook, left] of [
      [60, 40],
      [200, 0],
    ]) {
      const failed = assert.rejects(client.get(URL), { name: 'TotalTimeout' })
      await clock.advance(inHook)
      goOn()
      await settle()
      await clock.advance(left)
      await failed
    }
  })

  test('in auth that takes its time before it sends: total', async (t) => {
    const { client, clock } = scriptedClient(t, { timeout: { total: 100 } })
    let goOn = (): void => {}
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const auth: RequestOptions['auth'] = (request) => waiting.then(() => request)
    const failed = assert.rejects(client.get(URL, { auth }), { name: 'TotalTimeout' })
    await clock.advance(60)
    goOn()
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
      message: /^Not done within 100 ms/,
      request: response.request,
    })
    await clock.advance(50)
    await failed
  })
})

test("6, 18 a PoolTimeout's message has the state of the pool, and no secret", async (t) => {
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

test('who waits is served first come, first served', async (t) => {
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

describe('limits', () => {
  const open = async (t: TestContext, poolLimits: ClientOptions['poolLimits']) => {
    const scripted = scriptedClient(t, { poolLimits, timeout: null })
    const urls = ['http://a.test/', 'http://a.test/', 'http://b.test/']
    const calls = urls.map((url) => scripted.client.get(url))
    for (const call of calls) call.catch(() => {})
    await settle()
    return scripted
  }
  test('of connections', async (t) => {
    assert.equal((await open(t, { maxConnections: 2 })).backend.sockets.length, 2)
    assert.equal((await open(t, { maxConnectionsPerOrigin: 1 })).backend.sockets.length, 2)
    assert.equal((await open(t, {})).backend.sockets.length, 3)
  })

  test('of connections that idle, by number and time', async (t) => {
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
