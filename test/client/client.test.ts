import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { acceptEncoding } from '../../src/content/decoding/decoder.ts'
import type { ClientOptions, RequestOptions } from '../../src/index.ts'
import {
  AsyncClient,
  Client,
  ClientClosed,
  ConnectError,
  HTTPStatusError,
  InvalidURL,
  LocalProtocolError,
  ReadTimeout,
  Response,
  Timeout,
  UnsupportedProtocol,
} from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

interface Received {
  readonly method: string
  readonly url: string
  /** Names and values in turn, as received. */
  readonly headers: string[]
  readonly content: string
}

/** A server that responds with the request as JSON. */
function echo(t: TestContext, status = 200) {
  return httpServer(t, async (request: IncomingMessage, response) => {
    const { method, url, rawHeaders } = request
    const received = { method, url, headers: rawHeaders, content: await text(request) }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(received))
  })
}

function openClient(t: TestContext, options?: ClientOptions): Client {
  const client = new Client(options)
  t.after(() => client.close())
  return client
}

/** The header fields except Host, each as one line. */
function fieldsOf({ headers }: Received): string[] {
  const fields: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] !== 'Host') fields.push(`${headers[i]}: ${headers[i + 1]}`)
  }
  return fields
}

const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string }
const codings = `accept-encoding: ${acceptEncoding()}`
const defaults = ['connection: keep-alive', 'accept: */*', codings, `user-agent: hawser/${version}`]

describe('methods', () => {
  const methods = ['get', 'options', 'post', 'put', 'patch', 'delete'] as const
  for (const method of methods) {
    test(method, async (t) => {
      const { origin } = await echo(t)
      const response = await openClient(t)[method](`${origin}/path?q=1#fragment`)
      assert.ok(response instanceof Response)
      const received = response.json<Received>()
      assert.equal(received.method, method.toUpperCase())
      assert.equal(received.url, '/path?q=1')
    })
  }

  test('head has no body', async (t) => {
    const { origin } = await echo(t)
    const client = openClient(t)
    const response = await client.head(origin)
    assert.equal(response.status, 200)
    assert.equal(response.bytes().length, 0)
    assert.equal((await client.get(origin)).json<Received>().method, 'GET')
  })

  test('request accepts any token as method, and a URL object', async (t) => {
    const { origin } = await echo(t)
    const client = openClient(t)
    const response = await client.request('M-SEARCH', new URL('/x', origin))
    assert.equal(response.json<Received>().method, 'M-SEARCH')
    await assert.rejects(client.request('BAD METHOD', origin), LocalProtocolError)
  })

  test('AsyncClient is Client', () => {
    assert.equal(AsyncClient, Client)
  })
})

describe('the option headers', () => {
  const cases: [
    name: string,
    client: ClientOptions['headers'],
    request: RequestOptions['headers'],
    fields: string[],
  ][] = [
    ['defaults', undefined, undefined, defaults],
    ['of the client', { 'X-A': '1' }, undefined, [...defaults, 'X-A: 1']],
    [
      'of the request',
      undefined,
      { 'X-A': '1', 'X-B': ['2', '3'] },
      [...defaults, 'X-A: 1', 'X-B: 2', 'X-B: 3'],
    ],
    [
      'those of the request replace those of the client',
      { 'X-A': '1', 'X-B': '2' },
      { 'x-a': '3' },
      [...defaults, 'X-B: 2', 'x-a: 3'],
    ],
    [
      'defaults are replaced',
      { 'User-Agent': 'custom' },
      { Accept: 'text/html' },
      ['connection: keep-alive', codings, 'User-Agent: custom', 'Accept: text/html'],
    ],
    [
      'null removes',
      { 'user-agent': null as never, 'X-A': '1' },
      { 'x-a': null as never, ACCEPT: null as never },
      ['connection: keep-alive', codings],
    ],
    [
      'pairs',
      [
        ['X-A', '1'],
        ['X-A', '2'],
      ],
      undefined,
      [...defaults, 'X-A: 1', 'X-A: 2'],
    ],
    ['a flat list', ['X-A', '1'], ['X-B', '2'], [...defaults, 'X-A: 1', 'X-B: 2']],
    ['a Map', undefined, new Map([['X-A', '1']]), [...defaults, 'X-A: 1']],
  ]
  for (const [name, client, request, fields] of cases) {
    test(name, async (t) => {
      const { origin } = await echo(t)
      const options = request === undefined ? {} : { headers: request }
      const response = await openClient(t, { headers: client }).get(origin, options)
      const sent = fieldsOf(response.json<Received>())
      assert.deepEqual(new Set(sent), new Set(fields))
      assert.equal(sent.length, fields.length)
    })
  }

  test('a request does not change those of the client', async (t) => {
    const { origin } = await echo(t)
    const given = { 'x-a': '1' }
    const client = openClient(t, { headers: given })
    await client.get(origin, { headers: { 'x-a': '2' } })
    given['x-a'] = '3'
    const sent = fieldsOf((await client.get(origin)).json<Received>())
    assert.ok(sent.includes('x-a: 1'))
  })

  test('invalid ones: the constructor throws, a request rejects', async (t) => {
    assert.throws(() => new Client({ headers: { 'x-a': 'b\r\nc: d' } }), LocalProtocolError)
    const { origin, sockets } = await echo(t)
    const client = openClient(t)
    for (const headers of [{ 'x-a': 'b\r\nc' }, { 'x a': 'b' }, { 'x-a': '\u0100' }]) {
      await assert.rejects(client.get(origin, { headers }), LocalProtocolError)
    }
    assert.equal(sockets.length, 0)
  })
})

