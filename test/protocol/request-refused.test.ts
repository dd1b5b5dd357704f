// Requests that HTTP does not allow. Nothing is written, no name is resolved, no socket is opened,
// and `onError` receives the error once, after `dispatch` has returned. Hazards 19, 21 and 23.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { DispatchRequest } from '../../src/engine.ts'
import { HawserError, InvalidURL, LocalProtocolError } from '../../src/engine.ts'
import { lastChunk, requestHead, versionAndHost } from '../../src/protocol/request-head.ts'
import { assertLinear } from '../support/growth.ts'
import { ORIGIN, PoolHarness } from '../support/pool-harness.ts'

type UncheckedRequest = { readonly [Name in keyof DispatchRequest]?: unknown }

/** Sends an invalid request, checks that nothing else happens, and returns its error. */
async function refusal(request: UncheckedRequest): Promise<Error> {
  const harness = new PoolHarness()
  const call = harness.dispatch(request as Partial<DispatchRequest>)
  assert.deepEqual(call.events, [], 'an event inside dispatch')
  await harness.clock.flush()
  await harness.clock.advance(120_000)
  assert.equal(call.events.length, 1, inspect(call.events))
  assert.equal(harness.backend.sockets.length, 0, 'a socket was opened')
  assert.equal(harness.backend.lookups.length, 0, 'a name was resolved')
  assert.deepEqual(call.violations, [])
  assert.ok(call.error instanceof Error)
  assert.equal(harness.pool.stats().origins, 0)
  await assert.rejects(
    harness.pool.request({ origin: ORIGIN, path: '/', ...request } as DispatchRequest),
    {
      name: call.error.name,
      message: call.error.message,
    },
  )
  assert.equal(harness.backend.sockets.length, 0, 'a socket was opened')
  await harness.finish()
  return call.error
}

function refuses(title: string, request: UncheckedRequest, message: RegExp): void {
  test(title, async () => {
    const error = await refusal(request)
    assert.ok(error instanceof LocalProtocolError, inspect(error))
    assert.match(error.message, message)
    assert.deepEqual([error.phase, error.bytesSent, error.safeToRetry], ['queue', 0, false])
    const { method = 'GET', origin = ORIGIN, path = '/' } = request
    assert.deepEqual({ ...error.request, path: error.request?.path }, { method, origin, path })
  })
}

/** The characters that no head may contain, and some whose low byte is a dangerous character. */
const FORBIDDEN = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).filter(
    (char) => char !== '\t',
  ),
  '\x7f',
  '\u010d\u010a', // their low bytes are CR LF
  '\u0100',
  '\u2028',
  '\ud83d\ude00',
  '\ud800',
]

const places: [
  what: string,
  bad: readonly string[],
  make: (bad: string) => UncheckedRequest,
  message: RegExp,
][] = [
  [
    'method',
    [...FORBIDDEN, ' ', '\t', '\xe9', ':', '/'],
    (bad) => ({ method: `GE${bad}T` }),
    /^Invalid method "GE/,
  ],
  [
    'target',
    [...FORBIDDEN, ' ', '\t'],
    (bad) => ({ path: `/a${bad}b` }),
    /^Invalid character ".*" at index 2 in the request-target/s,
  ],
  [
    'name',
    [...FORBIDDEN, ' ', '\t', '\xe9', ':', '"', '('],
    (bad) => ({ headers: [`X-A${bad}b`, '1'] }),
    /^Invalid character ".*" after "X-A" in a header name$/s,
  ],
  [
    'value',
    FORBIDDEN,
    (bad) => ({ headers: ['X-A', `1${bad}b`] }),
    /^Invalid character ".*" at index 1 in header X-A$/s,
  ],
  [
    'Host',
    FORBIDDEN,
    (bad) => ({ headers: ['Host', `a${bad}b`] }),
    /^Invalid character ".*" at index 1 in header Host$/s,
  ],
  [
    'Upgrade',
    FORBIDDEN,
    (bad) => ({ headers: ['Upgrade', `a${bad}b`] }),
    /^Invalid character ".*" at index 1 in header Upgrade$/s,
  ],
  [
    'Connection',
    FORBIDDEN,
    (bad) => ({ headers: ['Connection', `a${bad}b`] }),
    /^Invalid character ".*" at index 1 in header Connection$/s,
  ],
  [
    'Content-Length',
    FORBIDDEN,
    (bad) => ({ body: 'a', headers: ['Content-Length', `1${bad}`] }),
    /^Invalid character ".*" at index 1 in header Content-Length$/s,
  ],
  [
    'Transfer-Encoding',
    FORBIDDEN,
    (bad) => ({ body: 'a', headers: ['Transfer-Encoding', `chunked${bad}`] }),
    /^Invalid character ".*" at index 7 in header Transfer-Encoding$/s,
  ],
  [
    'trailer name',
    [...FORBIDDEN, ' ', ':'],
    (bad) => ({ body: 'a', trailers: { [`X-A${bad}b`]: '1' } }),
    /^Invalid character ".*" after "X-A" in a header name$/s,
  ],
  [
    'trailer value',
    FORBIDDEN,
    (bad) => ({ body: 'a', trailers: ['X-A', `1${bad}b`] }),
    /^Invalid character ".*" at index 1 in header X-A$/s,
  ],
]
for (const [what, bad, make, message] of places) {
  test(`19, R4 a ${what} cannot inject a character`, async () => {
    for (const char of bad) {
      const error = await refusal(make(char))
      assert.ok(error instanceof LocalProtocolError, inspect(error))
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /[\0-\x1f]/, 'the message contains the character')
    }
  })
}

