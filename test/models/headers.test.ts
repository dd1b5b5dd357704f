import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { LocalProtocolError } from '../../src/errors.ts'
import type { HeadersInit } from '../../src/models/headers.ts'
import { Headers } from '../../src/models/headers.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const received = (...lines: string[]) => Headers.fromRawHead(lines.join('\r\n'), 0)
const fields = [
  ['Accept', '*/*'],
  ['X-A', '1'],
  ['x-a', '2'],
] as const

const equivalents: [name: string, init: HeadersInit][] = [
  ['pairs', fields],
  ['an iterable of pairs', new Set(fields)],
  ['a flat list', fields.flat()],
  ['a record', { Accept: '*/*', 'X-A': '1', 'x-a': '2' }],
  ['a record without a prototype', Object.assign(Object.create(null), Object.fromEntries(fields))],
  ['other headers', new Headers(fields)],
  ['received headers', received('Accept: */*', 'X-A: 1', 'x-a: 2')],
]
for (const [name, init] of equivalents) {
  test(`created from ${name}`, () => {
    assert.deepEqual([...new Headers(init)], fields)
  })
}

test('created without fields', () => {
  for (const init of [undefined, null, {}, [], new Map(), new Headers()]) {
    assert.deepEqual([...new Headers(init)], [])
  }
})

test('created from the Headers of the runtime', () => {
  assert.equal(new Headers(new globalThis.Headers({ 'X-A': '1' })).get('x-a'), '1')
})

test('a record can have numbers and arrays; null and undefined are omitted', () => {
  const headers = new Headers({ n: 5, many: ['1', '2'], none: [], no: null, not: undefined })
  assert.deepEqual(headers.flat(), ['n', '5', 'many', '1', 'many', '2'])
})

test('a copy is independent, whether decoded or not', () => {
  for (const original of [new Headers({ a: '1' }), received('a: 1')]) {
    const copy = new Headers(original)
    copy.set('a', '2')
    copy.append('b', '3')
    assert.deepEqual(original.flat(), ['a', '1'])
    assert.deepEqual(copy.flat(), ['a', '2', 'b', '3'])
  }
})

test('any other value is a TypeError', () => {
  for (const init of [
    'a: b',
    5,
    true,
    [['a']],
    [['a', 'b', 'c']],
    new Set(['ab']),
    ['a'],
    [1, 2],
  ]) {
    assert.throws(() => new Headers(init as HeadersInit), TypeError)
  }
})

test('S6 names are case-insensitive', () => {
  const headers = new Headers({ 'Content-Type': 'text/plain' })
  for (const name of ['Content-Type', 'content-type', 'CONTENT-TYPE', 'cONTENT-tYPE']) {
    assert.equal(headers.get(name), 'text/plain')
    assert.ok(headers.has(name))
  }
  for (const name of ['content-typ', 'content-typf', 'content_type', 'Content-Type ', '']) {
    assert.equal(headers.get(name), null)
    assert.ok(!headers.has(name))
  }
})

test('S6 only the case of ASCII letters is ignored', () => {
  const headers = new Headers({ 'K^': '1', 'keep-alive': '2' })
  assert.equal(headers.get('k^'), '1')
  assert.equal(headers.get('k~'), null)
  assert.equal(headers.get('\u212aeep-alive'), null)
})

test('S6 names keep their case', () => {
  const headers = new Headers({ 'x-CaSe': '1' })
  assert.deepEqual([...headers.keys()], ['x-CaSe'])
  headers.set('X-cAsE', '2')
  assert.deepEqual([...headers.keys()], ['X-cAsE'])
})

test('S7 repeated fields keep their order and are joined by get', () => {
  const headers = received('Accept: a', 'X: 1', 'accept: b', 'ACCEPT: c')
  assert.equal(headers.get('accept'), 'a, b, c')
  assert.deepEqual(headers.getAll('Accept'), ['a', 'b', 'c'])
  assert.deepEqual(headers.getAll('none'), [])
  assert.deepEqual([...headers.values()], ['a', '1', 'b', 'c'])
})

test('S7 Set-Cookie is never joined', () => {
  const headers = received('Set-Cookie: a=1; Expires=Mon, 01 Jan 2024', 'SET-COOKIE: b=2')
  assert.equal(headers.get('set-cookie'), 'a=1; Expires=Mon, 01 Jan 2024')
  assert.deepEqual(headers.getSetCookie(), ['a=1; Expires=Mon, 01 Jan 2024', 'b=2'])
  assert.deepEqual(new Headers().getSetCookie(), [])
})

test('set replaces all headers with the name', () => {
  const headers = new Headers(['a', '1', 'b', '2', 'A', '3', 'c', '4'])
  headers.set('A', 5)
  assert.deepEqual(headers.flat(), ['A', '5', 'b', '2', 'c', '4'])
  headers.set('d', '6')
  assert.deepEqual(headers.flat().slice(-2), ['d', '6'])
})

