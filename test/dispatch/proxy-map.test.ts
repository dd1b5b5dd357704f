import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProxiesInit } from '../../src/dispatch/proxies/proxy-map.ts'
import { proxyMap } from '../../src/dispatch/proxies/proxy-map.ts'
import { InvalidURL } from '../../src/errors.ts'
import { HTTPProxy } from '../../src/models/proxy.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

function routes(given: ProxiesInit, ...urls: string[]) {
  const map = proxyMap(given)
  return urls.map((url) => map.lookup(new URL(url)))
}

function hosts(given: ProxiesInit, ...urls: string[]) {
  return routes(given, ...urls).map((proxy) => (proxy ? new URL(proxy.url).host : null))
}

const http = 'http://a.test'
const https = 'https://a.test'

test('one proxy for all URLs', () => {
  const proxy = new HTTPProxy('http://p.test:1')
  assert.deepEqual(hosts('http://p.test:1', http, https), ['p.test:1', 'p.test:1'])
  assert.deepEqual(hosts(new URL('http://p.test:1'), http, https), ['p.test:1', 'p.test:1'])
  assert.deepEqual(routes(proxy, http, https), [proxy, proxy])
  assert.equal(routes(proxy, http)[0], proxy)
})

test('no proxy', () => {
  for (const given of [null, {}, { all: null }, { http: null, https: undefined }]) {
    assert.deepEqual(hosts(given, http, https), [null, null])
  }
})

test('one proxy per pattern, in every form', () => {
  const proxy = new HTTPProxy('http://p.test:3')
  const given = {
    http: 'http://p.test:1',
    all: new URL('http://p.test:2'),
    'all://b.test': proxy,
    'https://internal': null,
    'http://internal': undefined,
  }
  assert.deepEqual(
    hosts(given, http, https, 'http://b.test', 'https://internal', 'http://internal'),
    ['p.test:1', 'p.test:2', 'p.test:3', null, 'p.test:1'],
  )
})

test('equal URLs share one proxy', () => {
  const given = { http: 'http://p.test', https: 'http://p.test', 'all://b.test': 'http://q.test' }
  const [a, b, c] = routes(given, http, https, 'http://b.test')
  assert.equal(a, b)
  assert.notEqual(a, c)
})

test('a record without a prototype', () => {
  assert.deepEqual(hosts(Object.assign(Object.create(null), { all: 'http://p.test' }), http), [
    'p.test',
  ])
})

describe('an invalid proxy', () => {
  const values: [unknown, RegExp][] = [
    [5, /not number$/],
    [true, /not boolean$/],
    [[], /not Array$/],
    [new Map(), /not Map$/],
    [() => {}, /not function$/],
    [{ url: 'http://user:hunter2@p.test' }, /not Object$/],
  ]
  for (const [value, shown] of values) {
    test(String(shown), () => {
      const isRecord = shown.source.includes('Object')
      const given = [{ 'all://a.test': value }, ...(isRecord ? [] : [value])]
      for (const each of given) {
        assert.throws(
          () => proxyMap(each as ProxiesInit),
          (error) => {
            assert.ok(error instanceof TypeError)
            assert.match(
              error.message,
              /^proxies(\["all:\/\/a\.test"\])? must be null, a URL or an/,
            )
            assert.match(error.message, shown)
            return !error.message.includes('hunter2')
          },
        )
      }
    })
  }

  test('an invalid URL is the error of HTTPProxy', () => {
    assert.throws(() => proxyMap({ all: 'nonsense' }), InvalidURL)
  })

  test('the message does not contain a password of the key', () => {
    const given = { 'http://user:hunter2@a.test': 5 } as unknown as ProxiesInit
    assert.throws(
      () => proxyMap(given),
      (error) => error instanceof TypeError && !error.message.includes('hunter2'),
    )
  })
})

test('22 a polluted Object.prototype changes nothing', () => {
  const found = withPollutedPrototype({ all: 'http://evil.test', http: 'http://evil.test' }, () =>
    hosts({ https: 'http://p.test' }, http, https),
  )
  assert.deepEqual(found, [null, 'p.test'])
})