for (const [shape, make] of [
  ['a record', (name: string, value: string) => ({ [name]: value })],
  ['a record of lists', (name: string, value: string) => ({ [name]: ['1', value] })],
  ['pairs', (name: string, value: string) => [[name, value]]],
  ['a Map', (name: string, value: string) => new Map([[name, value]])],
  ['a flat list', (name: string, value: string) => ['a', '1', name, value, 'b', '2']],
] as const) {
  test(`19 headers are checked in every form: ${shape}`, async () => {
    for (const char of FORBIDDEN) {
      assert.match(
        (await refusal({ headers: make('X', `1${char}`) })).message,
        /^Invalid character ".*" at index 1 in header X$/s,
      )
      assert.match(
        (await refusal({ headers: make(`X${char}`, '1') })).message,
        /^Invalid character ".*" after "X" in a header name$/s,
      )
    }
  })
}

test('19 a cached valid name does not make a similar name valid', async () => {
  const harness = new PoolHarness()
  for (let i = 0; i < 3; i++) harness.dispatch({ headers: ['X-Known', '1'] })
  await harness.pool.close()
  for (const name of ['X-Known\r\n', 'X-Known ', 'X-Known:']) {
    assert.match(
      (await refusal({ headers: [name, '1'] })).message,
      /^Invalid character ".*" after "X-Known" in a header name$/s,
    )
  }
})

test('19 an origin is checked before it is parsed, because the URL parser drops line ends', async () => {
  for (const origin of [
    'http://h\r\n.test',
    'http://h.test\t',
    '\0http://h.test',
    'http://h.te\nst',
  ]) {
    const error = await refusal({ origin })
    assert.ok(error instanceof InvalidURL, inspect(error))
    assert.doesNotMatch(error.message, /[\0-\x1f]/)
  }
})

test('R1 an origin must not have userinfo, path, query or fragment', async () => {
  for (const origin of [
    'http://u:p@h.test',
    'http://u@h.test',
    'http://h.test/a',
    'http://h.test/?a',
    'http://h.test#a',
  ]) {
    const error = await refusal({ origin })
    assert.ok(error instanceof InvalidURL, inspect(error))
    assert.doesNotMatch(error.message, /u:p|u@/)
  }
})

test('an invalid origin is refused', async () => {
  for (const origin of [
    '',
    'h.test',
    '/',
    'http://',
    'http://a b',
    5,
    null,
    {},
    ['http://h.test:x'],
  ]) {
    assert.ok((await refusal({ origin })) instanceof HawserError)
  }
  assert.match((await refusal({ origin: 'ftp://h.test' })).message, /^Unsupported URL scheme: ftp$/)
})

