// The bytes that a client sends for URLs, options and content. test/protocol/request-head.test.ts
// tests the heads of the engine.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import type { Client, ClientOptions } from '../../src/index.ts'
import { LocalProtocolError } from '../../src/index.ts'
import { scriptedClient, settle } from '../client/clients.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
/** Removes the default fields of the client. */
const BARE = { accept: null, 'accept-encoding': null, 'user-agent': null, connection: null }

type Call = (client: Client) => Promise<unknown>

/**
 * Makes the calls in turn, answers each, and returns what was written: one string per connection.
 */
async function written(
  t: TestContext,
  calls: readonly Call[],
  options: ClientOptions = {},
  answer = OK,
): Promise<string[]> {
  const { client, backend } = scriptedClient(t, { headers: BARE, ...options })
  for (const call of calls) {
    const result = call(client)
    await settle()
    backend.socket.receive(answer)
    await result
  }
  return backend.sockets.map((socket) => socket.written)
}

function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`
}

function sends(title: string, call: Call, expected: string, options?: ClientOptions): void {
  test(title, async (t) => assert.deepEqual(await written(t, [call], options), [expected]))
}

async function* pieces(...all: string[]): AsyncGenerator<string> {
  yield* all
}

sends(
  'R1 an empty path becomes a slash, and the fragment is not sent',
  (client) => client.get('http://h.test#part'),
  lines('GET / HTTP/1.1', 'Host: h.test'),
)
sends(
  'R1 path and query of the URL, with dot segments resolved',
  (client) => client.get('http://h.test/a/../b c?d=e f#g?h', { params: { i: 'j' } }),
  lines('GET /b%20c?d=e%20f&i=j HTTP/1.1', 'Host: h.test'),
)
sends(
  'R1, R3 neither the target nor Host contains userinfo',
  (client) => client.get('http://user:secret@h.test:8080/', { auth: null }),
  lines('GET / HTTP/1.1', 'Host: h.test:8080'),
)
sends(
  'R2 OPTIONS with the target *',
  (client) => {
    const request = client.buildRequest('OPTIONS', 'http://h.test/x')
    request.target = '*'
    return client.send(request)
  },
  lines('OPTIONS * HTTP/1.1', 'Host: h.test'),
)
sends(
  'R1, R2, R3 a proxy gets the absolute-form, without userinfo and fragment',
  (client) => client.get('http://user:secret@h.test:8080/a?b#c', { auth: null }),
  lines('GET http://h.test:8080/a?b HTTP/1.1', 'Host: h.test:8080'),
  { proxies: 'http://proxy.test:3128' },
)
for (const [origin, authority] of [
  ['https://h.test', 'h.test:443'],
  ['https://h.test:8443', 'h.test:8443'],
  ['https://[::1]', '[::1]:443'],
] as const) {
  test(`R2, R3 CONNECT to ${origin} always has the port`, async (t) => {
    const options = { headers: BARE, proxies: 'http://proxy.test:3128' }
    const { client, backend } = scriptedClient(t, options)
    const call = client.get(origin)
    await settle()
    const expected = lines(`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`)
    assert.equal(backend.socket.takeWritten(), expected)
    backend.socket.receive('HTTP/1.1 200 OK\r\n\r\n')
    await settle()
    assert.match(backend.socket.written, /^GET \/ HTTP\/1\.1\r\nHost: /)
    backend.socket.receive(OK)
    await call
  })
}
sends(
  'R3 Host comes first, wherever the caller puts it',
  (client) => client.get('http://h.test', { headers: { a: '1', Host: 'other.test' } }),
  lines('GET / HTTP/1.1', 'Host: other.test', 'a: 1'),
)
test('R4 there are no bytes between requests', async (t) => {
  const post: Call = (client) => client.post('http://h.test', { content: 'abc' })
  const get: Call = (client) => client.get('http://h.test')
  const chunks: Call = (client) => client.post('http://h.test', { content: pieces('abc') })
  assert.deepEqual(await written(t, [post, chunks, get]), [
    `${lines('POST / HTTP/1.1', 'Host: h.test', 'Content-Length: 3')}abc` +
      `${lines('POST / HTTP/1.1', 'Host: h.test', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n` +
      lines('GET / HTTP/1.1', 'Host: h.test'),
  ])
})
sends(
  'R5 a method that is not standard is sent unchanged',
  (client) => client.request('pUrGe', 'http://h.test'),
  lines('pUrGe / HTTP/1.1', 'Host: h.test'),
)

describe('R6 the length of content', () => {
  const bodies: readonly [name: string, options: Parameters<Client['post']>[1], head: string[]][] =
    [
      ['text', { content: '\u00e9' }, ['Content-Length: 2']],
      ['a Blob', { content: new Blob(['abc']) }, ['content-length: 3']],
      ['JSON', { json: [1] }, ['content-type: application/json', 'Content-Length: 3']],
      ['a stream', { content: pieces('a') }, ['Transfer-Encoding: chunked']],
      [
        'a stream with a given Content-Length',
        { content: pieces('a'), headers: { 'content-length': '1' } },
        ['content-length: 1'],
      ],
      [
        'bytes with a given Transfer-Encoding: chunked',
        { content: new Blob(['a']), headers: { 'transfer-encoding': 'chunked' } },
        ['transfer-encoding: chunked'],
      ],
    ]
  for (const [name, options, fields] of bodies) {
    test(name, async (t) => {
      const [wire = ''] = await written(t, [(client) => client.post('http://h.test', options)])
      assert.ok(wire.startsWith(lines('POST / HTTP/1.1', 'Host: h.test', ...fields)), wire)
    })
  }

  const wrong: readonly [name: string, content: string[], length: string][] = [
    ['too short', ['ab'], '3'],
    ['too long', ['ab', 'cd'], '3'],
  ]
  for (const [name, content, length] of wrong) {
    test(`${name}: fails before the message ends, and closes the connection`, async (t) => {
      const { client, backend } = scriptedClient(t)
      const headers = { 'content-length': length }
      const call = client.post('http://h.test', { content: pieces(...content), headers })
      await assert.rejects(call, LocalProtocolError)
      assert.match(backend.socket.written, /\r\n\r\nab$/)
      assert.ok(backend.socket.destroyed)
    })
  }

  const both = { 'content-length': '1', 'transfer-encoding': 'chunked' }
  test('both framing fields are refused', async (t) => {
    const { client, backend } = scriptedClient(t)
    const call = client.post('http://h.test', { content: 'a', headers: both })
    await assert.rejects(call, LocalProtocolError)
    assert.equal(backend.sockets.length, 0)
  })
})

for (const method of ['POST', 'PUT', 'PATCH']) {
  sends(
    `R7 ${method} without content has Content-Length: 0`,
    (client) => client.request(method, 'http://h.test'),
    lines(`${method} / HTTP/1.1`, 'Host: h.test', 'Content-Length: 0'),
  )
}
for (const method of ['GET', 'OPTIONS', 'DELETE', 'REPORT', 'TRACE']) {
  sends(
    `R7 ${method} without content has no Content-Length`,
    (client) => client.request(method, 'http://h.test'),
    lines(`${method} / HTTP/1.1`, 'Host: h.test'),
  )
}
sends(
  'R8 TRACE has no credentials and no cookies, because the server sends it back',
  (client) => client.request('TRACE', 'http://user:secret@h.test/', { cookies: { a: '1' } }),
  lines('TRACE / HTTP/1.1', 'Host: h.test'),
  { auth: ['user', 'secret'], cookies: { b: '2' } },
)
test('R8 TRACE with content is refused, and nothing is written', async (t) => {
  const { client, backend } = scriptedClient(t)
  await assert.rejects(
    client.request('TRACE', 'http://h.test', { content: 'a' }),
    LocalProtocolError,
  )
  assert.equal(backend.sockets.length, 0)
})
sends(
  'R9 TE and Upgrade are added to the Connection field of the client',
  (client) => client.get('http://h.test', { headers: { TE: 'trailers', Upgrade: 'x' } }),
  lines(
    'GET / HTTP/1.1',
    'Host: h.test',
    'connection: keep-alive, TE, Upgrade',
    'TE: trailers',
    'Upgrade: x',
  ),
  { headers: { ...BARE, connection: 'keep-alive' } },
)
test('R10 the content waits for 100, and for no other 1xx', async (t) => {
  const { client, backend } = scriptedClient(t, { headers: BARE })
  const headers = { expect: '100-continue' }
  const call = client.post('http://h.test', { content: 'abc', headers })
  await settle()
  const { socket } = backend
  const head = lines('POST / HTTP/1.1', 'Host: h.test', 'expect: 100-continue', 'Content-Length: 3')
  assert.equal(socket.written, head)
  socket.receive('HTTP/1.1 103 Early Hints\r\n\r\n')
  await settle()
  assert.equal(socket.written, head)
  socket.receive('HTTP/1.1 100 Continue\r\n\r\n')
  await settle()
  assert.equal(socket.written, `${head}abc`)
  socket.receive(OK)
  assert.equal((await call).status, 200)
})
test('R10 Expect without content is refused', async (t) => {
  const { client } = scriptedClient(t)
  const headers = { expect: '100-continue' }
  await assert.rejects(client.get('http://h.test', { headers }), LocalProtocolError)
})

describe('R12 after close, no further request uses the connection', () => {
  const get: Call = (client) => client.get('http://h.test')
  test('close in the request', async (t) => {
    const options = { headers: { ...BARE, connection: 'close' } }
    assert.equal((await written(t, [get, get], options)).length, 2)
  })
  test('close in the response', async (t) => {
    const answer = OK.replace('\r\n', '\r\nConnection: close\r\n')
    assert.equal((await written(t, [get, get], {}, answer)).length, 2)
  })
  test('no close', async (t) => {
    assert.equal((await written(t, [get, get])).length, 1)
  })
})

describe('R13 a request that may have been processed is not repeated automatically', () => {
  for (const [method, times] of [
    ['POST', 1],
    ['PATCH', 1],
    ['PURGE', 1],
    ['PUT', 2],
    ['DELETE', 2],
    ['GET', 2],
  ] as const) {
    test(`${method} on a reused connection that closes is sent ${times === 1 ? 'once' : 'twice'}`, async (t) => {
      const { client, backend } = scriptedClient(t)
      const warm = client.get('http://h.test')
      await settle()
      backend.socket.receive(OK)
      await warm
      const call = client.request(method, 'http://h.test/x').catch((error: unknown) => error)
      await settle()
      backend.socket.receiveEnd()
      await settle()
      if (times === 2) backend.socket.receive(OK)
      const result = await call
      assert.equal(result instanceof Error, times === 1)
      const sent = backend.sockets.filter((socket) => socket.written.includes(`${method} /x `))
      assert.equal(sent.length, times)
    })
  }
})
