// The properties and methods of a response whose body was read.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Response } from '../../src/index.ts'
import { Cookies, DigestAuth, HTTPStatusError, Request } from '../../src/index.ts'
import { httpServer, rawServer } from '../engine/servers.ts'
import { openClient, scriptedClient, settle } from './clients.ts'

type Fields = Record<string, string | string[]>

/** Returns a read response with these fields and this body. */
async function responseWith(
  t: TestContext,
  headers: Fields,
  body: string | Uint8Array = '',
): Promise<Response> {
  const { origin } = await httpServer(t, (_, response) => {
    response.writeHead(200, headers).end(body)
  })
  return openClient(t).get(`${origin}/a?b`)
}

test('the head of a response', async (t) => {
  const { origin } = await rawServer(t, (socket) => {
    socket.once('data', () =>
      socket.end('HTTP/1.0 203 Some Reason\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody'),
    )
  })
  const response = await openClient(t).post(`${origin}/path?query#part`, { content: 'x' })
  assert.equal(response.status, 203)
  assert.equal(response.statusText, 'Some Reason')
  assert.equal(response.httpVersion, '1.0')
  assert.deepEqual(
    [...response.headers],
    [
      ['X-A', '1'],
      ['x-a', '2'],
    ],
  )
  assert.equal(response.headers.get('x-A'), '1, 2')
  assert.ok(response.request instanceof Request)
  assert.equal(response.request.method, 'POST')
  assert.equal(response.request.headers.get('accept'), '*/*')
  assert.equal(response.url.href, `${origin}/path?query#part`)
  assert.deepEqual(response.history, [])
  assert.equal(response.nextRequest, null)
  assert.equal(response.text(), 'body')
})

describe('text() and its charset', () => {
  const euro = Uint8Array.of(0x80)
  const cases: [type: string, bytes: Uint8Array | string, encoding: string, text: string][] = [
    ['text/plain', 'é€', 'utf-8', 'é€'],
    ['', 'é', 'utf-8', 'é'],
    ['text/plain; charset=utf-8', '\ufeffé', 'utf-8', 'é'],
    ['text/plain; charset=ISO-8859-1', euro, 'windows-1252', '€'],
    ['text/plain;charset="latin1"', euro, 'windows-1252', '€'],
    ['text/plain; x=1; Charset=shift_jis; y=2', Uint8Array.of(0x82, 0xa0), 'shift_jis', 'あ'],
    ['text/plain; charset=utf-16le', Buffer.from('é', 'utf16le'), 'utf-16le', 'é'],
    ['text/plain; charset=klingon', 'é', 'utf-8', 'é'],
    ['text/plain; charset=', 'é', 'utf-8', 'é'],
    ['application/json', Uint8Array.of(0x61, 0xff), 'utf-8', 'a\ufffd'],
    ['text/plain; charset=utf-16', Uint8Array.of(0xfe, 0xff, 0, 0xe9), 'utf-16le', 'é'],
    ['text/plain; charset=latin-1', '\ufeffé', 'windows-1252', 'é'],
    ["text/plain; charset = 'utf-16be'", Uint8Array.of(0, 0xe9), 'utf-16be', 'é'],
    ['text/plain; title="; charset=latin1"', 'é', 'utf-8', 'é'],
  ]
  for (const [type, bytes, encoding, text] of cases) {
    test(`61 ${inspect(type)}: ${encoding}`, async (t) => {
      const response = await responseWith(t, { 'content-type': type }, bytes)
      assert.equal(response.encoding, encoding)
      assert.equal(response.text(), text)
      let joined = ''
      for await (const part of response.iterText()) joined += part
      assert.equal(joined, text)
    })
  }

  test('another charset can be assigned at any time', async (t) => {
    const response = await responseWith(t, { 'content-type': 'text/plain' }, euro)
    assert.equal(response.text(), '\ufffd')
    response.encoding = 'cp1252'
    assert.equal(response.encoding, 'windows-1252')
    assert.equal(response.text(), '€')
    for await (const part of response.iterText()) assert.equal(part, '€')
    response.encoding = 'latin-1'
    assert.equal(response.encoding, 'windows-1252')
    assert.throws(() => {
      response.encoding = 'klingon'
    }, RangeError)
    assert.equal(response.text(), '€')
  })
})

