// The option eventHooks: when hooks are called, with which arguments, and what happens if they
// throw.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Auth, ClientOptions, EventHooks, Request, Response } from '../../src/index.ts'
import {
  Client,
  ConnectError,
  Response as HawserResponse,
  HTTPStatusError,
  ResponseNotRead,
} from '../../src/index.ts'
import { httpServer } from '../engine/servers.ts'
import { deadOrigin, openClient, scriptedClient, settle, states, until } from './clients.ts'
import { reply, Web } from './scripted-web.ts'

const URL = 'http://h.test/'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

type Hooks = {
  request: ((request: Request) => unknown)[]
  response: ((response: Response) => unknown)[]
}

/** Records the calls of hooks as `request GET /path` and `response 200 /path`. */
function recorder(): { events: string[]; eventHooks: Hooks } {
  const events: string[] = []
  return {
    events,
    eventHooks: {
      request: [({ method, url }) => events.push(`request ${method} ${url.pathname}`)],
      response: [({ status, url }) => events.push(`response ${status} ${url.pathname}`)],
    },
  }
}

test('hooks are called in order, and each is awaited', async (t) => {
  const events: string[] = []
  const slow = (name: string) => async () => {
    events.push(`${name} begins`)
    await settle()
    events.push(`${name} ends`)
  }
  const { client, backend } = scriptedClient(t, {
    eventHooks: {
      request: [slow('first'), () => events.push('second'), slow('third')],
      response: [slow('fourth'), slow('fifth')],
    },
  })
  const pending = client.get(URL)
  while (backend.sockets.length === 0) await settle()
  await settle()
  assert.equal(events.at(-1), 'third ends')
  backend.socket.receive(OK)
  await pending
  assert.deepEqual(events, [
    ...['first begins', 'first ends', 'second', 'third begins', 'third ends'],
    ...['fourth begins', 'fourth ends', 'fifth begins', 'fifth ends'],
  ])
})

test('hooks are called for redirects and auth rounds', async (t) => {
  const { origin } = await httpServer(t, (request, response) => {
    if (request.url === '/a') return void response.writeHead(302, { location: '/b' }).end()
    if (request.headers.authorization) return void response.end('ok')
    response.writeHead(401, { 'www-authenticate': 'Digest realm="r", nonce="n", qop="auth"' }).end()
  })
  const { DigestAuth } = await import('../../src/index.ts')
  const { events, eventHooks } = recorder()
  const client = openClient(t, { eventHooks, auth: new DigestAuth('user', 'password') })
  assert.equal((await client.get(`${origin}/a`)).text(), 'ok')
  assert.deepEqual(events, [
    ...['request GET /a', 'response 302 /a'],
    ...['request GET /b', 'response 401 /b'],
    ...['request GET /b', 'response 200 /b'],
  ])
})

test('request hooks are called for each attempt', async (t) => {
  const { events, eventHooks } = recorder()
  const { client, clock, backend } = scriptedClient(t, { eventHooks, retries: 1 })
  backend.hosts.set('h.test', new Error('no such name'))
  const failed = assert.rejects(client.get(URL), ConnectError)
  await clock.advance(1000)
  await failed
  assert.deepEqual(events, ['request GET /', 'request GET /'])
})

