import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import type { Client, ClientOptions, RequestOptions, Response } from '../../src/index.ts'
import {
  RemoteProtocolError,
  Request,
  StreamConsumed,
  TooManyRedirects,
  UnsupportedProtocol,
} from '../../src/index.ts'
import { rawServer } from '../engine/servers.ts'
import type { Answer } from './recorded.ts'
import { openClient, recording } from './recorded.ts'

/** Asserts that no connection is in use. */
function assertUnused(client: Client): void {
  assert.match(inspect(client), /0 connecting, 0 active/)
}

function summarize(response: Response) {
  const { status, url, request, history } = response
  return { status, url: url.href, method: request.method, history: history.map((r) => r.status) }
}

describe('29, A2 every status and method', () => {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT']
  const becomes = (status: number, method: string) => {
    if (status === 303) return method === 'HEAD' ? 'HEAD' : 'GET'
    return status < 303 && method === 'POST' ? 'GET' : method
  }
  for (const status of [301, 302, 303, 307, 308]) {
    for (const method of methods) {
      test(`${status} ${method}`, async (t) => {
        const { origin, requests } = await recording(t, ({ url }) =>
          url === '/' ? [status, { location: '/to?a=1#to' }] : [200],
        )
        const client = openClient(t)
        const hasContent = method !== 'HEAD'
        const headers = { 'Content-Language': 'en', 'Last-Modified': 'x', 'X-A': '1', Digest: 'x' }
        const response = await client.request(
          method,
          `${origin}/#from`,
          hasContent ? { json: [1], headers } : { headers },
        )
        const expected = becomes(status, method)
        const keeps = expected === method && status !== 303
        const keepsFields = keeps || (expected === method && !hasContent)
        assert.deepEqual(summarize(response), {
          status: 200,
          url: `${origin}/to?a=1#to`,
          method: expected,
          history: [status],
        })
        const second = requests[1]
        assert.equal(second?.method, expected)
        assert.equal(second.url, '/to?a=1')
        assert.equal(second.content, keeps && hasContent ? '[1]' : '')
        assert.equal(second.headers['x-a'], '1')
        for (const name of ['content-language', 'last-modified', 'digest']) {
          assert.equal(second.headers[name] !== undefined, keepsFields, name)
        }
        assert.equal(second.headers['content-type'] !== undefined, keeps && hasContent)
        if (!keeps) assert.equal(second.headers['content-length'], undefined)
        assert.equal(second.headers['transfer-encoding'], undefined)
        assertUnused(client)
      })
    }
  }

  test('68 a GET after 303 keeps the fields of the caller', async (t) => {
    const { origin, requests } = await recording(t, ({ url }) =>
      url === '/' ? [303, { location: '/to' }] : [200],
    )
    const headers = { 'Content-Type': 'application/vnd.api+json', 'X-A': '1' }
    await openClient(t).get(origin, { headers })
    assert.equal(requests[1]?.headers['content-type'], 'application/vnd.api+json')
    assert.equal(requests[1].headers['x-a'], '1')
  })

  test('68 identical Location fields count as one, and different ones are an error', async (t) => {
    const { origin, requests } = await recording(t, ({ url }) => {
      if (url === '/same') return [302, { location: ['/to', '/to'] }]
      if (url === '/different') return [302, { location: ['/to', '/other'] }]
      return url === '/empty' ? [302, { location: ['', ''] }] : [200]
    })
    const client = openClient(t)
    assert.equal((await client.get(`${origin}/same`)).url.pathname, '/to')
    assert.equal((await client.get(`${origin}/empty`)).isRedirect, false)
    const count = requests.length
    await assert.rejects(client.get(`${origin}/different`), RemoteProtocolError)
    assert.equal(requests.length, count + 1)
    const response = await client.get(`${origin}/different`, { followRedirects: false })
    assert.equal(response.isRedirect, true)
    assert.throws(() => response.nextRequest, RemoteProtocolError)
    assertUnused(client)
  })

  for (const status of [200, 204, 300, 304, 305, 306, 399]) {
    test(`${status} is not a redirect`, async (t) => {
      const { origin, requests } = await recording(t, () => [status, { location: '/to' }])
      const response = await openClient(t).get(origin)
      assert.equal(response.status, status)
      assert.equal(response.nextRequest, null)
      assert.equal(requests.length, 1)
    })
  }

  const withoutLocation: readonly [name: string, headers: Record<string, string>][] = [
    ['no Location', {}],
    ['an empty Location', { location: '' }],
  ]
  for (const [name, headers] of withoutLocation) {
    test(`a response with ${name} is not a redirect`, async (t) => {
      const { origin } = await recording(t, () => [302, headers])
      const response = await openClient(t).get(origin)
      assert.equal(response.status, 302)
      assert.equal(response.isRedirect, false)
      assert.equal(response.nextRequest, null)
    })
  }
})