describe('json()', () => {
  test('parses any JSON value in any charset', async (t) => {
    const cases: [type: string, body: string | Uint8Array, value: unknown][] = [
      ['application/json', '{"a":[1,"é"]}', { a: [1, 'é'] }],
      ['text/plain', ' null ', null],
      ['application/json; charset=utf-16le', Buffer.from('"é"', 'utf16le'), 'é'],
      ['application/json', '\ufeff1', 1],
    ]
    for (const [type, body, value] of cases) {
      assert.deepEqual((await responseWith(t, { 'content-type': type }, body)).json(), value)
    }
  })

  // HTTPX decodes JSON without the label, too.
  test('61 UTF-8 that is labelled otherwise; then a byte order mark, then the label', async (t) => {
    const cases: [type: string, body: string | Uint8Array][] = [
      ['application/json; charset=latin1', '"é"'],
      ['application/json; charset=utf-16le', '"é"'],
      ['application/json; charset=latin1', Uint8Array.of(0x22, 0xe9, 0x22)],
      ['application/json', Uint8Array.of(0xfe, 0xff, 0, 0x22, 0, 0xe9, 0, 0x22)],
      ['application/json; charset=latin1', Buffer.from('\ufeff"é"', 'utf16le')],
      ['application/json; charset=utf-16le', Buffer.from('"é"', 'utf16le')],
    ]
    for (const [type, body] of cases) {
      assert.equal((await responseWith(t, { 'content-type': type }, body)).json(), 'é', type)
    }
    // Its bytes are valid UTF-8, with NULs.
    const ascii = Buffer.from('{"a":1}', 'utf16le')
    const response = await responseWith(t, { 'content-type': 'text/json; charset=utf-16le' }, ascii)
    assert.deepEqual(response.json(), { a: 1 })
  })

  test('throws SyntaxError for other text, which text() still returns', async (t) => {
    for (const body of ['', '{', 'not json', '{"a":1} x']) {
      const response = await responseWith(t, {}, body)
      assert.throws(() => response.json(), SyntaxError)
      assert.equal(response.text(), body)
    }
  })
})

describe('methods that return the body', () => {
  test('bytes() returns the same bytes each time; arrayBuffer() a copy', async (t) => {
    const response = await responseWith(t, {}, 'abc')
    assert.equal(response.bytes(), response.bytes())
    const buffer = response.arrayBuffer()
    assert.ok(buffer instanceof ArrayBuffer)
    assert.equal(buffer.byteLength, 3)
    new Uint8Array(buffer).fill(0)
    assert.equal(response.text(), 'abc')
    assert.notEqual(response.arrayBuffer(), buffer)
  })

  test('blob() has the Content-Type of the response', async (t) => {
    const blob = (await responseWith(t, { 'content-type': 'text/html; charset=x' }, 'abc')).blob()
    assert.ok(blob instanceof Blob)
    assert.equal(blob.type, 'text/html; charset=x')
    assert.equal(await blob.text(), 'abc')
    assert.equal((await responseWith(t, {}, 'abc')).blob().type, '')
  })

  test('can be awaited as with fetch', async (t) => {
    const response = await responseWith(t, {}, '{"a":1}')
    assert.equal(await response.text(), '{"a":1}')
    assert.deepEqual(await response.json(), { a: 1 })
    assert.equal((await response.bytes()).length, 7)
    assert.equal((await response.arrayBuffer()).byteLength, 7)
    assert.equal((await response.blob()).size, 7)
  })

  test('the body can be iterated, read and closed repeatedly', async (t) => {
    const response = await responseWith(t, {}, 'a\nb')
    for (let round = 0; round < 2; round++) {
      const chunks: Uint8Array[] = []
      for await (const chunk of response.iterBytes()) chunks.push(chunk)
      const lines: string[] = []
      for await (const line of response.iterLines()) lines.push(line)
      assert.equal(Buffer.concat(chunks).toString(), 'a\nb')
      assert.deepEqual(lines, ['a', 'b'])
      const raw: Uint8Array[] = []
      for await (const chunk of response.iterRaw()) raw.push(chunk)
      assert.equal(Buffer.concat(raw).toString(), 'a\nb')
      const stream: Uint8Array[] = []
      for await (const chunk of response.bodyStream()) stream.push(chunk)
      assert.equal(Buffer.concat(stream).toString(), 'a\nb')
      assert.equal(await response.read(), response)
      await response.close()
    }
    assert.equal(response.text(), 'a\nb')
  })

  test('without a body', async (t) => {
    const { origin } = await httpServer(t, (request, response) => {
      const status = Number(request.url?.slice(1))
      response.writeHead(status, { 'content-encoding': 'gzip', etag: '"x"' }).end()
    })
    const client = openClient(t)
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 200],
      ['GET', 204],
      ['GET', 304],
    ] as const) {
      const response = await client.request(method, `${origin}/${status}`)
      assert.equal(response.status, status)
      assert.equal(response.bytes().length, 0)
      assert.equal(response.text(), '')
      assert.equal(response.arrayBuffer().byteLength, 0)
      for await (const chunk of response.iterBytes()) assert.fail(`${chunk}`)
    }
  })
})