describe('a request hook', () => {
  test('receives the request as it will be sent', async (t) => {
    const { client, backend } = scriptedClient(t, {
      auth: ['user', 'password'],
      cookies: { a: '1' },
      params: { q: '1' },
      eventHooks: {
        request: [
          ({ headers, url, target }) => {
            assert.equal(headers.get('authorization'), 'Basic dXNlcjpwYXNzd29yZA==')
            assert.equal(headers.get('cookie'), 'a=1')
            assert.equal(headers.get('accept'), '*/*')
            assert.equal(url.href, `${URL}?q=1`)
            assert.equal(target, '/?q=1')
          },
        ],
      },
    })
    const pending = client.get(URL)
    await settle()
    backend.socket.receive(OK)
    await pending
  })

  test('can change every property, without changing the built request', async (t) => {
    const { client, backend } = scriptedClient(t, {
      eventHooks: {
        request: [
          (request) => {
            request.method = 'PUT'
            request.url.pathname = '/changed'
            request.headers.set('x-hook', 'yes')
            request.headers.delete('accept')
            request.content = 'changed'
          },
        ],
      },
    })
    const built = client.buildRequest('POST', URL, { content: 'given' })
    for (let i = 0; i < 2; i++) {
      const pending = client.send(built)
      await settle()
      const written = backend.socket.takeWritten()
      assert.match(written, /^PUT \/changed HTTP\/1\.1\r\n/)
      assert.match(written, /\r\nx-hook: yes\r\n/)
      assert.doesNotMatch(written, /\r\naccept:/)
      assert.match(written, /\r\nContent-Length: 7\r\n.*changed$/s)
      backend.socket.receive(OK)
      const response = await pending
      assert.equal(response.request.method, 'PUT')
      assert.equal(response.url.pathname, '/changed')
    }
    assert.deepEqual(
      [built.method, built.url.href, built.headers.get('accept'), built.content],
      ['POST', URL, '*/*', 'given'],
    )
  })

  test('can change the URL, against which a redirect is resolved', async (t) => {
    const { client, backend } = scriptedClient(t, {
      auth: ['user', 'password'],
      eventHooks: {
        request: [
          (request) => {
            if (request.url.host === 'h.test')
              request.url = new globalThis.URL('http://other.test/a/b')
          },
        ],
      },
    })
    const pending = client.get(URL)
    await settle()
    assert.match(
      backend.socket.takeWritten(),
      /^GET \/a\/b HTTP\/1\.1\r\n(.*\r\n)*?Host: other\.test/,
    )
    backend.socket.receive('HTTP/1.1 302 Found\r\nLocation: c\r\nContent-Length: 0\r\n\r\n')
    await settle()
    assert.match(
      backend.socket.takeWritten(),
      /^GET \/a\/c HTTP\/1\.1\r\n(.*\r\n)*?Host: other\.test/,
    )
    backend.socket.receive(OK)
    assert.equal((await pending).url.href, 'http://other.test/a/c')
  })
})

describe('a response hook', () => {
  test('is called before the body is read', async (t) => {
    const responses: Response[] = []
    const { client, backend } = scriptedClient(t, {
      eventHooks: {
        response: [
          (response) => {
            assert.ok(response instanceof HawserResponse)
            assert.throws(() => response.text(), ResponseNotRead)
            responses.push(response)
          },
        ],
      },
    })
    const pending = client.get(URL)
    await settle()
    backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
    await settle()
    assert.equal(responses.length, 1)
    backend.socket.receive('ok')
    assert.equal(await pending, responses[0])
  })

  test('can read the body, which the caller can read too', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.end('body'))
    const texts: string[] = []
    const read = async (response: Response) => texts.push((await response.read()).text())
    const client = openClient(t, { eventHooks: { response: [read, read] } })
    assert.equal((await client.get(origin)).text(), 'body')
    const streamed = await client.stream('GET', origin)
    let bytes = ''
    for await (const chunk of streamed.iterBytes()) bytes += chunk
    assert.equal(bytes, 'body')
    assert.deepEqual(texts, ['body', 'body', 'body', 'body'])
  })

  test('can call raiseForStatus', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.writeHead(404).end())
    const response = [(response: Response) => response.raiseForStatus()]
    const client = openClient(t, { eventHooks: { response } })
    await assert.rejects(client.get(origin), { name: 'HTTPStatusError' })
  })
})