describe('the body', () => {
  async function* generated() {
    yield Buffer.from('in ')
    yield 'parts'
  }
  const cases: [name: string, options: RequestOptions, content: string, field: string][] = [
    ['a string', { content: 'é' }, 'é', 'Content-Length: 2'],
    ['bytes', { content: Buffer.from('abc') }, 'abc', 'Content-Length: 3'],
    ['an empty string', { content: '' }, '', 'Content-Length: 0'],
    ['none, for POST', {}, '', 'Content-Length: 0'],
    [
      'an iterable',
      { content: ['in ', Buffer.from('parts')] },
      'in parts',
      'Transfer-Encoding: chunked',
    ],
    ['an async iterable', { content: generated() }, 'in parts', 'Transfer-Encoding: chunked'],
    [
      'a stream',
      { content: new Blob(['in parts']).stream() as never },
      'in parts',
      'Transfer-Encoding: chunked',
    ],
    ['JSON', { json: { a: [1, 'é'] } }, '{"a":[1,"é"]}', 'content-type: application/json'],
    ['JSON null', { json: null }, 'null', 'Content-Length: 4'],
    ['JSON false', { json: false }, 'false', 'Content-Length: 5'],
    [
      'JSON with a custom Content-Type',
      { json: 1, headers: { 'Content-Type': 'application/vnd.api+json' } },
      '1',
      'Content-Type: application/vnd.api+json',
    ],
  ]
  for (const [name, options, content, field] of cases) {
    test(name, async (t) => {
      const { origin } = await echo(t)
      const received = (await openClient(t).post(origin, options)).json<Received>()
      assert.equal(received.content, content)
      const fields = fieldsOf(received)
      assert.ok(fields.includes(field), `${field} is not in ${fields}`)
      assert.equal(
        fields.filter((each) => /^content-type/i.test(each)).length,
        options.json === undefined ? 0 : 1,
      )
    })
  }

  test('GET has none', async (t) => {
    const { origin } = await echo(t)
    assert.deepEqual(fieldsOf((await openClient(t).get(origin)).json<Received>()), defaults)
  })

  test('a value that JSON cannot represent rejects', async (t) => {
    const { origin } = await echo(t)
    const client = openClient(t)
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const json of [circular, 1n, () => {}, Symbol('x')]) {
      await assert.rejects(client.post(origin, { json }), TypeError, inspect(json))
    }
  })
})