for (const path of ['', 'a', '?a', '*', 'h.test:80', 'http:/a', 'mailto:a@b', '.', '\\a']) {
  const message = path === '' ? /non-empty string/ : /must begin with a slash/
  refuses(`R1 invalid target: ${JSON.stringify(path)}`, { path }, message)
}
for (const path of [undefined, null, 5, {}, ['/'], new URL('http://h.test/')]) {
  test(`R1 invalid target: ${inspect(path)}`, async () => {
    assert.match(
      (await refusal({ path })).message,
      /^The request-target must be a non-empty string/,
    )
  })
}
for (const path of ['/#', '/a#b', '/a?b#c', 'http://h.test/#a']) {
  refuses(`R1 a target must not have a fragment: ${path}`, { path }, /must not contain a fragment/)
}
for (const path of [
  'http://u:p@h.test/',
  'http://u@h.test',
  'https://:@h.test/a',
  'http://a@b@c/',
]) {
  test(`R2 the absolute-form must not have userinfo: ${path}`, async () => {
    const { message } = await refusal({ path })
    assert.match(message, /^The request-target must not contain userinfo/)
    assert.doesNotMatch(message, /u:p/)
  })
}
for (const path of ['http://', 'http:///a', 'http://?a']) {
  refuses(`R2 the absolute-form must have a host: ${path}`, { path }, /^The request-target /)
}
for (const path of [
  '/',
  '*',
  'h.test',
  'h.test:',
  ':443',
  'h.test:x',
  'h.test:443/',
  'u@h.test:443',
  'http://h.test:443',
  'h.test:443?a',
]) {
  refuses(
    `R2 invalid target for CONNECT: ${path}`,
    { method: 'CONNECT', path },
    /^The request-target of CONNECT must be host:port/,
  )
}
refuses(
  'R2 the target * is only for OPTIONS',
  { method: 'GET', path: '*' },
  /must begin with a slash/,
)
refuses(
  'R2 the target * is only for OPTIONS in upper case',
  { method: 'options', path: '*' },
  /must begin with a slash/,
)

refuses('R3 two Host fields', { headers: ['host', 'a', 'Host', 'a'] }, /^Host is set twice/)
for (const host of ['a b', 'a/b', 'u@a', 'a?b', 'a#b', 'a\tb', 'http://a']) {
  refuses(
    `R3 invalid Host: ${JSON.stringify(host)}`,
    { headers: ['host', host] },
    /^Host must be a host/,
  )
}

for (const method of ['', ' ', 'GET ', ' GET', 'G,T', 'GET\u0000']) {
  refuses(
    `R5 invalid method: ${JSON.stringify(method)}`,
    { method },
    /^Invalid method ".*": expected a token/,
  )
}
for (const method of [
  5,
  true,
  {},
  ['GET'],
  ['HEAD'],
  { toString: () => 'GET' },
  1n,
  Symbol('GET'),
]) {
  test(`R5 invalid method: ${inspect(method)}`, async () => {
    assert.match((await refusal({ method })).message, /^The method /)
  })
}

refuses(
  'R4 a name without a value',
  { headers: ['a', '1', 'b'] },
  /^The flat list of headers has an odd length/,
)
refuses('R4 an empty name', { headers: ['', '1'] }, /^A header name must be a non-empty string/)
for (const value of [5, null, undefined, {}, ['1'], Symbol('a')]) {
  refuses(
    `R4 invalid value in a flat list: ${inspect(value)}`,
    { headers: ['a', value] },
    /^The value of header a must be a string/,
  )
}
test('R4 other forms of headers are a TypeError', async () => {
  for (const headers of ['a: b', 5, true, [['a']], [['a', 'b', 'c']], new Set(['ab']), [5]]) {
    const { name } = await refusal({ headers })
    assert.equal(name, 'TypeError', inspect(headers))
  }
})

