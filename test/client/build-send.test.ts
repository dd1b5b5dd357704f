import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Client, SendOptions } from '../../src/index.ts'
import {
  LocalProtocolError,
  Request,
  Response,
  ResponseNotRead,
  StreamConsumed,
  TotalTimeout,
} from '../../src/index.ts'
import { rawServer } from '../engine/servers.ts'
import { openClient, recording } from './recorded.ts'
import { reply, Web } from './scripted-web.ts'

/** Returns the requests that the server received, without the default fields and Host. */
async function requestsSent(
  t: TestContext,
  send: (client: Client, origin: string) => Promise<unknown>,
) {
  const { origin, requests } = await recording(t)
  const client = openClient(t, {
    headers: { accept: null, 'accept-encoding': null, 'user-agent': null, connection: null },
  })
  await send(client, origin)
  return requests.map(({ method, url, rawHeaders, content }) => {
    const fields: string[] = []
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (!/^(host|connection)$/i.test(rawHeaders[i] as string)) {
        fields.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
      }
    }
    return [`${method} ${url}`, ...fields, ...(content && [content])]
  })
}

describe('a built request that is changed before it is sent', () => {
  const changes: readonly [
    name: string,
    options: Parameters<Client['buildRequest']>[2],
    change: (request: Request) => void,
    expected: readonly string[],
  ][] = [
    ['nothing', {}, () => {}, ['GET /x?q=1']],
    ['method', {}, (r) => (r.method = 'PURGE'), ['PURGE /x?q=1']],
    [
      'url, assigned as a string',
      {},
      (r) => (r.url = new URL('/y z?é', r.url).href),
      ['GET /y%20z?%C3%A9'],
    ],
    ['url, changed in place', {}, (r) => (r.url.pathname = '/z'), ['GET /z?q=1']],
    ['target', {}, (r) => (r.target = '/%2e%2E/%zz'), ['GET /%2e%2E/%zz']],
    [
      'target stays when url changes',
      {},
      (r) => {
        r.target = '/t'
        r.url.pathname = '/u'
      },
      ['GET /t'],
    ],
    [
      'OPTIONS *',
      {},
      (r) => {
        r.method = 'OPTIONS'
        r.target = '*'
      },
      ['OPTIONS *'],
    ],
    [
      'a header',
      { headers: { 'X-A': '1' } },
      (r) => r.headers.set('x-a', 2),
      ['GET /x?q=1', 'x-a: 2'],
    ],
    [
      'all headers',
      { headers: { 'X-A': '1' } },
      (r) => (r.headers = [['X-B', '2']] as never),
      ['GET /x?q=1', 'X-B: 2'],
    ],
    [
      'content, none before',
      {},
      (r) => (r.content = 'abc'),
      ['GET /x?q=1', 'Content-Length: 3', 'abc'],
    ],
    [
      'content, longer',
      { content: 'a' },
      (r) => (r.content = Buffer.from('abc')),
      ['GET /x?q=1', 'Content-Length: 3', 'abc'],
    ],
    [
      'content, a Blob before, a string now',
      { content: new Blob(['a']) },
      (r) => (r.content = 'abc'),
      ['GET /x?q=1', 'Content-Length: 3', 'abc'],
    ],
    [
      'content, a Blob before, chunks now',
      { content: new Blob(['a']) },
      (r) => (r.content = ['a', 'bc']),
      ['GET /x?q=1', 'Transfer-Encoding: chunked', 'abc'],
    ],
    [
      'content, a Blob before, none now',
      { content: new Blob(['a']) },
      (r) => (r.content = null),
      ['GET /x?q=1'],
    ],
    [
      'content with progress before, a Blob now',
      { content: 'a', onUploadProgress: () => {} },
      (r) => (r.content = new Blob(['abc'])),
      ['GET /x?q=1', 'content-length: 3', 'abc'],
    ],
    [
      'nothing, a Blob with Transfer-Encoding: chunked',
      { content: new Blob(['a']), headers: { 'Transfer-Encoding': 'chunked' } },
      () => {},
      ['GET /x?q=1', 'Transfer-Encoding: chunked', 'a'],
    ],
    [
      'nothing, a Blob with Content-Length',
      { content: new Blob(['a']), headers: { 'Content-Length': '1' } },
      () => {},
      ['GET /x?q=1', 'Content-Length: 1', 'a'],
    ],
    [
      'content, a form before, none now',
      { files: { a: new Blob(['x']) } },
      dropContent,
      ['GET /x?q=1'],
    ],
  ]
  for (const [name, options, change, expected] of changes) {
    test(name, async (t) => {
      const [received] = await requestsSent(t, (client, origin) => {
        const request = client.buildRequest('GET', `${origin}/x?q=1`, options)
        change(request)
        return client.send(request)
      })
      assert.deepEqual(received, expected)
    })
  }

  function dropContent(request: Request): void {
    request.content = null
    request.headers.delete('content-type')
  }

  const refused: readonly [name: string, change: (request: Request) => void][] = [
    ['method', (r) => (r.method = 'GET / HTTP/1.1\r\nx:')],
    ['target', (r) => (r.target = '/ HTTP/1.1\r\nx: y\r\n')],
    ['target with a character outside latin1', (r) => (r.target = '/\u0100')],
    ['target with a fragment', (r) => (r.target = '/#a')],
    ['target * with GET', (r) => (r.target = '*')],
  ]
  for (const [name, change] of refused) {
    test(`an invalid ${name} is refused, and nothing is written`, async (t) => {
      const { origin, sockets } = await recording(t)
      const client = openClient(t)
      const request = client.buildRequest('GET', origin)
      change(request)
      await assert.rejects(client.send(request), (error: unknown) => {
        assert.ok(error instanceof LocalProtocolError)
        assert.equal((error.request as Request).url, request.url)
        return true
      })
      assert.equal(sockets.length, 0)
    })
  }
})