// In HTTPX, too, the hook has to read the body first; otherwise the connection is closed unread.
describe('69 after raiseForStatus() in a response hook, the catcher can read the body', () => {
  const raise = (response: Response) => void response.raiseForStatus()
  class ApiError extends Error {}

  /** Returns the response that the error of the call holds. */
  async function responseOf(call: Promise<unknown>): Promise<Response> {
    const error = await call.then(
      () => assert.fail('resolved'),
      (reason: unknown) => (reason instanceof ApiError ? reason.cause : reason),
    )
    assert.ok(error instanceof HTTPStatusError)
    assert.ok(error.response instanceof HawserResponse)
    return error.response
  }

  const ways: Record<string, (client: Client, url: string) => Promise<unknown>> = {
    get: (client, url) => client.get(url),
    stream: (client, url) => client.stream('GET', url),
    'send with stream': (client, url) =>
      client.send(client.buildRequest('GET', url), { stream: true }),
  }
  for (const [name, call] of Object.entries(ways)) {
    test(`of ${name}()`, async (t) => {
      const { origin } = await httpServer(t, (_, response) => {
        response.writeHead(422, { 'content-type': 'application/json' }).end('{"reason":"é"}')
      })
      const client = openClient(t, { eventHooks: { response: [raise] } })
      const response = await responseOf(call(client, origin))
      assert.throws(() => response.text(), ResponseNotRead)
      assert.equal(await response.read(), response)
      assert.deepEqual(response.json(), { reason: 'é' })
      assert.equal((await response.read()).text(), '{"reason":"é"}')
    })
  }

  test('also by iteration, and when the hook wraps the error', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.writeHead(500).end('reason'))
    const wrap = (response: Response) => {
      try {
        response.raiseForStatus()
      } catch (cause) {
        throw new ApiError('wrapped', { cause })
      }
    }
    const client = openClient(t, { eventHooks: { response: [wrap] } })
    const response = await responseOf(client.get(origin))
    let text = ''
    for await (const part of response.iterText()) text += part
    assert.equal(text, 'reason')
  })

  test('of an auth flow, after a redirect and a retry', async () => {
    const web = new Web(({ target }, count) => {
      if (target === '/') return reply(307, ['Location: /to'])
      return count === 2 ? reply(503, ['Retry-After: 0'], 'first') : reply(500, [], 'second')
    })
    const auth: Auth = {
      async *authFlow(request) {
        const response = yield request
        if (response instanceof HawserResponse) response.raiseForStatus()
      },
    }
    const call = web.client({ auth, retries: 1 }).get(URL)
    const response = await responseOf(web.within(1000, call))
    assert.equal((await web.during(response.read())).text(), 'second')
  })

  test('its first 64 KiB, decoded', async (t) => {
    const bodies: readonly [coding: string | null, size: number][] = [
      [null, 65_535],
      [null, 65_536],
      [null, 65_537],
      [null, 10_000_000],
      ['gzip', 10_000_000],
    ]
    let index = 0
    const { origin } = await httpServer(t, (_, response) => {
      const [coding, size] = bodies[index] ?? assert.fail()
      const body = Buffer.alloc(size, 'x')
      response.writeHead(500, coding === null ? {} : { 'content-encoding': coding })
      response.end(coding === null ? body : gzipSync(body))
    })
    const client = openClient(t, { eventHooks: { response: [raise] } })
    for (const [i, [, size]] of bodies.entries()) {
      index = i
      const response = await responseOf(client.get(origin))
      const bytes = (await response.read()).bytes()
      assert.equal(bytes.length, Math.min(size, 65_536))
      await until(() => /^0 active/.test(states(client)))
    }
  })

  test('whether it is read or not, the connection is free, and reused after a short body', async (t) => {
    const { client, backend } = scriptedClient(t, { eventHooks: { response: [raise] } })
    for (let i = 0; i < 3; i++) {
      const failed = responseOf(client.get(URL))
      await settle()
      backend.socket.receive('HTTP/1.1 500 E\r\nContent-Length: 6\r\n\r\nrea')
      const response = await failed
      assert.match(states(client), /^1 active/)
      backend.socket.receive('son')
      await settle()
      assert.match(states(client), /^0 active, 1 idle/)
      if (i > 0) assert.equal((await response.read()).text(), 'reason')
    }
    assert.equal(backend.sockets.length, 1)
  })

  test('a hook that has read or closed the response decides', async (t) => {
    const { origin } = await httpServer(t, (_, response) => response.writeHead(500).end('reason'))
    const read = async (response: Response) => raise(await response.read())
    const reader = openClient(t, { eventHooks: { response: [read] } })
    assert.equal((await responseOf(reader.get(origin))).text(), 'reason')
    const close = async (response: Response) => {
      await response.close()
      raise(response)
    }
    const closer = openClient(t, { eventHooks: { response: [close] } })
    const closed = await responseOf(closer.get(origin))
    await assert.rejects(closed.read(), { name: 'StreamClosed' })
  })

  test('a body that fails is an error of read(), and no unhandled rejection', async (t) => {
    const { client, backend, clock } = scriptedClient(t, {
      eventHooks: { response: [raise] },
      timeout: 100,
    })
    const head = 'HTTP/1.1 500 E\r\nContent-Length: 6\r\n\r\nrea'
    const fail = async (end: () => unknown) => {
      const failed = responseOf(client.get(URL))
      await settle()
      backend.socket.receive(head)
      const response = await failed
      await end()
      await settle()
      return response
    }
    const reset = await fail(() => backend.socket.reset())
    await assert.rejects(reset.read(), { name: 'ReadError' })
    const late = await fail(() => clock.advance(100))
    await assert.rejects(late.read(), { name: 'ReadTimeout' })
    const cut = await fail(() => client.close())
    await assert.rejects(cut.read(), { name: 'ClientClosed' })
    assert.match(states(client), /^0 active/)
  })

  test('after 64 KiB of a long body, the connection is closed and the reading ends', async (t) => {
    const { client, backend } = scriptedClient(t, { eventHooks: { response: [raise] } })
    const failed = responseOf(client.get(URL))
    await settle()
    backend.socket.receive('HTTP/1.1 500 E\r\nContent-Length: 1000000\r\n\r\n')
    const response = await failed
    backend.socket.receive('x'.repeat(65_000))
    await settle()
    assert.match(states(client), /^1 active/)
    backend.socket.receive('x'.repeat(1000))
    await settle()
    assert.match(states(client), /^0 active, 0 idle/)
    assert.equal((await response.read()).text(), 'x'.repeat(65_536))
  })

  test('close() of the response ends the reading', async (t) => {
    const { client, backend } = scriptedClient(t, { eventHooks: { response: [raise] } })
    const failed = responseOf(client.get(URL))
    await settle()
    backend.socket.receive('HTTP/1.1 500 E\r\nContent-Length: 1000000\r\n\r\nrea')
    const response = await failed
    await response.close()
    await settle()
    assert.match(states(client), /^0 active/)
    await assert.rejects(response.read(), { name: 'StreamClosed' })
  })
})

