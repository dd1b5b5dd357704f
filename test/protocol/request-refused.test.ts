// Requests that HTTP does not allow: nothing is written, no name is looked up, no socket is opened,
// and `onError` hears what is wrong, once, after `dispatch` has returned. Hazards 19, 21 and 23.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { DispatchRequest } from '../../src/engine.ts'
import { HawserError, InvalidURL, LocalProtocolError } from '../../src/engine.ts'
import { hostField, lastChunk, requestHead } from '../../src/protocol/request-head.ts'
import { assertLinear } from '../support/growth.ts'
import { ORIGIN, Stage } from '../support/stage.ts'

type Given = { readonly [Name in keyof DispatchRequest]?: unknown }

/** What `onError` gets for a request; all else is checked. */
async function refusal(request: Given): Promise<Error> {
  const stage = new Stage()
  const call = stage.dispatch(request as Partial<DispatchRequest>)
  assert.deepEqual(call.events, [], 'told inside dispatch')
  await stage.clock.flush()
  await stage.clock.advance(120_000)
  assert.equal(call.events.length, 1, inspect(call.events))
  assert.equal(stage.backend.sockets.length, 0, 'a socket was opened')
  assert.equal(stage.backend.lookups.length, 0, 'a name was looked up')
  assert.deepEqual(call.violations, [])
  assert.ok(call.error instanceof Error)
  assert.equal(stage.pool.stats().origins, 0)
  await assert.rejects(
    stage.pool.request({ origin: ORIGIN, path: '/', ...request } as DispatchRequest),
    {
      name: call.error.name,
      message: call.error.message,
    },
  )
  assert.equal(stage.backend.sockets.length, 0, 'a socket was opened')
  await stage.done()
  return call.error
}

function refuses(title: string, request: Given, message: RegExp): void {
  test(title, async () => {
    const error = await refusal(request)
    assert.ok(error instanceof LocalProtocolError, inspect(error))
    assert.match(error.message, message)
    assert.deepEqual([error.phase, error.bytesSent, error.safeToRetry], ['queue', 0, false])
    const { method = 'GET', origin = ORIGIN, path = '/' } = request
    assert.deepEqual({ ...error.request }, { method, origin, path })
  })
}