test('an assigned target is kept when cookies, auth and hooks copy the request', async (t) => {
  const { origin, requests } = await recording(t)
  const eventHooks = { request: [() => {}] }
  const client = openClient(t, { auth: ['u', 'p'], cookies: { a: '1' }, eventHooks })
  const request = client.buildRequest('OPTIONS', origin)
  request.target = '*'
  await client.send(request)
  await client.send(request, { auth: (each) => each })
  assert.deepEqual(
    requests.map(({ url, headers }) => [url, headers.cookie]),
    [
      ['*', 'a=1'],
      ['*', 'a=1'],
    ],
  )
})

describe('68 a question mark without a query is sent', () => {
  const targets: readonly [path: string, target: string][] = [
    ['/a?', '/a?'],
    ['/a?#part', '/a?'],
    ['/a?#', '/a?'],
    ['?', '/?'],
    ['/a', '/a'],
    ['/a#?', '/a'],
    ['/a#part?', '/a'],
    ['/a?b#?', '/a?b'],
    ['/a??', '/a??'],
  ]
  for (const [path, target] of targets) {
    test(path, async () => {
      const web = new Web((_, count) =>
        count === 2 ? reply(307, [`Location: ${path}`]) : reply(200),
      )
      const client = web.client({ params: {}, auth: ['user', 'password'] })
      assert.equal(client.buildRequest('GET', `http://h.test${path}`).target, target)
      await web.during(client.get(`http://h.test${path}`, { params: { x: null } }))
      await web.during(client.get('http://h.test/'))
      await web.during(web.client({ baseUrl: 'http://h.test/' }).get(path))
      assert.deepEqual(
        web.sent.map((sent) => sent.target),
        [target, '/', target, target],
      )
    })
  }
})

test('68 params of client and request can be bigints, and null in a list is left out', async () => {
  const web = new Web(() => reply(200))
  const id = 9007199254740993n
  const client = web.client({ params: { id, a: [1n, null], b: ['x', null] } })
  await web.during(client.get('http://h.test/', { params: { b: [null, id], c: [null] } }))
  const data = { a: [id, null, 'x'] }
  await web.during(client.post('http://h.test/', { params: { id: null, a: null, b: null }, data }))
  assert.deepEqual(
    web.sent.map(({ target, content }) => [target, content]),
    [
      [`/?id=${id}&a=1&b=${id}`, ''],
      ['/', `a=${id}&a=x`],
    ],
  )
})