describe('responses', () => {
  test('the properties and methods of a read response', async (t) => {
    const { origin } = await httpServer(t, (_, response) => {
      response.writeHead(201, 'Made', { 'content-type': 'text/plain; charset=latin1', 'x-a': '1' })
      response.end(Buffer.from([0xe9]))
    })
    const response = await openClient(t).get(`${origin}/a b?c d`)
    const { status, statusText, httpVersion, ok, isError } = response
    assert.deepEqual(
      { status, statusText, httpVersion, ok, isError },
      { status: 201, statusText: 'Made', httpVersion: '1.1', ok: true, isError: false },
    )
    assert.equal(response.headers.get('X-A'), '1')
    assert.equal(response.url.href, `${origin}/a%20b?c%20d`)
    assert.equal(response.text(), 'é')
    assert.equal(await response.text(), 'é') // As with fetch.
    assert.deepEqual(response.bytes(), Buffer.from([0xe9]))
    assert.deepEqual([...new Uint8Array(response.arrayBuffer())], [0xe9])
    assert.equal(inspect(response), '<Response [201 Made]>')
    assert.ok(response.elapsed > 0)
    assert.equal(response.raiseForStatus(), response)
  })

  for (const status of [200, 204, 299, 302, 399, 400, 404, 500, 599]) {
    test(`raiseForStatus for status ${status}`, async (t) => {
      const { origin } = await httpServer(t, (_, response) => response.writeHead(status).end())
      const response = await openClient(t).get(
        `${origin.replace('//', '//user:secret@')}/x?key=secret`,
      )
      assert.equal(response.ok, status < 300)
      assert.equal(response.isError, status >= 400)
      if (status < 400) return void assert.equal(response.raiseForStatus(), response)
      assert.throws(
        () => response.raiseForStatus(),
        (error) => {
          assert.ok(error instanceof HTTPStatusError)
          assert.equal(error.response, response)
          assert.equal(error.request.method, 'GET')
          assert.match(error.message, new RegExp(`^${status} .* from ${origin}/x`))
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  }

  test('100 requests at the same time share 5 connections', async (t) => {
    const { origin, sockets } = await echo(t)
    const client = openClient(t, { poolLimits: { maxConnections: 5 } })
    const responses = await Promise.all(
      Array.from({ length: 100 }, (_, i) => client.get(`${origin}/${i}`)),
    )
    assert.deepEqual(
      responses.map((response) => response.json<Received>().url),
      Array.from({ length: 100 }, (_, i) => `/${i}`),
    )
    assert.equal(sockets.length, 5)
  })
})

describe('timeout and signal', () => {
  test('the timeouts of a request replace those of the client by field', async (t) => {
    const { origin } = await rawServer(t, () => {})
    const client = openClient(t, { timeout: { read: 50 } })
    await assert.rejects(client.get(origin), (error) => {
      assert.ok(error instanceof ReadTimeout)
      assert.match(error.message, /50 ms/)
      return true
    })
    await assert.rejects(client.get(origin, { timeout: { read: 60, write: 1000 } }), /60 ms/)
    await assert.rejects(client.get(origin, { timeout: 70 }), /70 ms/)
    await assert.rejects(client.get(origin, { timeout: new Timeout(null, { total: 80 }) }), {
      name: 'TotalTimeout',
    })
    await assert.rejects(client.get(origin, { timeout: { write: 90 } }), /50 ms/)
  })

  test('signal', async (t) => {
    const { origin } = await rawServer(t, () => {})
    const client = openClient(t)
    const controller = new AbortController()
    const pending = client.get(origin, { signal: controller.signal })
    const reason = new Error('aborted')
    setImmediate(() => controller.abort(reason))
    await assert.rejects(pending, reason)
    await assert.rejects(client.get(origin, { signal: controller.signal }), reason)
    await assert.rejects(client.get(origin, { signal: AbortSignal.timeout(20) }), {
      name: 'TimeoutError',
    })
  })
})

describe('invalid options', () => {
  const clients: [options: unknown, message: RegExp][] = [
    [null, /Client must be an object, not null/],
    ['x', /Client must be an object/],
    [{ header: {} }, /Client\.header is not an option/],
    [{ basUrl: 'http://x' }, /Client\.basUrl is not an option/],
    [{ timeout: 0 }, /timeout/],
    [{ timeout: '5' }, /timeout/],
    [{ timeout: { reed: 1 } }, /timeout\.reed/],
    [{ poolLimits: { maxConnections: 0 } }, /maxConnections/],
    [{ poolLimits: { max: 1 } }, /poolLimits\.max/],
    [{ headers: 7 }, /./],
  ]
  for (const [options, message] of clients) {
    test(`new Client(${inspect(options)}) throws`, () => {
      assert.throws(
        () => new Client(options as ClientOptions),
        (error) => error instanceof TypeError && message.test(error.message),
      )
    })
  }

  const requests: [options: unknown, message: RegExp][] = [
    [null, /request must be an object, not null/],
    [{ body: 'x' }, /request\.body is not an option/],
    [{ poolLimits: {} }, /poolLimits is an option of the Client/],
    [{ content: 'x', json: 1 }, /content and json/],
    [{ timeout: -1 }, /timeout/],
    [{ timeout: { total: Number.NaN } }, /timeout\.total/],
    [{ signal: 'x' }, /signal/],
    [{ headers: 'x: y' }, /./],
  ]
  for (const [options, message] of requests) {
    test(`get(url, ${inspect(options)}) rejects`, async (t) => {
      const { origin, sockets } = await echo(t)
      await assert.rejects(
        openClient(t).get(origin, options as RequestOptions),
        (error) => error instanceof TypeError && message.test(error.message),
      )
      assert.equal(sockets.length, 0)
    })
  }
})

describe('invalid URLs', () => {
  const urls: [url: unknown, type: unknown, message: RegExp][] = [
    ['/relative', InvalidURL, /Invalid URL \/relative: /],
    ['', InvalidURL, /Invalid URL/],
    ['http://', InvalidURL, /Invalid URL/],
    ['http://h:99999/', InvalidURL, /Invalid URL/],
    [undefined, InvalidURL, /Invalid URL/],
    ['http://h/a\r\nb', InvalidURL, /^Invalid character "\\r" at index 10 in the URL/],
    ['http://h/a\tb', InvalidURL, /"\\t" at index 10/],
    ['http://h/a\0b', InvalidURL, /"\\u0000" at index 10/],
    ['\nhttp://h/', InvalidURL, /at index 0/],
    ['ftp://h/', UnsupportedProtocol, /^Unsupported URL scheme: ftp$/],
    ['file:///etc/passwd', UnsupportedProtocol, /scheme: file$/],
    ['ws://h/', UnsupportedProtocol, /scheme: ws$/],
    ['localhost:8080', UnsupportedProtocol, /scheme: localhost$/],
    ['http://user:secret@h:x/', InvalidURL, /^(?!.*secret)/],
  ]
  for (const [url, type, message] of urls) {
    test(`${inspect(url)}`, async (t) => {
      await assert.rejects(openClient(t).get(url as string), (error) => {
        assert.ok(error instanceof (type as typeof Error), String(error))
        assert.match(error.message, message)
        return true
      })
    })
  }

  test('no server listens: ConnectError', async (t) => {
    const { origin, server } = await echo(t)
    server.close()
    await assert.rejects(openClient(t).get(`${origin}/x?secret`), (error) => {
      assert.ok(error instanceof ConnectError)
      assert.match(error.message, /^Could not connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
      assert.doesNotMatch(error.message, /secret/)
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
      return true
    })
  })
})

describe('close', () => {
  test('fails calls in progress and later calls', async (t) => {
    const { origin } = await rawServer(t, () => {})
    const client = new Client()
    const pending = assert.rejects(client.get(origin), ClientClosed)
    await client.close()
    await pending
    await assert.rejects(client.get(origin), ClientClosed)
    await assert.rejects(client.post(origin), /The client is closed/)
    await client.close()
  })

  test('by Symbol.asyncDispose', async (t) => {
    const { origin } = await echo(t)
    const client = new Client()
    await client.get(origin)
    await client[Symbol.asyncDispose]()
    await assert.rejects(client.get(origin), ClientClosed)
  })
})

test('util.inspect shows the pool', async (t) => {
  const { origin } = await echo(t)
  const client = openClient(t)
  await client.get(origin)
  assert.equal(
    inspect(client),
    '<Client <ConnectionPool [1 connection: 0 connecting, 0 active, 1 idle]>>',
  )
})

test('22 a polluted Object.prototype changes no request', async (t) => {
  const { origin } = await echo(t)
  const pollution = {
    headers: { evil: 'yes' },
    timeout: 1,
    timeouts: { read: 1 },
    poolLimits: { maxConnections: 1 },
    content: 'evil',
    body: 'evil',
    json: { evil: 'yes' },
    signal: AbortSignal.abort(),
    method: 'DELETE',
    path: '/evil',
    origin: 'http://evil.test',
    trailers: { evil: 'yes' },
    copy: true,
    uds: '/evil',
    lookup: () => assert.fail(),
    localAddress: '6.6.6.6',
    read: 1,
    total: 1,
  }
  const get = (client: Client) => client.get(`${origin}/path`, {})
  const expected = (await get(openClient(t))).json()
  const client = withPollutedPrototype(pollution, () => new Client({}))
  t.after(() => client.close())
  const response = await withPollutedPrototype(pollution, () => get(client))
  assert.deepEqual(response.json(), expected)
})

test('21 the time for a hostile URL or header is linear in its length', () => {
  const client = new Client()
  const assertLinearFor = (work: (text: string) => Promise<unknown>) =>
    assertLinear(
      (size) => size,
      (size) => {
        for (const unit of ['a', ' ', '\t', '@', '#', '?', '/', ':', '%', ';=', '\r\n ', 'é'])
          work(unit.repeat(size / unit.length)).catch(() => {})
      },
    )
  assertLinearFor((text) => client.get(text))
  assertLinearFor((text) => client.get(`http://h/${text}`, { signal: AbortSignal.abort() }))
  assertLinearFor((text) => client.get('http://h', { headers: { [text]: 'x' } }))
  assertLinearFor((text) =>
    client.get('http://h', { headers: { x: text }, signal: AbortSignal.abort() }),
  )
})