describe('the call rejects with what a hook throws, and releases its connection', () => {
  const thrown: Record<string, unknown> = {
    'an Error': new Error('thrown by the hook'),
    'a string': 'thrown by the hook',
    undefined: undefined,
    'an error of another call': null,
  }
  for (const kind of ['request', 'response'] as const) {
    for (const [what, error] of Object.entries(thrown)) {
      for (const body of ['no', 'a small', 'a large']) {
        if (kind === 'request' && body !== 'no') continue
        test(`${kind}: ${what}, ${body} body unread`, async (t) => {
          let reason = error
          let calls = 0
          const hook = async () => {
            calls++
            if (reason === null) {
              const url = `${await deadOrigin()}/inner`
              reason = await new Client().get(url).catch((failure) => failure)
            }
            throw reason
          }
          const next = () => assert.fail('called after a hook that threw')
          const { client, backend } = scriptedClient(t, { eventHooks: { [kind]: [hook, next] } })
          let outcome: { reason: unknown } | undefined
          const pending = client.get(URL).then(
            () => assert.fail('resolved'),
            (reason) => {
              outcome = { reason }
            },
          )
          await settle()
          if (kind === 'response') {
            const length = { no: 0, 'a small': 10, 'a large': 1_000_000 }[body]
            backend.socket.receive(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
            await settle()
          }
          await pending
          assert.ok(outcome)
          assert.equal(outcome.reason, reason)
          assert.equal(calls, 1)
          if (what === 'an error of another call') {
            assert.equal(
              (reason as ConnectError & { request: Request }).request.url.pathname,
              '/inner',
            )
          }
          if (body === 'a small') backend.socket.receive('0123456789')
          await settle()
          assert.match(states(client), /^0 active/)
        })
      }
    }
  }

  test('after a redirect and in an auth round', async (t) => {
    const failure = new Error('thrown by the hook')
    const { origin } = await httpServer(t, (request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b' }).end()
      else response.writeHead(200).end()
    })
    const hook = ({ url }: { url: URL }) => {
      if (url.pathname === '/b') throw failure
    }
    for (const eventHooks of [{ request: [hook] }, { response: [hook] }] as EventHooks[]) {
      const options: ClientOptions = { eventHooks, auth: (request) => request }
      const client = openClient(t, options)
      await assert.rejects(client.get(`${origin}/a`), (error) => error === failure)
      assert.match(states(client), /^0 active/)
    }
  })
})

test('the lists are copied: a later change has no effect', async (t) => {
  const { events, eventHooks } = recorder()
  const { client, backend } = scriptedClient(t, { eventHooks })
  eventHooks.request.length = 0
  const pending = client.get(URL)
  await settle()
  backend.socket.receive(OK)
  await pending
  assert.deepEqual(events, ['request GET /', 'response 200 /'])
})

describe('invalid eventHooks', () => {
  const shapes: [hooks: unknown, message: RegExp][] = [
    [null, /eventHooks must be an object/],
    [[], /eventHooks must be an object/],
    [() => {}, /eventHooks must be an object/],
    [{ requests: [] }, /eventHooks\.requests is not an option/],
    [{ request: () => {} }, /eventHooks\.request must be an array of functions/],
    [{ response: [() => {}, 7] }, /eventHooks\.response must be an array of functions/],
    [{ response: null }, /eventHooks\.response must be an array of functions/],
  ]
  for (const [eventHooks, message] of shapes) {
    test(`${message.source}`, () => {
      assert.throws(() => new Client({ eventHooks } as ClientOptions), {
        name: 'TypeError',
        message,
      })
    })
  }
})