/** Every character that may be in no head, and some that only look like others once cut to a byte. */
const NEVER = [
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
  make: (bad: string) => Given,
  message: RegExp,
][] = [
  [
    'method',
    [...NEVER, ' ', '\t', '\xe9', ':', '/'],
    (bad) => ({ method: `GE${bad}T` }),
    /^The method "GE/,
  ],
  [
    'target',
    [...NEVER, ' ', '\t'],
    (bad) => ({ path: `/a${bad}b` }),
    /^The request-target has ".*" at 2, /s,
  ],
  [
    'name',
    [...NEVER, ' ', '\t', '\xe9', ':', '"', '('],
    (bad) => ({ headers: [`X-A${bad}b`, '1'] }),
    /^Invalid character ".*" after "X-A" in a header name$/s,
  ],
  [
    'value',
    NEVER,
    (bad) => ({ headers: ['X-A', `1${bad}b`] }),
    /^Invalid character ".*" at index 1 in header X-A$/s,
  ],
  [
    'Host',
    NEVER,
    (bad) => ({ headers: ['Host', `a${bad}b`] }),
    /^Invalid character ".*" at index 1 in header Host$/s,
  ],
  [
    'Upgrade',
    NEVER,
    (bad) => ({ headers: ['Upgrade', `a${bad}b`] }),
    /^Invalid character ".*" at index 1 in header Upgrade$/s,
  ],
  [
    'Connection',
    NEVER,
    (bad) => ({ headers: ['Connection', `a${bad}b`] }),
    /^Invalid character ".*" at index 1 in header Connection$/s,
  ],
  [
    'Content-Length',
    NEVER,
    (bad) => ({ body: 'a', headers: ['Content-Length', `1${bad}`] }),
    /^Invalid character ".*" at index 1 in header Content-Length$/s,
  ],
  [
    'Transfer-Encoding',
    NEVER,
    (bad) => ({ body: 'a', headers: ['Transfer-Encoding', `chunked${bad}`] }),
    /^Invalid character ".*" at index 7 in header Transfer-Encoding$/s,
  ],
  [
    'trailer name',
    [...NEVER, ' ', ':'],
    (bad) => ({ body: 'a', trailers: { [`X-A${bad}b`]: '1' } }),
    /^Invalid character ".*" after "X-A" in a header name$/s,
  ],
  [
    'trailer value',
    NEVER,
    (bad) => ({ body: 'a', trailers: ['X-A', `1${bad}b`] }),
    /^Invalid character ".*" at index 1 in header X-A$/s,
  ],
]
for (const [what, bad, make, message] of places) {
  test(`19, R4 no character is injected by a ${what}`, async () => {
    for (const char of bad) {
      const error = await refusal(make(char))
      assert.ok(error instanceof LocalProtocolError, inspect(error))
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /[\0-\x1f]/, 'the message repeats it')
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
  test(`19 in whatever shape headers are given: ${shape}`, async () => {
    for (const char of NEVER) {
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

test('19 a name that was good once does not make another one good', async () => {
  const stage = new Stage()
  for (let i = 0; i < 3; i++) stage.dispatch({ headers: ['X-Known', '1'] })
  await stage.pool.close()
  for (const name of ['X-Known\r\n', 'X-Known ', 'X-Known:']) {
    assert.match(
      (await refusal({ headers: [name, '1'] })).message,
      /^Invalid character ".*" after "X-Known" in a header name$/s,
    )
  }
})

test('19 an origin is refused before it is parsed, since that would drop such characters', async () => {
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

test('R1 no userinfo, path, query or fragment in an origin', async () => {
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

test('what is no origin', async () => {
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
  refuses(`R1 not a target: ${JSON.stringify(path)}`, { path }, message)
}
for (const path of [undefined, null, 5, {}, ['/'], new URL('http://h.test/')]) {
  test(`R1 not a target: ${inspect(path)}`, async () => {
    assert.match(
      (await refusal({ path })).message,
      /^The request-target must be a non-empty string/,
    )
  })
}
for (const path of ['/#', '/a#b', '/a?b#c', 'http://h.test/#a']) {
  refuses(`R1 no fragment: ${path}`, { path }, /^The request-target has a fragment/)
}
for (const path of [
  'http://u:p@h.test/',
  'http://u@h.test',
  'https://:@h.test/a',
  'http://a@b@c/',
]) {
  test(`R2 no userinfo in the absolute-form: ${path}`, async () => {
    const { message } = await refusal({ path })
    assert.match(message, /^The request-target has userinfo/)
    assert.doesNotMatch(message, /u:p/)
  })
}
for (const path of ['http://', 'http:///a', 'http://?a']) {
  refuses(`R2 no host in the absolute-form: ${path}`, { path }, /^The request-target /)
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
    `R2 CONNECT to ${path}`,
    { method: 'CONNECT', path },
    /^The request-target of CONNECT must be host:port/,
  )
}
refuses('R2 * is for OPTIONS', { method: 'GET', path: '*' }, /must begin with a slash/)
refuses(
  'R2 * is for OPTIONS as it is written',
  { method: 'options', path: '*' },
  /must begin with a slash/,
)

refuses('R3 Host twice', { headers: ['host', 'a', 'Host', 'a'] }, /^Host is given twice/)
for (const host of ['a b', 'a/b', 'u@a', 'a?b', 'a#b', 'a\tb', 'http://a']) {
  refuses(
    `R3 not a Host: ${JSON.stringify(host)}`,
    { headers: ['host', host] },
    /^Host is not a host/,
  )
}

for (const method of ['', ' ', 'GET ', ' GET', 'G,T', 'GET\u0000']) {
  refuses(
    `R5 not a method: ${JSON.stringify(method)}`,
    { method },
    /^The method ".*" is not a token$/,
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
  test(`R5 not a method: ${inspect(method)}`, async () => {
    assert.match((await refusal({ method })).message, /^The method /)
  })
}

refuses(
  'R4 a name without a value',
  { headers: ['a', '1', 'b'] },
  /^A header at the end of the list has no value/,
)
refuses('R4 an empty name', { headers: ['', '1'] }, /^A header name must be a non-empty string/)
for (const value of [5, null, undefined, {}, ['1'], Symbol('a')]) {
  refuses(
    `R4 a value in a flat list: ${inspect(value)}`,
    { headers: ['a', value] },
    /^The value of header a must be a string/,
  )
}
test('R4 other shapes of headers are a TypeError', async () => {
  for (const headers of ['a: b', 5, true, [['a']], [['a', 'b', 'c']], new Set(['ab']), [5]]) {
    const { name } = await refusal({ headers })
    assert.equal(name, 'TypeError', inspect(headers))
  }
})

const length = (value: string, rest: Given = { body: 'hello' }) => ({
  ...rest,
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
    length(value),
    /^Content-Length is not a decimal number below 2\^53/,
  )
}
refuses(
  'R6, 23 a shorter Content-Length',
  length('4'),
  /^Content-Length is 4, and the content has 5 bytes/,
)
refuses(
  'R6, 23 a longer Content-Length',
  length('6'),
  /^Content-Length is 6, and the content has 5 bytes/,
)
refuses(
  'R6, 23 Content-Length without content',
  length('5', {}),
  /^Content-Length is 5, and there is no content/,
)
refuses(
  'R6, 23 Content-Length twice',
  { body: 'a', headers: ['Content-Length', '1', 'content-length', '2'] },
  /^Content-Length is given twice/,
)
refuses(
  'R6, 23 the same Content-Length twice',
  { body: 'a', headers: { 'Content-Length': ['1', '1'] } },
  /^Content-Length is given twice/,
)
for (const headers of [
  ['Content-Length', '1', 'Transfer-Encoding', 'chunked'],
  ['transfer-encoding', 'chunked', 'content-length', '1'],
  ['Content-Length', '0', 'Transfer-Encoding', 'gzip, chunked'],
]) {
  refuses(`R6, 23 both framing fields: ${headers}`, { body: 'a', headers }, /exclude each other/)
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
]) {
  refuses(
    `R6, 23 Transfer-Encoding: ${value}`,
    { body: 'a', headers: ['Transfer-Encoding', value] },
    /^Transfer-Encoding has to name chunked once, and last/,
  )
}
refuses(
  'R6, 23 chunked in two fields',
  { body: 'a', headers: ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'] },
  /chunked once, and last/,
)
refuses(
  'R6 Transfer-Encoding without content',
  { headers: ['Transfer-Encoding', 'chunked'] },
  /^Transfer-Encoding without content/,
)
for (const body of [5, true, {}, new ArrayBuffer(1), () => 'a', Symbol('a')]) {
  refuses(`R6 content that is none: ${inspect(body)}`, { body }, /^body must be/)
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
  refuses(`R9 TE: ${value}`, { headers: ['TE', value] }, /^TE must not name chunked/)
}

refuses(
  'R10 Expect without content',
  { headers: ['Expect', '100-continue'] },
  /^Expect: 100-continue needs content/,
)
for (const body of ['', new Uint8Array(0)]) {
  refuses(
    `R10 Expect with empty content, ${typeof body}`,
    { method: 'POST', body, headers: ['Expect', '100-continue'] },
    /^Expect: 100-continue needs content/,
  )
}
refuses(
  'R10 another expectation',
  { body: 'a', headers: ['Expect', 'more'] },
  /^Expect knows 100-continue alone/,
)

const NEVER_TRAILERS = [
  ...['Content-Length', 'Transfer-Encoding', 'Host', 'Connection', 'TE', 'Trailer', 'Upgrade'],
  ...['Expect', 'Max-Forwards', 'Range', 'Authorization', 'Proxy-Authorization', 'Cookie'],
  ...['Set-Cookie', 'Content-Encoding', 'Content-Type', 'Content-Range', 'Cache-Control'],
]
for (const name of NEVER_TRAILERS) {
  const message = new RegExp(`^${name.toLowerCase()} must not be a trailer`, 'i')
  refuses(`R11 ${name} is no trailer`, { body: 'a', trailers: { a: '1', [name]: '2' } }, message)
}
refuses('R11 trailers without content', { trailers: { a: '1' } }, /^Trailers without content/)
refuses(
  'R11 trailers with Content-Length',
  { body: 'a', headers: ['Content-Length', '1'], trailers: { a: '1' } },
  /^Trailers need chunks/,
)

test('the first thing that is wrong is said, whatever follows', async () => {
  const { message } = await refusal({ method: 'G T', path: 'x', headers: ['a b', '\n'] })
  assert.equal(message, 'The method "G T" is not a token')
})

test('no message repeats a value, or what a name is followed by: either may be a secret', async () => {
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

test('names that are remembered as good are bounded: a caller may make them up', () => {
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

const HOST = hostField('h.test')
const linear: [name: string, make: (size: number) => unknown, work: (input: never) => unknown][] = [
  ['a target', (size) => `/${'a'.repeat(size)}`, head.bind(null, 'GET')],
  ['a target that is bad at its end', (size) => `/${'a'.repeat(size)} `, head.bind(null, 'GET')],
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
  ['a value that is bad at its end', (size) => ['a', `${'b'.repeat(size)}\n`], fieldsOf],
  ['a value of blanks', (size) => ['a', ' \t'.repeat(size / 2)], fieldsOf],
  ['a name', (size) => ['b'.repeat(size), '1'], fieldsOf],
  ['a name that is bad at its end', (size) => [`${'b'.repeat(size)} `, '1'], fieldsOf],
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
  ['options of blanks', (size) => ['Connection', ' '.repeat(size)], fieldsOf],
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
  test(`21 linear: ${name}`, () => assertLinear(make as (size: number) => never, work))
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