describe('A2 the body is sent again', () => {
  async function* generated() {
    yield 'once'
  }
  const large = 'x'.repeat(100_000)
  const replayable: readonly [name: string, options: () => RequestOptions, content: RegExp][] = [
    ['a string', () => ({ content: 'text' }), /^text$/],
    ['bytes', () => ({ content: Buffer.from('bytes') }), /^bytes$/],
    ['a large string', () => ({ content: large }), /^x{100000}$/],
    ['an iterable', () => ({ content: ['a', 'b'] }), /^ab$/],
    ['a Blob', () => ({ content: new Blob(['blob']) }), /^blob$/],
    ['JSON', () => ({ json: { a: 1 } }), /^{"a":1}$/],
    ['a form', () => ({ data: { a: '1', b: ['2', '3'] } }), /^a=1&b=2&b=3$/],
    [
      'a multipart form',
      () => ({ data: { a: '1' }, files: { f: new Blob(['file']) } }),
      /1[\s\S]*file/,
    ],
    ['a FormData', () => ({ data: formData() }), /name="a"[\s\S]*1/],
    ['with progress', () => ({ content: 'text', onUploadProgress: () => {} }), /^text$/],
  ]
  const once: readonly [name: string, options: () => RequestOptions][] = [
    ['a generator', () => ({ content: generated() })],
    ['a Node stream', () => ({ content: Readable.from(['once']) })],
    ['a web stream', () => ({ content: new Blob(['once']).stream() as never })],
    ['a form with a stream', () => ({ files: { f: Readable.from(['once']) } })],
    ['a generator with progress', () => ({ content: generated(), onUploadProgress: () => {} })],
  ]
  function formData(): FormData {
    const data = new FormData()
    data.append('a', '1')
    return data
  }

  for (const status of [307, 308]) {
    for (const [name, options, content] of replayable) {
      test(`${status}: ${name}`, async (t) => {
        const { origin, requests } = await recording(t, ({ url }) =>
          url === '/' ? [status, { location: '/to' }] : [200],
        )
        const client = openClient(t)
        assert.equal((await client.post(origin, options())).status, 200)
        const [first, second] = requests
        assert.match(first?.content ?? '', content)
        const { 'content-type': type, 'content-length': length } = first?.headers ?? {}
        assert.equal(second?.content, first?.content)
        assert.equal(second?.headers['content-type'], type)
        assert.equal(second?.headers['content-length'], length)
        assertUnused(client)
      })
    }
    for (const [name, options] of once) {
      test(`${status}: ${name} cannot be sent again`, async (t) => {
        const { origin, requests } = await recording(t, ({ url }) =>
          url === '/' ? [status, { location: '/to' }] : [200],
        )
        const client = openClient(t)
        await assert.rejects(client.post(origin, options()), (error: unknown) => {
          assert.ok(error instanceof StreamConsumed)
          assert.ok(error.request instanceof Request)
          assert.equal(error.request.url.pathname, '/to')
          assert.match(error.message, /^Cannot send the \w+ request again: /)
          return true
        })
        assert.equal(requests.length, 1)
        assertUnused(client)
      })
    }
  }
  for (const [name, options] of once) {
    test(`303: ${name} need not be sent again`, async (t) => {
      const { origin, requests } = await recording(t, ({ url }) =>
        url === '/' ? [303, { location: '/to' }] : [200],
      )
      assert.equal((await openClient(t).post(origin, options())).status, 200)
      assert.equal(requests[1]?.content, '')
    })
  }

  test('no byte of the second request is written', async (t) => {
    let received = ''
    const { origin } = await rawServer(t, (socket) => {
      socket.on('data', (data) => {
        received += data
        if (received.endsWith('0\r\n\r\n')) {
          socket.write('HTTP/1.1 307 R\r\nLocation: /to\r\nContent-Length: 0\r\n\r\n')
        }
      })
    })
    await assert.rejects(openClient(t).post(origin, { content: generated() }), StreamConsumed)
    assert.doesNotMatch(received, /POST[\s\S]*POST/)
  })
})

