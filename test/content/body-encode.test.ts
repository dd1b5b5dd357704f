import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { BodyOptions, FormInit } from '../../src/content/body-options.ts'
import { lengthOf } from '../../src/content/content.ts'
import { encodeBody } from '../../src/content/encode-body.ts'
import type { Body } from '../../src/models/request.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'

/** The result for content in memory. It needs no Content-Length, which the engine adds. */
function inMemory(content: Body, contentType: string | null) {
  return { content, contentType }
}

describe('encodeBody', () => {
  const bytes = Buffer.from('bytes')
  const cases: [options: BodyOptions, encoded: ReturnType<typeof encodeBody>][] = [
    [{}, null],
    [{ content: null }, null],
    [{ content: undefined, json: undefined, data: null, files: undefined }, null],
    [{ content: '' }, inMemory('', null)],
    [{ content: 'text' }, inMemory('text', null)],
    [{ content: bytes }, inMemory(bytes, null)],
    [{ json: { a: [1, 'é'] } }, inMemory('{"a":[1,"é"]}', JSON_TYPE)],
    [{ json: null }, inMemory('null', JSON_TYPE)],
    [{ json: false }, inMemory('false', JSON_TYPE)],
    [{ json: '' }, inMemory('""', JSON_TYPE)],
    [{ data: {} }, null],
    [{ data: { a: undefined, b: [] } }, null],
    [{ data: [] }, null],
    [{ data: new URLSearchParams() }, null],
    [{ files: {} }, null],
    [{ files: [] }, null],
    [{ files: { a: null } }, null],
    [{ data: {}, files: {} }, null],
    [{ data: { a: '1' }, files: {} }, inMemory('a=1', FORM)],
    [{ data: { a: '1', b: 2, c: true, d: 3n } }, inMemory('a=1&b=2&c=true&d=3', FORM)],
    [{ data: { a: null, b: undefined, c: '' } }, inMemory('a=&c=', FORM)],
    [{ data: { a: ['1', 2, null, undefined], b: 'x' } }, inMemory('a=1&a=2&b=x', FORM)],
    [{ data: { a: [null], b: [] } }, null],
    [{ data: { a: 9007199254740993n, b: [1n] } }, inMemory('a=9007199254740993&b=1', FORM)],
    [{ data: [['a', '1'] as const, ['b', [2, 3]], ['a', '4']] }, inMemory('a=1&b=2&b=3&a=4', FORM)],
    [{ data: new Map([['a', 1]]) }, inMemory('a=1', FORM)],
    [{ data: new URLSearchParams('a=1&a=%20') }, inMemory('a=1&a=+', FORM)],
    [{ data: { 'a b': 'é&=+~*', '': '' } }, inMemory('a+b=%C3%A9%26%3D%2B%7E*&=', FORM)],
    [{ data: { a: '\r\n\0' } }, inMemory('a=%0D%0A%00', FORM)],
    [{ data: JSON.parse('{"__proto__": "x"}') }, inMemory('__proto__=x', FORM)],
    [{ data: Object.assign(Object.create(null), { a: '1' }) }, inMemory('a=1', FORM)],
  ]
  for (const [options, encoded] of cases) {
    test(inspect(options, { breakLength: Infinity }), () => {
      assert.deepEqual(encodeBody(options, null), encoded)
      // A Content-Type that the caller gave is kept.
      const withoutType = encoded && { ...encoded, contentType: null }
      assert.deepEqual(encodeBody(options, 'x/y'), withoutType)
      assert.deepEqual(encodeBody(options, ''), withoutType)
    })
  }

  test('strings and bytes are returned unchanged', () => {
    assert.equal(encodeBody({ content: bytes }, null)?.content, bytes)
  })

  test('a Blob has a length, and its type is used unless the caller gave one', () => {
    const content = new Blob(['abc'], { type: 'text/x' })
    const encoded = encodeBody({ content }, null)
    assert.equal(lengthOf(encoded?.content ?? null), 3)
    assert.equal(encoded?.contentType, 'text/x')
    assert.equal(encodeBody({ content }, 'x/y')?.contentType, null)
    assert.equal(encodeBody({ content: new Blob(['abc']) }, null)?.contentType, null)
  })

  test('a stream has no length and no type', () => {
    const encoded = encodeBody({ content: Readable.from(['a']) }, null)
    assert.ok(encoded)
    assert.equal(lengthOf(encoded.content), null)
    assert.equal(encoded.contentType, null)
  })
})

