import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { ParamsInit } from '../../src/client/params.ts'
import { combineParams, makeParams, mergeParams } from '../../src/client/params.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

function merged(href: string, params: ParamsInit): string {
  const url = new URL(href)
  mergeParams(url, makeParams(params))
  return url.href
}

describe('68 params are encoded as the query', () => {
  const cases: [params: ParamsInit, query: string][] = [
    [{}, ''],
    [{ a: undefined }, ''],
    [{ a: null }, ''],
    [{ a: [] }, ''],
    [{ a: '1' }, '?a=1'],
    [{ a: 1, b: true, c: false, d: 0, e: -1.5, f: '' }, '?a=1&b=true&c=false&d=0&e=-1.5&f='],
    [{ a: ['1', 2, true] }, '?a=1&a=2&a=true'],
    [{ a: ['1', undefined] }, '?a=1'],
    [{ a: 9007199254740993n, b: [0n, -1n] }, '?a=9007199254740993&b=0&b=-1'],
    [{ a: ['1', null, 2] }, '?a=1&a=2'],
    [{ a: [null, undefined] }, ''],
    [{ '': 'x' }, '?=x'],
    [{ 'a b': 'c d', 'ü&=': '€+%#?/' }, '?a+b=c+d&%C3%BC%26%3D=%E2%82%AC%2B%25%23%3F%2F'],
    [{ a: "*-._~'\ud800" }, '?a=*-._%7E%27%EF%BF%BD'],
    [
      [
        ['a', '1'],
        ['b', 2],
        ['a', true],
      ],
      '?a=1&b=2&a=true',
    ],
    [
      [
        ['a', null],
        ['b', undefined],
        ['a', '1'],
      ],
      '?a=1',
    ],
    [[], ''],
    [new Map([['a', '1']]), '?a=1'],
    [new URLSearchParams('a=1&b=2&a=3&c'), '?a=1&b=2&a=3&c='],
    [Object.assign(Object.create(null), { a: '1' }), '?a=1'],
    [JSON.parse('{"__proto__": "x", "constructor": "y"}'), '?__proto__=x&constructor=y'],
  ]
  for (const [params, query] of cases) {
    test(`${inspect(params)}: ${query}`, () => {
      assert.equal(merged('http://h/p#f', params), `http://h/p${query}#f`)
    })
  }
})

describe('68 params are merged into the query of the URL', () => {
  const cases: [query: string, params: ParamsInit, expected: string][] = [
    ['?a=1', { b: '2' }, '?a=1&b=2'],
    ['?a=1', {}, '?a=1'],
    ['?', {}, '?'],
    ['?', { a: 1 }, '?a=1'],
    ['?', { a: null }, '?'],
    ['?a=1', { a: [null] }, ''],
    ['?a=1&b=2', { a: ['x', null] }, '?a=x&b=2'],
    ['?a=1', { a: '2' }, '?a=2'],
    ['?a=1&b=2&a=3&c=4&a', { a: ['x', 'y'], d: 5 }, '?a=x&a=y&b=2&c=4&d=5'],
    ['?a=1&b=2&a=3', { a: null }, '?b=2'],
    ['?a=1&b=2&a=3', { a: [] }, '?b=2'],
    ['?a=1&b=2', { a: undefined }, '?a=1&b=2'],
    ['?a=1', { a: null }, ''],
    [
      '?c=0&a=0',
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
        ['c', 4],
      ],
      '?c=4&a=1&a=3&b=2',
    ],
    // Other parts stay unchanged, byte for byte.
    [
      '?x=%7e~%7E+%20*!$(),;:@/?%zz%&y&&=&=z&%&é',
      { b: 1 },
      '?x=%7e~%7E+%20*!$(),;:@/?%zz%&y&&=&=z&%&%C3%A9&b=1',
    ],
    ['??a=1&?b', { b: 1 }, '??a=1&?b&b=1'],
    ['??a=1', { '?a': 2 }, '?%3Fa=2'],
    ['?&a=1&&b=2&', { a: 2 }, '?&a=2&&b=2&'],
    ['?=x&&a', { '': 'y' }, '?=y&&a'],
    ['?&&', { '': null }, '?&&'],
    // Names are compared after decoding.
    ['?a+b=1&a%20b=2&%61%20%62=3', { 'a b': 'x' }, '?a+b=x'],
    ['?%C3%A9=1&%c3%a9=2&é=3', { é: 'x' }, '?%C3%A9=x'],
    ['?a%3Db=1&a=b=2', { 'a=b': 'x' }, '?a%3Db=x&a=b=2'],
    ['?a%26b=1', { 'a&b': 'x' }, '?a%26b=x'],
    ['?a=1&A=2', { a: 'x' }, '?a=x&A=2'],
    ['?%zz=1&%=2&%E9=3', { '%zz': 'x', '%': 'y' }, '?%25zz=x&%25=y&%E9=3'],
    ['?__proto__=1', JSON.parse('{"__proto__":"x"}'), '?__proto__=x'],
    ['?toString=1', { a: 1 }, '?toString=1&a=1'],
  ]
  for (const [query, params, expected] of cases) {
    test(`${query} and ${inspect(params)}`, () => {
      assert.equal(merged(`http://h/p${query}#f`, params), `http://h/p${expected}#f`)
    })
  }

  test('10,000 params', () => {
    const query = Array.from({ length: 10_000 }, (_, i) => `k%2B${i}=old`).join('&')
    const params = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k+${i}`, i]))
    const expected = Array.from({ length: 10_000 }, (_, i) => `k%2B${i}=${i}`).join('&')
    assert.equal(merged(`http://h/?${query}`, params), `http://h/?${expected}`)
  })

  const hostile: [title: string, make: (size: number) => string][] = [
    ['ampersands', (size) => '&'.repeat(size)],
    ['one name', (size) => 'a&'.repeat(size / 2)],
    ['one name encoded', (size) => '%61&'.repeat(size / 4)],
    ['one long name', (size) => '+'.repeat(size)],
    ['distinct names', (size) => Array.from({ length: size / 8 }, (_, i) => `k${i}=`).join('&')],
  ]
  for (const [title, make] of hostile) {
    test(`21 linear: ${title}`, () => {
      const params = makeParams({ a: [1, 2], k1: 3 })
      assertLinear(
        (size) => new URL(`http://h/?${make(size)}`),
        (url) => mergeParams(url, params),
      )
    })
  }

  test('21 linear: many in the URL, and as many params', () => {
    const names = (size: number) =>
      Array.from({ length: size / 64 }, (_, i): [string, string] => [`k${i}`, 'x'])
    assertLinear(
      (size) => ({
        url: new URL(`http://h/?${new URLSearchParams(names(size))}`),
        params: names(size),
      }),
      ({ url, params }) => mergeParams(url, makeParams(params)),
    )
  })
})