describe('A2 the number of redirects', () => {
  /** Redirects /3 to /2, and so on to /0, which has a response. */
  const countdown = ({ url }: { url: string }): Answer => {
    const remaining = Number(url.slice(1))
    return remaining === 0 ? [200] : [302, { location: `/${remaining - 1}` }]
  }
  const cases: readonly [maxRedirects: number | undefined, hops: number, follows: boolean][] = [
    [undefined, 20, true],
    [undefined, 21, false],
    [0, 0, true],
    [0, 1, false],
    [3, 3, true],
    [3, 4, false],
    [Infinity, 30, true],
  ]
  for (const [maxRedirects, hops, follows] of cases) {
    test(`maxRedirects ${maxRedirects}, ${hops} redirects`, async (t) => {
      const { origin, requests } = await recording(t, countdown)
      const client = openClient(t, { maxRedirects })
      const call = client.get(`${origin}/${hops}`)
      if (follows) {
        const response = await call
        assert.equal(response.history.length, hops)
        assert.deepEqual(
          response.history.map(({ url }) => url.pathname),
          Array.from({ length: hops }, (_, i) => `/${hops - i}`),
        )
      } else {
        const limit = maxRedirects ?? 20
        await assert.rejects(call, (error: unknown) => {
          assert.ok(error instanceof TooManyRedirects)
          assert.ok(error.request instanceof Request)
          assert.equal(error.request.url.pathname, `/${hops - limit}`)
          assert.match(
            error.message,
            new RegExp(`^Stopped after ${limit} redirects \\(maxRedirects\\): .*${origin}/`),
          )
          return true
        })
        assert.equal(requests.length, limit + 1)
      }
      assertUnused(client)
    })
  }

  test('a loop ends with TooManyRedirects', async (t) => {
    const { origin, requests, sockets } = await recording(t, () => [302, { location: '?secret' }])
    await assert.rejects(openClient(t).get(origin), (error: unknown) => {
      assert.ok(error instanceof TooManyRedirects)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
    assert.equal(requests.length, 21)
    assert.equal(sockets.length, 1)
  })

  test('each response of the history has a history itself', async (t) => {
    const { origin } = await recording(t, countdown)
    const { history } = await openClient(t).get(`${origin}/3`)
    assert.deepEqual(
      history.map((response) => response.history.map(({ url }) => url.pathname)),
      [[], ['/3'], ['/3', '/2']],
    )
  })
})

describe('A1 the next URL', () => {
  const targets: readonly [location: string, url: string][] = [
    ['/x', '/x'],
    ['x', '/a/x'],
    ['../x', '/x'],
    ['?q', '/a/b?q'],
    ['#f', '/a/b?c=d#f'],
    ['/x#', '/x#'],
    ['/x', '/x#from'],
    ['/x#to', '/x#to'],
    ['/é', '/%C3%A9#from'],
    ['/a b', '/a%20b#from'],
    ['/%zz', '/%zz#from'],
  ]
  for (const [location, expected] of targets) {
    const from = expected.endsWith('#from') ? '/a/b?c=d#from' : '/a/b?c=d'
    test(`${from} to ${location}`, async (t) => {
      const { origin } = await recording(t, (_, count) =>
        count === 1 ? [302, { location: Buffer.from(location).latin1Slice() }] : [200],
      )
      const response = await openClient(t).get(origin + from)
      assert.equal(response.url.href, origin + expected)
    })
  }

  test('//host is another host', async (t) => {
    const { as, requests } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: `${as('b').slice(5)}/x` }] : [200],
    )
    await openClient(t).get(as('a'))
    assert.equal(`http://${requests[1]?.host}`, as('b'))
  })

  const refused: readonly [
    location: string,
    type: typeof RemoteProtocolError | typeof UnsupportedProtocol,
  ][] = [
    ['ftp://h/', UnsupportedProtocol],
    ['file:///etc/passwd', UnsupportedProtocol],
    ['data:text/plain,x', UnsupportedProtocol],
    ['unix:/socket', UnsupportedProtocol],
    ['javascript:alert(1)', UnsupportedProtocol],
    ['http://', RemoteProtocolError],
    ['http://user:secret@h:port/', RemoteProtocolError],
    ['http://h:99999/', RemoteProtocolError],
    ['/x\ty', RemoteProtocolError],
  ]
  for (const [location, type] of refused) {
    test(`${JSON.stringify(location)} is refused`, async (t) => {
      const { origin, requests } = await recording(t, () => [302, { location }])
      const client = openClient(t)
      await assert.rejects(client.get(`${origin}/from`), (error: unknown) => {
        assert.ok(error instanceof type, String(error))
        assert.equal((error.request as Request).url.pathname, '/from')
        assert.doesNotMatch(error.message, /secret/)
        return true
      })
      assert.equal(requests.length, 1)
      assertUnused(client)
    })
  }

  for (const invalid of ['\r', '\n', '\0']) {
    test(`Location with ${JSON.stringify(invalid)}`, async (t) => {
      let count = 0
      const { origin } = await rawServer(t, (socket) => {
        socket.on('data', () => {
          count++
          socket.write(
            `HTTP/1.1 302 R\r\nLocation: /x${invalid}Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n`,
          )
        })
      })
      const client = openClient(t)
      await assert.rejects(client.get(origin), RemoteProtocolError)
      assert.equal(count, 1)
      assertUnused(client)
    })
  }

  test('a Location is relative to the URL that a hook assigned', async (t) => {
    const { as, requests } = await recording(t, ({ url }) =>
      url === '/from/x' ? [302, { location: 'y' }] : [200],
    )
    const client = openClient(t, {
      eventHooks: {
        request: [
          (request) => {
            if (request.url.pathname === '/') request.url = `${as('b')}/from/x`
          },
        ],
      },
      auth: ['u', 'p'],
    })
    const response = await client.get(as('a'))
    assert.equal(response.url.href, `${as('b')}/from/y`)
    assert.equal(requests[1]?.headers.authorization, undefined)
  })
})