describe('two bodies are refused', () => {
  const parts = {
    content: 'secret',
    json: { a: 'secret' },
    data: { a: 'secret' },
    files: { a: 'secret' },
  }
  const pairs: [one: keyof typeof parts, other: keyof typeof parts][] = [
    ['content', 'json'],
    ['content', 'data'],
    ['content', 'files'],
    ['json', 'data'],
    ['json', 'files'],
  ]
  for (const [one, other] of pairs) {
    test(`${one} and ${other}`, () => {
      const options = { [other]: parts[other], [one]: parts[one] } as BodyOptions
      assert.throws(() => encodeBody(options, null), {
        name: 'TypeError',
        message: `${one} and ${other} cannot be combined: a request has one body`,
      })
    })
  }

  const empty: BodyOptions[] = [
    { content: '', json: 1 } as never,
    { content: 'x', json: null } as never,
    { content: '', data: {} } as never,
    { json: null, data: {} } as never,
    { json: 0, files: {} } as never,
  ]
  for (const options of empty) {
    test(`also if one is empty: ${inspect(options)}`, () => {
      assert.throws(() => encodeBody(options, null), TypeError)
    })
  }

  test('null and undefined do not count, except for json: null', () => {
    const options = { content: null, json: undefined, data: null, files: null }
    for (const [name, value] of Object.entries(parts)) {
      assert.ok(encodeBody({ ...options, [name]: value } as BodyOptions, null))
    }
  })
})

describe('values that cannot be sent', () => {
  const ring: Record<string, unknown> = {}
  ring.ring = ring
  const wrong: [options: unknown, message: RegExp][] = [
    [{ json: () => {} }, /json must be a value that JSON can represent, not function/],
    [{ json: Symbol('x') }, /json must be a value that JSON can represent, not symbol/],
    [{ json: { toJSON() {} } }, /json must be a value that JSON can represent/],
    [{ json: ring }, /circular|cyclic/],
    [{ json: 1n }, /BigInt/],
    [{ content: 7 }, /content must be .* not number/],
    [{ data: 'secret' }, /data must be an object or pairs, not string; use content/],
    [{ data: Buffer.from('secret') }, /data must be .* not Uint8Array; use content/],
    [{ data: new ArrayBuffer(1) }, /not ArrayBuffer; use content/],
    [{ data: new Blob(['secret']) }, /not Blob; use content/],
    [{ data: Readable.from(['secret']) }, /not Object; use content/],
    [{ data: new Blob([]).stream() }, /not ReadableStream; use content/],
    [{ data: 7 }, /data must be an object or pairs, not number$/],
    [{ data: () => {} }, /not function$/],
    [{ data: Promise.resolve({ a: 'secret' }) }, /not Promise$/],
    [{ data: new Date() }, /not Date$/],
    [{ data: ['ab', 'cd'] }, /data must contain \[name, value\] pairs/],
    [{ data: [['a']] }, /data must contain/],
    [{ data: [['a', 'b', 'c']] }, /data must contain/],
    [{ data: [[7, 'b']] }, /data must contain/],
    [{ data: { a: { b: 'secret' } } }, /data\.a must be a string, .* not Object$/],
    [{ data: { a: [['secret']] } }, /data\.a must be .* not Array$/],
    [{ data: { a: () => {} } }, /data\.a must be .* not function$/],
    [{ data: { a: Symbol('secret') } }, /data\.a must be .* not symbol$/],
    [{ data: { a: new Date() } }, /data\.a must be .* not Date$/],
    [{ data: { a: Buffer.from('secret') } }, /data\.a must be .*; use files to send it$/],
    [{ data: { a: new Blob(['secret']) } }, /data\.a must be .*; use files to send it$/],
  ]
  for (const [options, message] of wrong) {
    test(String(message), () => {
      assert.throws(
        () => encodeBody(options as BodyOptions, null),
        (error) => {
          assert.ok(error instanceof TypeError, String(error))
          assert.match(error.message, message)
          assert.doesNotMatch(error.message, /secret/)
          return true
        },
      )
    })
  }
})

test('22 a polluted prototype adds no body and no fields', () => {
  const polluted = { content: 'x', json: 1, data: { a: 1 }, files: { a: 'x' }, evil: 'x', '0': 'x' }
  withPollutedPrototype(polluted, () => {
    assert.equal(encodeBody({}, null), null)
    assert.deepEqual(encodeBody({ json: [] }, null), inMemory('[]', JSON_TYPE))
    assert.deepEqual(encodeBody({ data: { a: '1' } }, null), inMemory('a=1', FORM))
    assert.deepEqual(encodeBody({ data: [['a', '1']] }, null), inMemory('a=1', FORM))
  })
})

test('21 large forms are encoded in linear time', () => {
  assertLinear<FormInit>(
    (size) => Array.from({ length: size / 10 }, (_, i) => [`name${i}`, 'value'] as const),
    (data) => encodeBody({ data }, null),
  )
  assertLinear(
    (size) => '&=%\r\n'.repeat(size / 5),
    (value) => encodeBody({ data: { [value]: value } }, null),
  )
})