test('append adds a header, delete removes all headers with the name', () => {
  const headers = received('a: 1', 'b: 2')
  headers.append('A', '3')
  assert.deepEqual(headers.flat(), ['a', '1', 'b', '2', 'A', '3'])
  assert.equal(headers.delete('a'), true)
  assert.equal(headers.delete('a'), false)
  assert.deepEqual(headers.flat(), ['b', '2'])
})

test('all ways to iterate give the same headers', () => {
  const headers = new Headers(fields)
  const calls: unknown[] = []
  headers.forEach((value, name, whole) => {
    calls.push([name, value, whole === headers])
  })
  assert.deepEqual(
    calls,
    fields.map(([name, value]) => [name, value, true]),
  )
  assert.deepEqual([...headers.entries()], fields)
  assert.deepEqual(headers.raw, fields)
  assert.deepEqual(headers.flat(), fields.flat())
})

test('only SP and HTAB around a value are removed', () => {
  const headers = received(
    'a:1',
    'b: \t 2 3\t ',
    'c:',
    'd: \t',
    'e: \u00a0x\u00a0 ',
    'f: http://a:80',
  )
  assert.deepEqual(headers.raw, [
    ['a', '1'],
    ['b', '2 3'],
    ['c', ''],
    ['d', ''],
    ['e', '\u00a0x\u00a0'],
    ['f', 'http://a:80'],
  ])
  assert.equal(new Headers({ a: '\t x\u00a0 ' }).get('a'), 'x\u00a0')
})

test('a received head is read from the given position', () => {
  const head = 'HTTP/1.1 200 a: b\r\nX: 1\r\nY: 2'
  assert.deepEqual(Headers.fromRawHead(head, head.indexOf('X')).raw, [
    ['X', '1'],
    ['Y', '2'],
  ])
  assert.deepEqual(Headers.fromRawHead('HTTP/1.1 200 OK\r\n', 17).raw, [])
  assert.deepEqual(Headers.fromRawHead('HTTP/1.1 200 OK', 17).raw, [])
  assert.deepEqual(Headers.fromRawHead('', 0).raw, [])
})

test('obs-text is kept', () => {
  const text = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('')
  assert.equal(received(`a: ${text}`).get('a'), text)
  assert.equal(new Headers({ a: text }).get('a'), text)
})

const tokens = "!#$%&'*+-.^_`|~019azAZ"
const refusedInName = Array.from({ length: 0x102 }, (_, code) => String.fromCharCode(code)).filter(
  (char) => !tokens.includes(char) && !/[0-9a-zA-Z]/.test(char),
)
const refusedInValue = Array.from({ length: 0x102 }, (_, code) => code)
  .filter((code) => (code < 32 && code !== 9) || code === 127 || code > 255)
  .map((code) => String.fromCharCode(code))

test('a name can contain every token character', () => {
  assert.equal(new Headers({ [tokens]: '1' }).get(tokens), '1')
})

test('19 every method refuses a name that is not a token', () => {
  for (const name of ['', ...refusedInName.flatMap((char) => [char, `${char}a`, `a${char}`])]) {
    refuses((headers) => headers.set(name, '1'))
    refuses((headers) => headers.append(name, '1'))
    refuses(() => new Headers({ [name]: '1' }))
    refuses(() => new Headers([[name, '1']]))
    refuses(() => new Headers(['a', '1', name, '1']))
  }
})

test('19 every method refuses a value with control characters or characters beyond latin1', () => {
  for (const value of refusedInValue.flatMap((char) => [
    char,
    `${char}a`,
    `a${char}`,
    `a${char}b`,
  ])) {
    refuses((headers) => headers.set('a', value))
    refuses((headers) => headers.append('a', value))
    refuses(() => new Headers({ a: value }))
    refuses(() => new Headers({ a: ['1', value] }))
    refuses(() => new Headers([['a', value]]))
    refuses(() => new Headers(['a', value]))
  }
})

test('a value that is neither a string nor a number is refused', () => {
  for (const value of [true, {}, null, undefined, 1n, Symbol('a'), ['1']]) {
    refuses((headers) => headers.set('a', value as string))
    refuses((headers) => headers.append('a', value as string))
  }
  refuses((headers) => headers.set(5 as unknown as string, '1'))
})

test('the message of a refusal contains the name, and never the value', () => {
  const message = (name: string, value: string) => {
    try {
      new Headers().set(name, value)
    } catch (error) {
      return (error as Error).message
    }
    return ''
  }
  assert.match(
    message('X-Token', 'secret\r\n'),
    /^Invalid character "\\r" at index 6 in header X-Token$/,
  )
  assert.match(
    message('X-Token: secret', ''),
    /^Invalid character ":" after "X-Token" in a header name$/,
  )
  assert.doesNotMatch(message('Authorization', 'Bearer secret\0'), /secret/)
  assert.doesNotMatch(message('Authorization: Bearer secret', 'a'), /secret/)
})