describe('send', () => {
  test('sends a request twice', async (t) => {
    const received = await requestsSent(t, async (client, origin) => {
      const request = client.buildRequest('PUT', origin, { json: { a: 1 } })
      await client.send(request)
      await client.send(request)
    })
    const expected = ['PUT /', 'content-type: application/json', 'Content-Length: 7', '{"a":1}']
    assert.deepEqual(received, [expected, expected])
  })

  test('a stream sent twice fails with StreamConsumed, without a second request', async (t) => {
    const { origin, requests } = await recording(t)
    const client = openClient(t)
    const content = new Blob(['once']).stream()
    const request = client.buildRequest('PUT', origin, { content: content as never })
    await client.send(request)
    await assert.rejects(client.send(request), (error: unknown) => {
      assert.ok(error instanceof StreamConsumed)
      assert.equal((error.request as Request).url, request.url)
      return true
    })
    assert.equal(requests.length, 1)
  })

  test('with and without `stream`', async (t) => {
    const { origin } = await recording(t, () => [200, {}, 'abc'])
    const client = openClient(t)
    const request = client.buildRequest('GET', origin)
    const streamed = await client.send(request, { stream: true })
    assert.throws(() => streamed.text(), ResponseNotRead)
    assert.equal((await streamed.read()).text(), 'abc')
    assert.equal((await client.send(request, { stream: false })).text(), 'abc')
  })

  test('the fields that the client adds are not added to the given request', async (t) => {
    const { origin } = await recording(t)
    const client = openClient(t, { auth: ['u', 'p'], cookies: { a: '1' } })
    const request = client.buildRequest('GET', origin)
    const response = await client.send(request)
    assert.equal(request.headers.has('authorization'), false)
    assert.equal(request.headers.has('cookie'), false)
    assert.equal(response.request.headers.get('cookie'), 'a=1')
    assert.ok(response.request.headers.has('authorization'))
  })
})

describe('options of send override those of buildRequest', () => {
  test('auth', async (t) => {
    const { origin, requests } = await recording(t)
    const client = openClient(t, { auth: ['client', ''] })
    const request = client.buildRequest('GET', origin, { auth: ['built', ''] })
    await client.send(request)
    await client.send(request, { auth: ['sent', ''] })
    await client.send(request, { auth: null })
    await client.send(request, { auth: undefined })
    await client.send(client.buildRequest('GET', origin, { auth: null }))
    const users = requests.map(({ headers }) =>
      Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString(),
    )
    assert.deepEqual(users, ['built:', 'sent:', '', 'built:', ''])
  })

  test('followRedirects', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: '/to' }] : [200],
    )
    const client = openClient(t)
    const request = client.buildRequest('GET', origin, { followRedirects: false })
    assert.equal((await client.send(request)).status, 302)
    assert.equal((await client.send(request, { followRedirects: true })).status, 200)
  })

  test('signal', async (t) => {
    const { origin } = await recording(t)
    const client = openClient(t)
    const reason = new Error('first reason')
    const request = client.buildRequest('GET', origin, { signal: AbortSignal.abort(reason) })
    await assert.rejects(client.send(request), reason)
    assert.equal((await client.send(request, { signal: null })).status, 200)
    const other = new Error('second reason')
    await assert.rejects(client.send(request, { signal: AbortSignal.abort(other) }), other)
  })

  const timeouts: readonly [name: string, built: object, sent: SendOptions, total: number][] = [
    ['from the client', {}, {}, 1000],
    ['from buildRequest', { timeout: { total: 2000 } }, {}, 2000],
    ['from send', { timeout: { total: 2000 } }, { timeout: { total: 3000 } }, 3000],
    ['merged by field', { timeout: { total: 2000 } }, { timeout: { read: 9000 } }, 2000],
  ]
  for (const [name, built, sent, total] of timeouts) {
    test(`timeout ${name}`, async () => {
      const web = new Web(() => null)
      const client = web.client({ timeout: { total: 1000, read: null } })
      const request = client.buildRequest('GET', 'http://h.test', built)
      const failed = assert.rejects(client.send(request, sent), (error: unknown) => {
        assert.ok(error instanceof TotalTimeout)
        assert.match(error.message, new RegExp(`^The request did not complete within ${total} ms`))
        return true
      })
      await web.serve()
      await web.clock.advance(total - 1)
      assert.equal(web.backend.holdCount, 1)
      await web.clock.advance(1)
      await failed
      assert.equal(web.backend.holdCount, 0)
    })
  }
})

