// The bytes that are sent for a request: conformance R1 to R12.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DispatchRequest } from '../../src/engine.ts'
import { Headers } from '../../src/engine.ts'
import { withPollutedPrototype } from '../support/pollution.ts'
import { PoolHarness } from '../support/pool-harness.ts'

/** What is sent for a request before any response. */
async function written(request: Partial<DispatchRequest>): Promise<string> {
  const harness = new PoolHarness()
  const call = await harness.send(request)
  assert.deepEqual(call.events, [])
  const { written } = harness.socket
  await harness.pool.close()
  return written
}

function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`
}

function sends(title: string, request: Partial<DispatchRequest>, ...expected: string[]): void {
  test(title, async () => {
    assert.equal(await written(request), lines(...expected))
  })
}

const GET = ['GET / HTTP/1.1', 'Host: h.test']

sends('R1 a minimal request', {}, ...GET)
for (const path of [
  '/a/b;c=d/../e',
  '//double//slash',
  '/?',
  '/a?b=c&d=[e]|"f"<g>&h?i/j',
  '/%00%0d%0a',
  '/user:password@host',
  '/http://other.test/',
  '/*',
]) {
  sends(`R1 a target is sent unchanged: ${path}`, { path }, `GET ${path} HTTP/1.1`, 'Host: h.test')
}
sends(
  'R1 obs-text in a target is sent as latin1',
  { path: '/\xe9?\xff' },
  'GET /\xe9?\xff HTTP/1.1',
  'Host: h.test',
)

sends(
  'R2 absolute-form, with its authority as Host',
  { origin: 'http://proxy.test:3128', path: 'http://a.test:8080/b?c' },
  'GET http://a.test:8080/b?c HTTP/1.1',
  'Host: a.test:8080',
)
sends(
  'R2 absolute-form without a path',
  { origin: 'http://proxy.test:3128', path: 'http://[::1]?a' },
  'GET http://[::1]?a HTTP/1.1',
  'Host: [::1]',
)
for (const target of ['a.test:443', '1.2.3.4:80', '[2001:db8::1]:8443']) {
  sends(
    `R2 authority-form, with the same Host: ${target}`,
    { origin: 'http://proxy.test:3128', method: 'CONNECT', path: target },
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
  )
}
sends(
  'R2 a Host header overrides the authority of the target',
  { method: 'CONNECT', path: 'a.test:443', headers: ['Host', 'b.test'] },
  'CONNECT a.test:443 HTTP/1.1',
  'Host: b.test',
)
sends('R2 asterisk-form', { method: 'OPTIONS', path: '*' }, 'OPTIONS * HTTP/1.1', 'Host: h.test')

for (const [origin, host] of [
  ['http://h.test', 'h.test'],
  ['http://h.test:80/', 'h.test'],
  ['http://h.test:443', 'h.test:443'],
  ['https://h.test:443', 'h.test'],
  ['https://h.test:80', 'h.test:80'],
  ['http://h.test:8080', 'h.test:8080'],
  ['HTTP://H.Test:08080', 'h.test:8080'],
  ['http://h.test.', 'h.test.'],
  ['http://127.1', '127.0.0.1'],
  ['http://[::1]', '[::1]'],
  ['https://[2001:DB8:0::1]:444', '[2001:db8::1]:444'],
  ['http://m\u00fcller.test', 'xn--mller-kva.test'],
] as const) {
  sends(`R3 Host of ${origin}`, { origin }, 'GET / HTTP/1.1', `Host: ${host}`)
  sends(
    `R3 Host of ${origin}, as a URL`,
    { origin: new URL(origin) },
    'GET / HTTP/1.1',
    `Host: ${host}`,
  )
}
sends(
  'R3 a given Host replaces the default one, and is the first field',
  { headers: ['a', '1', 'hOST', 'other.test:1', 'b', '2'] },
  'GET / HTTP/1.1',
  'hOST: other.test:1',
  'a: 1',
  'b: 2',
)
sends('R3 an empty Host', { headers: ['Host', ''] }, 'GET / HTTP/1.1', 'Host: ')

const fields = ['Accept', '*/*', 'x-CASE', 'a', 'X-Case', 'b', 'empty', '', "!#$%&'*+-.^_`|~", '1']
const fieldLines = ['Accept: */*', 'x-CASE: a', 'X-Case: b', 'empty: ', "!#$%&'*+-.^_`|~: 1"]
for (const [shape, headers] of [
  ['a flat list', fields],
  ['Headers', new Headers(fields)],
  ['pairs', [...new Headers(fields)]],
  ['an iterable of pairs', new Set(new Headers(fields))],
  ['a record', Object.fromEntries(new Headers(fields))],
  ['a Map', new Map(new Headers(fields))],
] as const) {
  sends(`R4 fields keep case and order: ${shape}`, { headers }, ...GET, ...fieldLines)
}
for (const headers of [undefined, null, [], {}, new Headers()]) {
  sends(`R4 no fields: ${JSON.stringify(headers)}`, { headers }, ...GET)
}
sends(
  'R4 a record can have lists, numbers, null and undefined',
  { headers: { a: ['1', '2'], b: 3, c: null, d: undefined } },
  ...[...GET, 'a: 1', 'a: 2', 'b: 3'],
)
sends(
  'R4 values can contain obs-text, tabs and every visible character',
  { headers: ['a', '\x80\xff\t!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'] },
  ...[...GET, 'a: \x80\xff\t!"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~'],
)

