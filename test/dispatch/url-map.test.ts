import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { UrlMap } from '../../src/dispatch/url-map.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

/** The key whose value is found for a URL. */
function keyFor(keys: readonly string[], url: string): string | undefined {
  const entries = Object.fromEntries(keys.map((key) => [key, key]))
  return new UrlMap('mounts', entries).lookup(new URL(url))
}

describe('the most specific key wins', () => {
  const keys = [
    'https://a.test:444',
    'https://a.test',
    'all://a.test:444',
    'all://a.test',
    'all://*.a.test:444',
    'all://*.b.test',
    'https://*.test',
    'all://*.test',
    'all://*:9000',
    'https',
    'all',
  ]
  const cases: [url: string, key: string][] = [
    ['https://a.test:444/path?q#f', 'https://a.test:444'],
    ['https://a.test', 'https://a.test'],
    ['https://a.test:445', 'https://a.test'],
    ['http://a.test:444', 'all://a.test:444'],
    ['http://a.test', 'all://a.test'],
    ['http://www.a.test:444', 'all://*.a.test:444'],
    ['https://www.b.test', 'all://*.b.test'],
    ['https://www.a.test', 'https://*.test'],
    ['http://www.a.test', 'all://*.test'],
    ['http://b.example:9000', 'all://*:9000'],
    ['https://b.example:9000', 'all://*:9000'],
    ['https://b.example', 'https'],
    ['http://b.example', 'all'],
  ]
  for (const order of [keys, keys.toReversed()]) {
    test(order === keys ? 'in the given order' : 'in reverse order', () => {
      for (const [url, key] of cases) assert.equal(keyFor(order, url), key, url)
    })
  }

  test('the next one, if the most specific one is removed', () => {
    for (const remaining of [[...keys], keys.toReversed()]) {
      const found = keys.slice(0, 4).map(() => {
        const key = keyFor(remaining, 'https://a.test:444')
        remaining.splice(remaining.indexOf(key!), 1)
        return key
      })
      assert.deepEqual(found, keys.slice(0, 4))
    }
  })
})

describe('which URLs a key matches', () => {
  const cases: [key: string, url: string, found: boolean][] = [
    ['all', 'http://a.test', true],
    ['http', 'https://a.test', false],
    ['http://', 'http://a.test', true],
    ['all://', 'https://a.test', true],
    ['http://*', 'http://a.test', true],
    ['http://*', 'https://a.test', false],
    ['HTTP://A.Test', 'http://a.test', true],
    ['http://a.test/', 'http://a.test/path', true],
    ['http://a.test', 'http://a.test:8080', true],
    ['http://a.test', 'http://www.a.test', false],
    ['http://a.test', 'http://a.test.evil', false],
    // The default port of the scheme counts as a port.
    ['http://a.test:80', 'http://a.test', true],
    ['http://a.test:80', 'http://a.test:81', false],
    ['all://a.test:443', 'https://a.test', true],
    ['all://a.test:443', 'http://a.test', false],
    ['all://a.test:80', 'https://a.test', false],
    ['all://a.test', 'http://a.test.', true],
    ['all://a.test.', 'http://a.test', true],
    ['all://localhost', 'http://localhost.:3000', true],
    ['all://localhost', 'http://127.0.0.1', false],
    ['all://bücher.test', 'http://xn--bcher-kva.test', true],
    ['all://127.1', 'http://127.0.0.1', true],
    ['all://127.0.0.1', 'http://0x7f.1', true],
    ['all://[::1]', 'http://[0:0::1]:81', true],
    ['all://[0:0:0::1]:81', 'http://[::1]:81', true],
    ['all://[::1]:81', 'http://[::1]', false],
    ['all://*.internal', 'http://a.internal', true],
    ['all://*.internal', 'https://a.b.internal:81', true],
    ['all://*.internal', 'http://internal', false],
    ['all://*.internal', 'http://a.internal.evil', false],
    ['all://*.internal', 'http://.internal', false],
    ['all://*.INTERNAL.', 'http://a.internal.', true],
    ['all://*.bücher.test', 'http://a.xn--bcher-kva.test', true],
    ['all://*a.test', 'http://a.test', true],
    ['all://*a.test', 'http://b.a.test', true],
    ['all://*a.test', 'http://ba.test', false],
    ['all://*a.*', 'http://a.test', true],
    ['all://*a.*', 'http://ba.test', false],
    ['all://api-*.test', 'http://api-1.test', true],
    ['all://api-*.test', 'http://api-.test', false],
    ['all://api-*.test', 'http://api-1.tests', false],
    ['all://10.0.0.*', 'http://10.0.0.7', true],
    ['all://10.0.0.*', 'http://10.0.1.7', false],
    ['all://a*b*c', 'http://a1b2c', true],
    ['all://a*b*c', 'http://abbc', false],
    ['all://a*b*c', 'http://a1bb2bc', true],
    ['all://aa*aa', 'http://aaa', false],
    ['all://*:8080', 'http://a.test:8080', true],
    ['all://*:8080', 'http://a.test', false],
  ]
  for (const [key, url, found] of cases) {
    test(`${key} ${found ? 'matches' : 'does not match'} ${url}`, () => {
      assert.equal(keyFor([key], url), found ? key : undefined)
    })
  }
})