const withLength = (value: string, request: UncheckedRequest = { body: 'hello' }) => ({
  ...request,
  headers: ['a', '1', 'Content-Length', value],
})
for (const value of [
  '',
  '+5',
  '-5',
  '5 ',
  ' 5',
  '5.0',
  '5e0',
  '0x5',
  '5, 5',
  '5,5',
  'five',
  '5\t',
  '9007199254740992',
  '1'.repeat(400),
]) {
  refuses(
    `R6, 23 Content-Length: ${JSON.stringify(value).slice(0, 30)}`,
    withLength(value),
    /^Content-Length must be a decimal number below 2\^53/,
  )
}
refuses(
  'R6, 23 a Content-Length shorter than the content',
  withLength('4'),
  /^Content-Length is 4, but the content has 5 bytes/,
)
refuses(
  'R6, 23 a Content-Length longer than the content',
  withLength('6'),
  /^Content-Length is 6, but the content has 5 bytes/,
)
refuses(
  'R6, 23 Content-Length without content',
  withLength('5', {}),
  /^Content-Length is 5, but there is no content/,
)
refuses(
  'R6, 23 two different Content-Length fields',
  { body: 'a', headers: ['Content-Length', '1', 'content-length', '2'] },
  /^Content-Length is set twice/,
)
refuses(
  'R6, 23 two equal Content-Length fields',
  { body: 'a', headers: { 'Content-Length': ['1', '1'] } },
  /^Content-Length is set twice/,
)
for (const headers of [
  ['Content-Length', '1', 'Transfer-Encoding', 'chunked'],
  ['transfer-encoding', 'chunked', 'content-length', '1'],
  ['Content-Length', '0', 'Transfer-Encoding', 'gzip, chunked'],
]) {
  refuses(`R6, 23 both framing fields: ${headers}`, { body: 'a', headers }, /cannot be combined/)
}
for (const value of [
  'gzip',
  'identity',
  'chunked, gzip',
  'chunked, chunked',
  'chunked,gzip,chunked',
  'xchunked',
  'chunkedx',
  'chunked;q=1',
  '"chunked"',
  'gzip chunked',
  'chunked chunked',
  'identity, chunked',
  'x, chunked',
  'gzip;q=1, chunked',
  'x;q="a, chunked',
  'gzip;q="a, chunked',
]) {
  refuses(
    `R6, 23 Transfer-Encoding: ${value}`,
    { body: 'a', headers: ['Transfer-Encoding', value] },
    /^Transfer-Encoding must list .*chunked once, as the last coding/,
  )
}
refuses(
  'R6, 23 chunked in two fields',
  { body: 'a', headers: ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'] },
  /must list chunked once/,
)
for (const option of [
  ...['Host', 'transfer-encoding', 'Content-Length', 'content-type', 'cache-control', 'expect'],
  ...['Authorization', 'COOKIE', 'proxy-authorization', 'X-Api-Key', 'X-Forwarded-For', 'Via'],
  ...['a b', 'a;b', '"te'],
]) {
  refuses(
    `R9, 23 Connection lists ${option}`,
    { headers: ['Connection', `keep-alive, ${option}`] },
    /^Connection must not list "/,
  )
}
refuses(
  'R6 Transfer-Encoding without content',
  { headers: ['Transfer-Encoding', 'chunked'] },
  /^Transfer-Encoding requires content/,
)
for (const body of [5, true, {}, new ArrayBuffer(1), () => 'a', Symbol('a')]) {
  refuses(`R6 invalid content: ${inspect(body)}`, { body }, /^body must be/)
}

refuses(
  'R8 TRACE with content',
  { method: 'TRACE', body: 'a' },
  /^A TRACE request must not have content/,
)
refuses(
  'R8 TRACE with empty content',
  { method: 'TRACE', body: '' },
  /^A TRACE request must not have content/,
)

for (const value of ['chunked', 'trailers, Chunked', 'gzip,chunked;q=1']) {
  refuses(`R9 TE: ${value}`, { headers: ['TE', value] }, /^TE must not list chunked/)
}

refuses(
  'R10 Expect without content',
  { headers: ['Expect', '100-continue'] },
  /^Expect: 100-continue requires content/,
)
for (const body of ['', new Uint8Array(0)]) {
  refuses(
    `R10 Expect with empty content, ${typeof body}`,
    { method: 'POST', body, headers: ['Expect', '100-continue'] },
    /^Expect: 100-continue requires content/,
  )
}
refuses(
  'R10 another expectation',
  { body: 'a', headers: ['Expect', 'more'] },
  /^Expect must be 100-continue/,
)

const NEVER_TRAILERS = [
  ...['Content-Length', 'Transfer-Encoding', 'Host', 'Connection', 'TE', 'Trailer', 'Upgrade'],
  ...['Expect', 'Max-Forwards', 'Range', 'Authorization', 'Proxy-Authorization', 'Cookie'],
  ...['Set-Cookie', 'Content-Encoding', 'Content-Type', 'Content-Range', 'Cache-Control'],
]
for (const name of NEVER_TRAILERS) {
  const message = new RegExp(`^${name.toLowerCase()} must not be a trailer`, 'i')
  refuses(
    `R11 ${name} must not be a trailer`,
    { body: 'a', trailers: { a: '1', [name]: '2' } },
    message,
  )
}
refuses('R11 trailers without content', { trailers: { a: '1' } }, /^Trailers require content/)
refuses(
  'R11 trailers with Content-Length',
  { body: 'a', headers: ['Content-Length', '1'], trailers: { a: '1' } },
  /^Trailers require chunked content/,
)

test('the error describes the first problem', async () => {
  const { message } = await refusal({ method: 'G T', path: 'x', headers: ['a b', '\n'] })
  assert.equal(message, 'Invalid method "G T": expected a token, such as GET')
})

test('no message contains a value or the text after a name, because it may be a secret', async () => {
  const secret = 'Bearer s3cret'
  for (const headers of [
    ['Authorization', `${secret}\n`],
    ['Authorization', `\n${secret}`],
    [`Authorization: ${secret}`, ''],
    ['Content-Length', secret],
    ['Transfer-Encoding', secret],
    ['Host', `${secret}`],
    ['Expect', secret],
  ]) {
    assert.doesNotMatch((await refusal({ body: 'a', headers })).message, /s3cret/)
  }
})

test('the cache of valid names is limited, because names can come from users', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const use = (from: number) => {
    for (let i = from; i < from + 100_000; i++) fieldsOf([`x-${i}-${'a'.repeat(100)}`, '1'])
    gc()
    return process.memoryUsage().heapUsed
  }
  const before = use(0)
  const growth = use(100_000) - before
  assert.ok(growth < 5_000_000, `${growth} bytes more`)
})