describe('nextRequest', () => {
  const chain = (status: number) =>
    [
      [status, { location: '/1', 'set-cookie': 'a=1' }],
      [302, { location: '/2' }],
      [307, { location: 'http://b.test/3' }],
      [200, {}, 'target'],
    ] as const

  for (const status of [302, 307]) {
    test(`sends the same requests as automatic redirects, from ${status}`, async (t) => {
      const follow = async (options: ClientOptions, isManual: boolean) => {
        const { as, requests } = await recording(t, ({ url }) => {
          const [code, given, body = ''] = chain(status)[Number(url.slice(1))] as Answer
          const headers = { ...given }
          const { location } = headers
          if (typeof location === 'string') {
            headers.location = location.replace('http://b.test', as('b'))
          }
          return [code, headers, body]
        })
        const client = openClient(t, { ...options, followRedirects: !isManual })
        let response = await client.post(`${as('a')}/0`, {
          content: 'abc',
          headers: { authorization: 'x', 'x-a': '1', 'content-language': 'en' },
          cookies: { b: '2' },
        })
        for (let next = response.nextRequest; next !== null; next = response.nextRequest) {
          response = await client.send(next)
        }
        assert.equal(response.text(), 'target')
        return requests.map(({ method, url, headers, content }) => ({
          method,
          url,
          content,
          headers: { ...headers, host: headers.host?.replace(/:.*/, '') },
        }))
      }
      const options = { cookies: { c: '3' }, auth: ['u', 'p'] as const }
      assert.deepEqual(await follow(options, true), await follow(options, false))
    })
  }

  test('returns the same request each time', async (t) => {
    const { origin } = await recording(t, () => [302, { location: '/x' }])
    const response = await openClient(t, { followRedirects: false }).get(origin)
    const [one, other] = [response.nextRequest, response.nextRequest]
    assert.equal(one, other)
    assert.equal(one?.url.href, `${origin}/x`)
    one.headers.set('x-a', '1')
    assert.equal(response.request.headers.has('x-a'), false)
  })

  test("follows later redirects according to the client's option", async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/3' ? [200] : [302, { location: `/${Number(url.slice(1)) + 1}` }],
    )
    for (const followRedirects of [true, false]) {
      const client = openClient(t, { followRedirects })
      const first = await client.get(`${origin}/0`, { followRedirects: false })
      const response = await client.send(first.nextRequest as Request)
      assert.equal(response.url.pathname, followRedirects ? '/3' : '/1')
    }
  })

  test('errors have the property request', async (t) => {
    const { origin } = await recording(t, () => [302, { location: 'ftp://h/' }])
    const response = await openClient(t).get(origin, { followRedirects: false })
    assert.throws(
      () => response.nextRequest,
      (error: UnsupportedProtocol) =>
        error instanceof UnsupportedProtocol && error.request === response.request,
    )
  })

  test('the body of a followed redirect is closed', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: '/x' }, 'moved'] : [200],
    )
    const [redirect] = (await openClient(t).get(origin)).history
    assert.throws(() => redirect?.text(), { name: 'StreamClosed' })
    assert.throws(() => redirect?.bytes(), { name: 'StreamClosed' })
  })

  test('an assigned target is reset', async (t) => {
    const { origin, requests } = await recording(t, ({ url }) =>
      url === '*' ? [302, { location: '/x' }] : [200],
    )
    const client = openClient(t)
    const request = client.buildRequest('OPTIONS', origin)
    request.target = '*'
    await client.send(request)
    assert.deepEqual(
      requests.map(({ url }) => url),
      ['*', '/x'],
    )
  })
})