test('63 elapsed counts from the request to the end of the body', async (t) => {
  const { client, backend, clock } = scriptedClient(t, { timeout: null })
  const pending = client.get('http://h.test/')
  await clock.advance(100)
  backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
  await clock.advance(30)
  backend.socket.receive('ok')
  const response = await pending
  await clock.advance(1000)
  assert.equal(response.elapsed, 130)

  const streaming = client.stream('GET', 'http://h.test/')
  await clock.advance(5)
  backend.socket.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
  const streamed = await streaming
  assert.equal(streamed.elapsed, 5)
  await clock.advance(10)
  assert.equal(streamed.elapsed, 15)
  await streamed.close()
  await clock.advance(10)
  assert.equal(streamed.elapsed, 15)
  assert.equal(streamed.callElapsed, 15)
})

// As in HTTPX, `elapsed` covers one exchange.
describe('63 elapsed covers the exchange of the response, callElapsed the whole call', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'

  test('after a slow redirect', async (t) => {
    const { client, backend, clock } = scriptedClient(t, { timeout: null })
    const pending = client.get('http://h.test/')
    await clock.advance(500)
    backend.socket.receive('HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n')
    await clock.advance(30)
    backend.socket.receive(HEAD)
    await clock.advance(13)
    backend.socket.receive('ok')
    const response = await pending
    await clock.advance(1000)
    const [redirect] = response.history
    const times = (each: Response | undefined) => [each?.elapsed, each?.callElapsed]
    assert.deepEqual(times(redirect), [500, 500])
    assert.deepEqual(times(response), [43, 543])
  })

  test('after an auth round, a retry and hooks', async (t) => {
    let hookCalls = 0
    const slow = async () => {
      hookCalls++
      await new Promise<void>((resolve) => clock.timer(resolve).arm(100))
    }
    const { client, backend, clock } = scriptedClient(t, {
      timeout: null,
      retries: 1,
      auth: new DigestAuth('user', 'password'),
      eventHooks: { request: [slow] },
    })
    const pending = client.get('http://h.test/')
    const responses = [
      'HTTP/1.1 401 U\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 503 S\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n',
      `${HEAD}ok`,
    ]
    await clock.advance(110)
    backend.socket.receive(responses[0] ?? '')
    await clock.advance(120)
    backend.socket.receive(responses[1] ?? '')
    await clock.advance(2000 + 130)
    backend.socket.receive(responses[2] ?? '')
    const response = await pending
    assert.equal(response.status, 200)
    assert.equal(hookCalls, 3)
    assert.equal(response.history[0]?.elapsed, 10)
    assert.equal(response.history[0].callElapsed, 110)
    assert.equal(response.elapsed, 30)
    assert.equal(response.callElapsed, 110 + 120 + 2130)
  })

  test('the wait for a connection counts', async (t) => {
    const poolLimits = { maxConnections: 1 }
    const { client, backend, clock } = scriptedClient(t, { timeout: null, poolLimits })
    const first = client.get('http://h.test/')
    const second = client.get('http://h.test/')
    await clock.advance(40)
    backend.socket.receive(`${HEAD}ok`)
    await first
    await clock.advance(2)
    backend.socket.receive(`${HEAD}ok`)
    assert.equal((await second).elapsed, 42)
  })
})