for (const method of [
  'get',
  'Get',
  'QUERY',
  'M-SEARCH',
  "!#$%&'*+-.^_`|~09azAZ",
  'HEAD',
  'DELETE',
]) {
  sends(
    `R5 the method is sent unchanged: ${method}`,
    { method },
    `${method} / HTTP/1.1`,
    'Host: h.test',
  )
}

for (const method of ['POST', 'PUT', 'PATCH']) {
  sends(
    `R7 ${method} without content has Content-Length: 0`,
    { method },
    `${method} / HTTP/1.1`,
    'Host: h.test',
    'Content-Length: 0',
  )
}
for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'PROPFIND', 'post']) {
  sends(
    `R7 ${method} without content has no Content-Length`,
    { method },
    `${method} / HTTP/1.1`,
    'Host: h.test',
  )
  sends(
    `R7 ${method} without content, with a given Content-Length of 0`,
    { method, headers: ['content-length', '0'] },
    ...[`${method} / HTTP/1.1`, 'Host: h.test', 'content-length: 0'],
  )
}

/** Sends a request with content, and checks the fields of its head and the content. */
function sendsContent(
  title: string,
  request: Partial<DispatchRequest>,
  head: string[],
  content: string,
): void {
  test(title, async () => {
    const wire = await written({ method: 'POST', ...request })
    assert.equal(
      wire,
      lines(`${request.method ?? 'POST'} / HTTP/1.1`, 'Host: h.test', ...head) + content,
    )
  })
}

async function* pieces(...all: string[]): AsyncGenerator<string> {
  yield* all
}

for (const [what, body] of [
  ['a string', 'h\u00e9llo'],
  ['bytes', Buffer.from('h\u00e9llo')],
  ['part of a buffer', new Uint8Array(Buffer.from('--h\u00e9llo--')).subarray(2, 8)],
] as const) {
  sendsContent(`R6 Content-Length of ${what}`, { body }, ['Content-Length: 6'], 'h\xc3\xa9llo')
  sendsContent(
    `R6 a given Content-Length that matches ${what}`,
    { body, headers: ['a', '1', 'CONTENT-LENGTH', '6', 'b', '2'] },
    ['a: 1', 'b: 2', 'CONTENT-LENGTH: 6'],
    'h\xc3\xa9llo',
  )
}
sendsContent('R6 empty content', { body: '' }, ['Content-Length: 0'], '')
sendsContent('R6 GET with content', { method: 'GET', body: 'a' }, ['Content-Length: 1'], 'a')
for (const size of [16_384, 16_385, 3_000_000]) {
  const body = 'x'.repeat(size)
  sendsContent(`R6 ${size} bytes`, { body }, [`Content-Length: ${size}`], body)
}
sendsContent(
  'R6 content of unknown length is sent in chunks, none of them empty',
  { body: pieces('hello', '', 'h\u00e9') },
  ['Transfer-Encoding: chunked'],
  '5\r\nhello\r\n3\r\nh\xc3\xa9\r\n0\r\n\r\n',
)
sendsContent(
  'R6 large chunks',
  { body: [Buffer.alloc(20_000, 'a'), Buffer.alloc(16, 'b')] },
  ['Transfer-Encoding: chunked'],
  `4e20\r\n${'a'.repeat(20_000)}\r\n10\r\n${'b'.repeat(16)}\r\n0\r\n\r\n`,
)
sendsContent(
  'R6 an iterable without bytes',
  { body: pieces('') },
  ['Transfer-Encoding: chunked'],
  '0\r\n\r\n',
)
sendsContent(
  'R6 content of unknown length with a given Content-Length',
  { body: pieces('he', 'llo'), headers: { 'content-length': 5 } },
  ['content-length: 5'],
  'hello',
)
sendsContent(
  'R6 content of known length with a given Transfer-Encoding: chunked',
  { body: 'hello', headers: ['transfer-encoding', 'Chunked', 'a', '1'] },
  ['a: 1', 'transfer-encoding: Chunked'],
  '5\r\nhello\r\n0\r\n\r\n',
)
sendsContent(
  'R6 codings in several fields are joined, under the name of the first',
  { body: pieces('x'), headers: ['TRANSFER-encoding', 'gzip', 'transfer-encoding', ' chunked\t'] },
  ['TRANSFER-encoding: gzip, chunked'],
  '1\r\nx\r\n0\r\n\r\n',
)