test('toJSON has lower-case names, and an array for a repeated header', () => {
  const headers = new Headers(['A', '1', 'b', '2', 'a', '3', 'A', '4'])
  assert.deepEqual({ ...headers.toJSON() }, { a: ['1', '3', '4'], b: '2' })
  assert.equal(JSON.stringify(headers), '{"a":["1","3","4"],"b":"2"}')
})

test('22 a header can have the name of a property of Object.prototype', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  const headers = received(...names.flatMap((name) => [`${name}: 1`, `${name}: 2`]))
  assert.equal(headers.get('__proto__'), '1, 2')
  const record = headers.toJSON()
  assert.equal(Object.getPrototypeOf(record), null)
  assert.deepEqual(
    Object.keys(record),
    names.map((name) => name.toLowerCase()),
  )
  assert.deepEqual(Object.values(record)[0], ['1', '2'])
  assert.equal(({} as Record<string, unknown>)['1'], undefined)
  assert.deepEqual([...new Headers(JSON.parse('{"__proto__":"1"}'))], [['__proto__', '1']])
  assert.equal(new Headers().get('constructor'), null)
})

test('22 a polluted Object.prototype adds no header', () => {
  withPollutedPrototype({ authorization: 'evil', length: 2, 0: 'evil' }, () => {
    const headers = new Headers({ a: '1' })
    assert.equal(headers.get('authorization'), null)
    assert.deepEqual(headers.flat(), ['a', '1'])
    assert.equal(headers.toJSON().authorization, undefined)
  })
})

test('inspect shows each header in its original case, without secrets', () => {
  const secrets = ['Authorization', 'PROXY-AUTHORIZATION', 'cookie', 'Set-Cookie', 'set-cookie']
  for (const name of secrets) {
    assert.equal(inspect(received(`${name}: password`)), `Headers { '${name}': '[secret]' }`)
  }
  const headers = received('Server: a', 'X: 1', "x: it's")
  assert.equal(inspect(headers), `Headers { 'Server': 'a', 'X': '1', 'x': "it's" }`)
  assert.equal(inspect(new Headers()), 'Headers {}')
  assert.equal(inspect({ headers }, { depth: 0 }), '{ headers: [Headers] }')
})

test('inspect shows a long list on several lines', () => {
  const headers = new Headers({ a: 'x'.repeat(40), b: 'y'.repeat(40) })
  const lines = inspect(headers).split('\n')
  assert.deepEqual(lines, [
    'Headers {',
    `  'a': '${'x'.repeat(40)}',`,
    `  'b': '${'y'.repeat(40)}'`,
    '}',
  ])
})

// Like the engine, creates one flat latin1 string.
const head = (text: string) =>
  Headers.fromRawHead(Buffer.from(text, 'latin1').toString('latin1'), 0)
const many = (line: string) => (size: number) =>
  head(
    Array(Math.ceil(size / (line.length + 2)))
      .fill(line)
      .join('\r\n'),
  )
const distinct = (size: number) =>
  head(
    Array.from({ length: size / 16 }, (_, i) => `x${String(i).padStart(9, '0')}: 1`).join('\r\n'),
  )

const heads: [name: string, make: (size: number) => Headers][] = [
  ['empty fields', many('a:')],
  ['equal names', many('Content-Typf: 1')],
  ['repeated names', many('Content-Type: 1')],
  ['distinct names', distinct],
  ['one long value', (size) => head(`a: ${'b'.repeat(size)}`)],
  ['one long name', (size) => head(`${'b'.repeat(size)}: 1`)],
  ['blanks only', (size) => head(`a: ${' '.repeat(size)}`)],
  ['blanks inside a value', (size) => head(`a: b${' \t'.repeat(size / 2)}b`)],
  ['colons', (size) => head(`a${':'.repeat(size)}`)],
]
const operations: [name: string, run: (headers: Headers) => unknown][] = [
  ['get', (headers) => headers.get('content-type')],
  ['getAll', (headers) => headers.getAll('content-type')],
  ['set', (headers) => headers.set('content-type', '1')],
  ['delete', (headers) => headers.delete('content-type')],
  ['toJSON', (headers) => headers.toJSON()],
  ['a copy of pairs', (headers) => new Headers(headers.raw)],
  ['a copy of the list', (headers) => new Headers(headers.flat())],
]
for (const [content, make] of heads) {
  for (const [name, run] of operations) {
    test(`21 linear: ${name}, ${content}`, () => assertLinear(make, run))
  }
}

function refuses(operation: (headers: Headers) => unknown): void {
  const headers = new Headers(['kept', '1'])
  assert.throws(() => operation(headers), LocalProtocolError)
  assert.deepEqual(headers.flat(), ['kept', '1'])
}