describe('36 the body of a redirect', () => {
  const bodies: readonly [name: string, size: number, sockets: number][] = [
    ['the connection is reused without a body', 0, 1],
    ['the connection is reused after a small body', 1000, 1],
    ['the connection is closed with a large body', 10_000_000, 2],
  ]
  for (const [name, size, count] of bodies) {
    test(name, async (t) => {
      const { origin, sockets } = await recording(t, ({ url }) =>
        url === '/' ? [302, { location: '/to' }, Buffer.alloc(size, 'x')] : [200],
      )
      const client = openClient(t, { poolLimits: { maxConnections: 1 } })
      const response = await client.get(origin)
      assert.equal(response.status, 200)
      assert.equal(sockets.length, count)
      assertUnused(client)
    })
  }

  test('is not decompressed', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/'
        ? [302, { location: '/to', 'content-encoding': 'gzip' }, Buffer.from('this is no gzip')]
        : [200, { 'content-encoding': 'gzip' }, gzipSync('final')],
    )
    const client = openClient(t, { maxResponseSize: 5 })
    const response = await client.get(origin)
    assert.equal(response.text(), 'final')
    assertUnused(client)
  })

  test('can be larger than maxResponseSize', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: '/to' }, 'x'.repeat(1000)] : [200, {}, 'final'],
    )
    assert.equal((await openClient(t, { maxResponseSize: 5 }).get(origin)).text(), 'final')
  })

  test('can be read by a hook', async (t) => {
    const { origin } = await recording(t, ({ url }) =>
      url === '/' ? [302, { location: '/to' }, 'from'] : [200, {}, 'final'],
    )
    const client = openClient(t, { eventHooks: { response: [(response) => response.read()] } })
    const response = await client.get(origin)
    assert.deepEqual([response.history[0]?.text(), response.text()], ['from', 'final'])
  })
})