// --- 21

const HOST = versionAndHost('h.test')
const linear: [name: string, make: (size: number) => unknown, work: (input: never) => unknown][] = [
  ['a target', (size) => `/${'a'.repeat(size)}`, head.bind(null, 'GET')],
  ['a target with an invalid end', (size) => `/${'a'.repeat(size)} `, head.bind(null, 'GET')],
  ['a target without a slash', (size) => 'a'.repeat(size), head.bind(null, 'GET')],
  ['a scheme', (size) => `${'a+'.repeat(size / 2)}:`, head.bind(null, 'GET')],
  ['an absolute-form', (size) => `http://${'a'.repeat(size)}`, head.bind(null, 'GET')],
  ['an absolute-form of at signs', (size) => `http://${'@'.repeat(size)}`, head.bind(null, 'GET')],
  ['an absolute-form of colons', (size) => `http://${':'.repeat(size)}`, head.bind(null, 'GET')],
  ['digits for CONNECT', (size) => '1'.repeat(size), head.bind(null, 'CONNECT')],
  ['ports for CONNECT', (size) => `${':1'.repeat(size / 2)}x`, head.bind(null, 'CONNECT')],
  ['a port for CONNECT', (size) => `a:${'1'.repeat(size)}x`, head.bind(null, 'CONNECT')],
  [
    'a method',
    (size) => 'A'.repeat(size),
    (method) => attempt(() => requestHead(method, '/', HOST, null, 'none')),
  ],
  ['a value', (size) => ['a', 'b'.repeat(size)], fieldsOf],
  ['a value with an invalid end', (size) => ['a', `${'b'.repeat(size)}\n`], fieldsOf],
  ['a value of white space', (size) => ['a', ' \t'.repeat(size / 2)], fieldsOf],
  ['a name', (size) => ['b'.repeat(size), '1'], fieldsOf],
  ['a name with an invalid end', (size) => [`${'b'.repeat(size)} `, '1'], fieldsOf],
  [
    'many fields',
    (size) =>
      Array(size / 4)
        .fill(['a', '1'])
        .flat(),
    fieldsOf,
  ],
  [
    'many new fields',
    (size) => Array.from({ length: size / 4 }, (_, i) => [`a${i}`, '1']).flat(),
    fieldsOf,
  ],
  ['a list of options', (size) => ['Connection', 'a,'.repeat(size / 2)], fieldsOf],
  [
    'many options',
    (size) =>
      Array(size / 8)
        .fill(['Connection', 'a'])
        .flat(),
    fieldsOf,
  ],
  ['options of commas', (size) => ['Connection', ','.repeat(size)], fieldsOf],
  ['options of white space', (size) => ['Connection', ' '.repeat(size)], fieldsOf],
  [
    'a list of codings',
    (size) => ['Transfer-Encoding', `${'a,'.repeat(size / 2)}chunked`],
    fieldsOf,
  ],
  ['a Host', (size) => ['Host', 'a'.repeat(size)], fieldsOf],
  ['a Content-Length', (size) => ['Content-Length', '1'.repeat(size)], fieldsOf],
  ['zeros of a Content-Length', (size) => ['Content-Length', '0'.repeat(size)], fieldsOf],
  ['a TE', (size) => ['TE', 'a,'.repeat(size / 2)], fieldsOf],
  ['an Expect', (size) => ['Expect', '1'.repeat(size)], fieldsOf],
  [
    'trailers',
    (size) =>
      Array(size / 4)
        .fill(['a', '1'])
        .flat(),
    trailersOf,
  ],
  ['a trailer', (size) => ['a', 'b'.repeat(size)], trailersOf],
]
for (const [name, make, work] of linear) {
  test(`21 linear time for ${name}`, () => assertLinear(make as (size: number) => never, work))
}

function head(method: string, target: string): void {
  attempt(() => requestHead(method, target, HOST, null, 'none'))
}

function fieldsOf(headers: string[]): void {
  attempt(() => requestHead('POST', '/', HOST, headers, null))
}

function trailersOf(trailers: string[]): void {
  attempt(() => lastChunk(trailers))
}

function attempt(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof LocalProtocolError)
  }
}