describe('params of client and request', () => {
  const cases: [client: ParamsInit | null, request: ParamsInit | null, query: string][] = [
    [null, null, '?u=0'],
    [{ a: 1 }, null, '?u=0&a=1'],
    [null, { a: 1 }, '?u=0&a=1'],
    [{ a: 1, b: 2 }, { b: 3, c: 4 }, '?u=0&a=1&b=3&c=4'],
    [{ a: [1, 2] }, { a: 3 }, '?u=0&a=3'],
    [{ a: 1, b: 2 }, { a: null }, '?u=0&b=2'],
    [{ a: 1 }, { a: undefined }, '?u=0&a=1'],
    [{ u: 1 }, { a: 2 }, '?u=1&a=2'],
    [{ u: 1 }, { u: null }, ''],
    [{ u: null }, { a: 2 }, '?a=2'],
    [{ u: null }, { u: 3 }, '?u=3'],
  ]
  for (const [client, request, query] of cases) {
    test(`${inspect(client)} and ${inspect(request)}`, () => {
      const params = combineParams(client && makeParams(client), request && makeParams(request))
      const url = new URL('http://h/?u=0')
      if (params !== null) mergeParams(url, params)
      assert.equal(url.href, `http://h/${query}`)
    })
  }

  test('are independent of the object from which they were made', () => {
    const given = { a: ['1'] }
    const params = makeParams(given)
    given.a.push('2')
    const url = new URL('http://h/')
    mergeParams(url, params)
    assert.equal(url.href, 'http://h/?a=1')
  })
})

describe('invalid params', () => {
  const cases: [params: unknown, message: RegExp][] = [
    ['a=secret', /^params must be an object or pairs, not string$/],
    [null, /not null$/],
    [5, /not number$/],
    [() => {}, /not function$/],
    [{ a: {} }, /^params\.a must be a string, a number, a bigint or a boolean, not Object$/],
    [{ a: () => {} }, /not function$/],
    [{ a: Symbol('secret') }, /not symbol$/],
    [{ a: ['1', {}] }, /not Object$/],
    [{ a: [['1']] }, /not Array$/],
    [{ a: new Date(0) }, /not Date$/],
    [['a'], /^Each item of params must be a pair \[name, value\]$/],
    [[['a']], /a pair \[name/],
    [[['a', '1', '2']], /a pair \[name/],
    [[[1, 'a']], /a pair \[name/],
    [new Set(['ab']), /a pair \[name/],
    [[['a', {}]], /^params\.a must be/],
  ]
  for (const [params, message] of cases) {
    test(inspect(params), () => {
      assert.throws(
        () => makeParams(params as ParamsInit),
        (error) =>
          error instanceof TypeError &&
          message.test(error.message) &&
          !error.message.includes('secret'),
      )
    })
  }

  test('22 a polluted Object.prototype adds no params', () => {
    withPollutedPrototype({ evil: 'yes', a: 'yes' }, () => {
      assert.equal(merged('http://h/?b=1', { c: '2' }), 'http://h/?b=1&c=2')
    })
  })
})