sends(
  'R9 Connection lists TE',
  { headers: ['TE', 'trailers'] },
  ...GET,
  'Connection: TE',
  'TE: trailers',
)
sends(
  'R9 Connection lists Upgrade',
  { headers: ['upgrade', 'websocket', 'a', '1'] },
  ...[...GET, 'Connection: Upgrade', 'upgrade: websocket', 'a: 1'],
)
sends(
  'R9 Connection lists TE once',
  { headers: ['Connection', 'te', 'TE', 'trailers'] },
  ...[...GET, 'Connection: te', 'TE: trailers'],
)
sends(
  'R9 TE and Upgrade are added to a given Connection, once each',
  {
    headers: [
      'te',
      'gzip;q=0.5',
      'Connection',
      'x-hop , UPGRADE',
      'Upgrade',
      'a',
      'connection',
      'b',
    ],
  },
  ...[...GET, 'Connection: x-hop, UPGRADE, b, TE', 'te: gzip;q=0.5', 'Upgrade: a'],
)
sends(
  'R9 a given Connection without TE and Upgrade',
  { headers: ['connection', 'keep-alive'] },
  ...GET,
  'connection: keep-alive',
)
sends('R12 close', { headers: ['connection', 'Close'] }, ...GET, 'connection: Close')

test('R10 with Expect, only the head is sent at first', async () => {
  const wire = await written({ method: 'PUT', body: 'hello', headers: ['expect', '100-Continue'] })
  assert.equal(
    wire,
    lines('PUT / HTTP/1.1', 'Host: h.test', 'expect: 100-Continue', 'Content-Length: 5'),
  )
})

for (const [what, trailers] of [
  ['a record', { Digest: 'abc', a: ['1', '2'] }],
  ['a flat list', ['Digest', 'abc', 'a', '1', 'a', '2']],
  ['Headers', new Headers(['Digest', 'abc', 'a', '1', 'a', '2'])],
  ['a function', () => ({ Digest: 'abc', a: ['1', '2'] })],
] as const) {
  sendsContent(
    `R11 trailers as ${what}`,
    { body: 'hello', trailers },
    ['Transfer-Encoding: chunked'],
    '5\r\nhello\r\n0\r\nDigest: abc\r\na: 1\r\na: 2\r\n\r\n',
  )
}
sendsContent(
  'R11 a function that returns no trailers',
  { body: pieces('hello'), trailers: () => ({}) },
  ['Transfer-Encoding: chunked'],
  '5\r\nhello\r\n0\r\n\r\n',
)
sendsContent(
  'R11 a given Trailer field announces the trailers',
  { body: 'a', headers: ['Trailer', 'Digest'], trailers: ['Digest', 'b'] },
  ['Trailer: Digest', 'Transfer-Encoding: chunked'],
  '1\r\na\r\n0\r\nDigest: b\r\n\r\n',
)

test('22 a polluted Object.prototype does not change what is sent', async () => {
  const pollution = {
    method: 'DELETE',
    body: 'evil',
    headers: ['evil', '1'],
    trailers: ['evil', '1'],
    timeouts: { read: 1 },
    signal: AbortSignal.abort(),
    copy: true,
    host: 'evil.test',
    'content-length': '9',
    authorization: 'evil',
    0: 'evil',
    1: 'evil',
    chunked: true,
    close: true,
    upgrade: 'evil',
  }
  const requests: Partial<DispatchRequest>[] = [
    {},
    { headers: { a: '1' } },
    { headers: [] },
    { headers: ['a', '1'] },
    { headers: [['a', '1']] },
    { method: 'POST', body: 'hello', headers: { te: 'trailers' } },
    { method: 'POST', body: 'hello', trailers: { a: '1' } },
  ]
  for (const request of requests) {
    const clean = await written(request)
    const harness = new PoolHarness()
    const call = withPollutedPrototype(pollution, () => harness.dispatch(request))
    await harness.clock.flush()
    assert.deepEqual(call.events, [])
    assert.equal(harness.socket.written, clean)
    await harness.pool.close()
  }
})