describe('an invalid key', () => {
  const keys = [
    '',
    '*',
    'a.test',
    'a.test:80',
    'ftp',
    'ftp://a.test',
    'httpx://a.test',
    '://a.test',
    '//a.test',
    'http:',
    'http:/a.test',
    'http:///',
    'http://:80',
    'http://a.test:',
    'http://a.test:65536',
    'http://a.test:8o',
    'http://a.test:*',
    'http://a.test:80:80',
    'http://a.test/path',
    'http://a.test//',
    'http://a.test?q',
    'http://a.test#f',
    'http://a.test\\',
    'http://a b',
    'http://a\n.test',
    'http://a.test\n',
    ' http://a.test',
    'http://.',
    'http://%',
    'http://[::1',
    'http://::1',
    'http://[a.test]',
    'http://[fd00:*]',
    'http://1.2.3.4.5',
    'http://256.0.0.1',
    'all://*bücher.test',
    'no_proxy',
    'constructor',
  ]
  for (const key of keys) {
    test(JSON.stringify(key), () => {
      assert.throws(
        () => new UrlMap('mounts', { http: 1, [key]: 2 }),
        (error) => error instanceof TypeError && error.message.startsWith('mounts["'),
      )
    })
  }

  test('is named in the message, without its password', () => {
    assert.throws(() => new UrlMap('proxies', { 'ftp://a.test': 1 }), {
      name: 'TypeError',
      message: /^proxies\["ftp:\/\/a\.test"\]: expected scheme:\/\/host:port, /,
    })
    for (const key of ['http://user:hunter2@a.test', 'http://user:hunter2@[::1']) {
      assert.throws(
        () => new UrlMap('proxies', { [key]: 1 }),
        (error) => error instanceof TypeError && !error.message.includes('hunter2'),
      )
    }
  })

  test('equivalent keys are refused', () => {
    for (const [one, other] of [
      ['http', 'HTTP'],
      ['all', 'all://*'],
      ['http://a.test', 'http://A.test./'],
      ['all://[::1]:80', 'all://[0::1]:080'],
    ] as const) {
      assert.throws(
        () => new UrlMap('mounts', { [one]: 1, [other]: 2 }),
        (error) => error instanceof TypeError && error.message.includes('matches the same URLs as'),
      )
    }
  })
})

test('null is a value, undefined is not', () => {
  const map = new UrlMap<number | null>('proxies', {
    all: 1,
    https: undefined,
    'all://a.test': null,
    'http://a.test': undefined,
    nonsense: undefined,
  })
  assert.equal(map.lookup(new URL('http://a.test')), null)
  assert.equal(map.lookup(new URL('https://b.test')), 1)
})

test('an empty map does not read the URL', () => {
  const untouchable = new Proxy({} as URL, { get: () => assert.fail() })
  assert.equal(new UrlMap('mounts', {}).lookup(untouchable), undefined)
  assert.equal(new UrlMap('mounts', { all: undefined }).lookup(untouchable), undefined)
})

test('22 a polluted Object.prototype changes nothing', () => {
  const pollution = {
    all: 1,
    'http://a.test': 1,
    scheme: 'http',
    host: 'a.test',
    port: 80,
    value: 1,
  }
  const empty = withPollutedPrototype(pollution, () => new UrlMap('mounts', {}))
  const one = withPollutedPrototype(pollution, () => new UrlMap('mounts', { 'all://b.test': 2 }))
  for (const map of [empty, one]) {
    const url = new URL('http://a.test')
    assert.equal(
      withPollutedPrototype(pollution, () => map.lookup(url)),
      undefined,
    )
  }
})

test('a host named __proto__ or constructor', () => {
  assert.equal(keyFor(['all://a.test'], 'http://__proto__'), undefined)
  assert.equal(keyFor(['all://a.test'], 'http://constructor'), undefined)
  assert.equal(keyFor(['all://constructor'], 'http://constructor'), 'all://constructor')
})

test('21 linear time for a long host', () => {
  const map = new UrlMap('mounts', { 'all://a*b*c*d*.test': 1, 'all://*a.test': 2, 'all://*.x': 3 })
  for (const piece of ['ab', 'abcd', '.', 'a.']) {
    assertLinear(
      (size) => new URL(`http://a${piece.repeat(size / piece.length)}.tes`),
      (url) => map.lookup(url),
    )
  }
})