describe('a Request that the caller created', () => {
  test('is sent without default fields', async (t) => {
    const received = await requestsSent(t, async (client, origin) => {
      await client.send(
        new Request('POST', `${origin}/x`, { headers: { 'X-A': '1' }, content: 'abc' }),
      )
      await client.send(new Request('POST', origin, { content: new Blob(['abcd']) }))
      await client.send(new Request('GET', origin))
    })
    assert.deepEqual(received, [
      ['POST /x', 'X-A: 1', 'Content-Length: 3', 'abc'],
      ['POST /', 'content-length: 4', 'abcd'],
      ['GET /'],
    ])
  })

  test("gets the client's auth and cookies, and the options of send", async (t) => {
    const { origin, requests } = await recording(t)
    const client = openClient(t, { auth: ['u', 'p'], cookies: { a: '1' } })
    await client.send(new Request('GET', origin))
    await client.send(new Request('GET', origin), { auth: null })
    assert.deepEqual(
      requests.map(({ headers }) => [Boolean(headers.authorization), headers.cookie]),
      [
        [true, 'a=1'],
        [false, 'a=1'],
      ],
    )
  })

  test('follows redirects', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: '/to' }] : [200],
    )
    const response = await openClient(t).send(new Request('GET', origin))
    assert.equal(response.url.pathname, '/to')
  })

  test('a request built by another client gets the auth of the client that sends it', async (t) => {
    const { origin, requests } = await recording(t)
    const one = openClient(t, { auth: ['one', ''] })
    const other = openClient(t, { auth: ['other', ''] })
    await other.send(one.buildRequest('GET', origin))
    assert.equal(requests[0]?.headers.authorization, `Basic ${btoa('other:')}`)
  })
})

test('util.inspect and JSON.stringify show no secrets of a request', async (t) => {
  class Token {
    token = 'secret';
    *authFlow(request: Request) {
      yield request
    }
  }
  const { origin } = await recording(t)
  const client = openClient(t, { auth: new Token() })
  const request = client.buildRequest('GET', origin.replace('//', '//user:secret@'), {
    auth: new Token(),
    headers: { authorization: 'secret', cookie: 'secret' },
    cookies: { a: 'secret' },
  })
  const response = await client.send(request)
  assert.ok(response instanceof Response)
  for (const value of [request, response, response.request, client, request.headers]) {
    assert.doesNotMatch(inspect(value, { depth: 9 }), /secret(?!])/)
  }
  for (const value of [request, response, client]) {
    assert.doesNotMatch(JSON.stringify(value), /secret/)
  }
})

test('a failure to connect closes the body and leaves no connection', async (t) => {
  const { origin, server } = await rawServer(t, () => {})
  server.close()
  const client = openClient(t)
  let closed = 0
  const content = new ReadableStream({ cancel: () => void closed++ })
  await assert.rejects(client.post(origin, { content: content as never }))
  assert.equal(closed, 1)
  assert.match(inspect(client), /0 connections/)
})

test('a hook that throws closes the body, and nothing is sent', async () => {
  const web = new Web(() => reply(200))
  const failure = new Error('thrown by the hook')
  let closed = 0
  const content = new ReadableStream({ cancel: () => void closed++ })
  const client = web.client({
    eventHooks: {
      request: [
        () => {
          throw failure
        },
      ],
    },
  })
  await assert.rejects(client.post('http://h/', { content: content as never }), failure)
  assert.equal(closed, 1)
  assert.equal(web.sent.length, 0)
})