test('links are returned by relation, and without a relation by URL', async (t) => {
  const link = ['<https://h/2>; rel="next"; title="a, b"', '</plain>, </last>; rel=last']
  const { links } = await responseWith(t, { link })
  assert.equal(links.next?.url, 'https://h/2')
  assert.equal(links.next.title, 'a, b')
  assert.equal(links.last?.url, '/last')
  assert.equal(links['/plain']?.url, '/plain')
  assert.equal(links.toString, undefined)
  assert.deepEqual(Object.keys((await responseWith(t, {})).links), [])
})

test('cookies contains the cookies that this response sets', async (t) => {
  const { origin } = await httpServer(t, (request, response) => {
    const name = request.url?.slice(1)
    response.writeHead(200, { 'set-cookie': [`${name}=1; Path=/`, 'both=2'] }).end()
  })
  const client = openClient(t)
  const first = await client.get(`${origin}/first`)
  const second = await client.get(`${origin}/second`)
  assert.ok(first.cookies instanceof Cookies)
  assert.equal(first.cookies.get('first'), '1')
  assert.equal(second.cookies.get('first'), null)
  assert.equal(second.cookies.get('second'), '1')
  assert.equal(second.cookies, second.cookies)
  assert.notEqual(second.cookies, client.cookies)
})

test('util.inspect shows the status and no secrets', async (t) => {
  for (const [line, shown] of [
    ['200 OK', '<Response [200 OK]>'],
    ['404 Not Found', '<Response [404 Not Found]>'],
    ['299', '<Response [299]>'],
  ]) {
    const { origin } = await rawServer(t, (socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`))
    })
    const url = `${origin.replace('//', '//user:secret@')}/?key=secret`
    const response = await openClient(t).get(url, { headers: { 'x-key': 'secret' } })
    assert.equal(inspect(response), shown)
    assert.doesNotMatch(inspect(response.request), /secret/)
    assert.equal(`${inspect({ response }, { depth: 9 })}`, `{ response: ${shown} }`)
  }
})

describe('S2 the properties ok, isRedirect and isError', () => {
  const location = { location: '/x' }
  const cases: [status: number, headers: Fields, ok: boolean, redirect: boolean, error: boolean][] =
    [
      [200, {}, true, false, false],
      [204, {}, true, false, false],
      [299, location, true, false, false],
      [300, location, false, false, false],
      [301, location, false, true, false],
      [302, {}, false, false, false],
      [303, location, false, true, false],
      [304, location, false, false, false],
      [307, location, false, true, false],
      [308, location, false, true, false],
      [399, {}, false, false, false],
      [400, location, false, false, true],
      [404, {}, false, false, true],
      [500, {}, false, false, true],
      [599, {}, false, false, true],
      [999, {}, false, false, true],
    ]
  for (const [status, headers, ok, isRedirect, isError] of cases) {
    test(`${status}${headers === location ? ' with a Location' : ''}`, async (t) => {
      const { origin } = await httpServer(t, (_, response) => {
        response.writeHead(status, headers).end()
      })
      const response = await openClient(t).get(origin, { followRedirects: false })
      assert.deepEqual(
        [response.ok, response.isRedirect, response.isError],
        [ok, isRedirect, isError],
      )
      assert.equal(response.nextRequest?.url.href, isRedirect ? `${origin}/x` : undefined)
      if (!isError) return void assert.equal(response.raiseForStatus(), response)
      assert.throws(
        () => response.raiseForStatus(),
        (error) => {
          assert.ok(error instanceof HTTPStatusError)
          assert.equal(error.code, 'HAWSER_HTTP_STATUS_ERROR')
          assert.equal(error.response, response)
          assert.equal(error.request, response.request)
          return true
        },
      )
    })
  }

  test('raiseForStatus works before the body is read', async (t) => {
    const { origin } = await httpServer(t, (_, response) => {
      response.writeHead(500).write('a')
    })
    const response = await openClient(t).stream('GET', origin)
    assert.throws(() => response.raiseForStatus(), HTTPStatusError)
    await response.close()
    await settle()
  })
})

test('trailers are available after the body', async (t) => {
  const { origin } = await httpServer(t, (_, response) => {
    response.writeHead(200, { trailer: 'x-sum' })
    response.write('body')
    response.addTrailers({ 'x-sum': '42' })
    response.end()
  })
  const client = openClient(t)
  assert.equal((await client.get(origin)).trailers?.get('X-Sum'), '42')
})
