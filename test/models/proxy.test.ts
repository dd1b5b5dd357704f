import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { InvalidURL } from '../../src/errors.ts'
import type { HTTPProxyOptions } from '../../src/models/proxy.ts'
import { HTTPProxy, proxySettingsOf } from '../../src/models/proxy.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const settings = (url: string | URL, options?: HTTPProxyOptions) =>
  proxySettingsOf(new HTTPProxy(url, options))

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('the URL of a proxy', () => {
  const urls: [given: string, shown: string, host: string, port: number][] = [
    ['http://proxy.test', 'http://proxy.test', 'proxy.test', 80],
    ['http://proxy.test:80/', 'http://proxy.test', 'proxy.test', 80],
    ['HTTP://PROXY.test:3128/', 'http://proxy.test:3128', 'proxy.test', 3128],
    ['https://127.0.0.1', 'https://127.0.0.1', '127.0.0.1', 443],
    ['https://[::1]:8443', 'https://[::1]:8443', '::1', 8443],
    ['http://user:pw@0x7f.1:1', 'http://127.0.0.1:1', '127.0.0.1', 1],
    ['socks5://proxy.test', 'socks5://proxy.test:1080', 'proxy.test', 1080],
    ['socks5://proxy.test:80', 'socks5://proxy.test:80', 'proxy.test', 80],
    ['SOCKS5H://PROXY.test:443', 'socks5h://proxy.test:443', 'proxy.test', 443],
    ['socks5h://me:pw@[::1]', 'socks5h://[::1]:1080', '::1', 1080],
    ['socks5://0x7f.1', 'socks5://127.0.0.1:1080', '127.0.0.1', 1080],
  ]
  for (const [given, shown, host, port] of urls) {
    test(given, () => {
      for (const url of [given, new URL(given)]) {
        const proxy = new HTTPProxy(url)
        const { origin } = proxySettingsOf(proxy)
        assert.equal(proxy.url, shown)
        assert.deepEqual([origin.host, origin.port, origin.key], [host, port, `proxy ${shown}`])
        assert.equal(origin.secure, given.startsWith('https'))
      }
    })
  }

  const secret = 'sEcr3t'
  for (const invalid of [
    '',
    'proxy.test:3128',
    `me:${secret}@proxy.test:3128`,
    `ftp://me:${secret}@proxy.test`,
    `socks4://me:${secret}@proxy.test`,
    `http://me:${secret}@`,
    `http://me:${secret}@proxy.test:99999`,
    `socks5://me:${secret}@proxy test`,
    `http://me:${secret}@proxy.test/path`,
    `http://me:${secret}@proxy.test/?query`,
    `http://me:${secret}@proxy.test#hash`,
    `http://me:${secret}@proxy.test\r\n`,
    `http:me:${secret}@proxy.test`,
  ]) {
    test(`refuses ${JSON.stringify(invalid)}`, () => {
      assert.throws(
        () => new HTTPProxy(invalid),
        (error) => error instanceof InvalidURL && !inspect(error).includes(secret),
      )
    })
  }
})

describe('A4 credentials', () => {
  const cases: [given: string, auth: HTTPProxyOptions['auth'], sent: string | null][] = [
    ['http://proxy.test', undefined, null],
    ['http://me:secret@proxy.test', undefined, 'me:secret'],
    ['http://me@proxy.test', undefined, 'me:'],
    ['http://:secret@proxy.test', undefined, ':secret'],
    ['http://m%C3%A9:s%3Ae%40%2F%25@proxy.test', undefined, 'mé:s:e@/%'],
    ['http://mé:sécret@proxy.test', undefined, 'mé:sécret'],
    ['http://me:100%@proxy.test', undefined, 'me:100%'],
    ['http://me:a+b@proxy.test', undefined, 'me:a+b'],
    ['http://proxy.test', ['mé', 's:écret'], 'mé:s:écret'],
    ['http://other:wrong@proxy.test', ['me', 'secret'], 'me:secret'],
    ['http://other:wrong@proxy.test', null, null],
  ]
  for (const [given, auth, sent] of cases) {
    test(`${given} with ${inspect(auth)}`, () => {
      for (const url of [given, given.replace('http', 'https')]) {
        const expected = sent === null ? [] : ['Proxy-Authorization', basic(sent)]
        assert.deepEqual(settings(url, { auth }).headers, expected)
      }
    })
  }

  test('for SOCKS are not sent as a header', () => {
    const { credentials, headers } = settings('socks5://m%C3%A9:s%3Ae@proxy.test')
    assert.deepEqual(headers, [])
    assert.deepEqual(
      [credentials?.user, credentials?.password],
      [Buffer.from('mé'), Buffer.from('s:e')],
    )
    const empty = settings('socks5://me@proxy.test').credentials
    assert.equal(empty?.password.length, 0)
  })

  test('do not appear in the output of inspect, JSON and String', () => {
    const proxies = [
      new HTTPProxy('http://me:sEcr3t@proxy.test', { headers: { 'x-key': 'sEcr3t' } }),
      new HTTPProxy('socks5://me:sEcr3t@proxy.test'),
      new HTTPProxy('http://proxy.test', { headers: { 'proxy-authorization': 'sEcr3t' } }),
    ]
    for (const proxy of proxies) {
      const shown = [
        inspect(proxy, { showHidden: true, depth: 9 }),
        JSON.stringify(proxy),
        String(proxy),
        inspect({ ...proxy }),
      ].join()
      assert.ok(!/sEcr3t|me/.test(shown), shown)
      assert.match(inspect(proxy), /, with credentials\]>$/)
    }
    assert.equal(
      inspect(new HTTPProxy('http://proxy.test')),
      '<HTTPProxy [http://proxy.test, DEFAULT]>',
    )
  })
})

test('19 invalid options are TypeErrors without secrets', () => {
  const invalid: [url: string, options: unknown][] = [
    ['http://p', { mode: 'tunnel' }],
    ['http://p', { modes: 'DEFAULT' }],
    ['http://p', { auth: 'me:sEcr3t' }],
    ['http://p', { auth: ['sEcr3t'] }],
    ['http://p', { auth: ['me', 5] }],
    ['http://p', { auth: ['sEcr3t:me', ''] }],
    ['http://sEcr3t%3Ame:x@p', {}],
    ['http://p', { headers: { 'x y': 'sEcr3t' } }],
    ['http://p', { headers: { x: 'sEcr3t\r\n' } }],
    ['http://p', { headers: 5 }],
    ['http://p', { headers: { 'Proxy-Authorization': 'sEcr3t' }, auth: ['me', 'sEcr3t'] }],
    ['http://me:sEcr3t@p', { headers: { 'Proxy-Authorization': 'sEcr3t' } }],
    ...['Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'TE', 'Upgrade', 'Expect'].map(
      (name): [string, unknown] => ['http://p', { headers: { [name]: '1' } }],
    ),
    ['socks5://p', { mode: 'FORWARD_ONLY' }],
    ['socks5://p', { headers: { x: 'sEcr3t' } }],
    ['socks5://p', { auth: ['', 'sEcr3t'] }],
    ['socks5://p', { auth: ['me', 'sEcr3t'.repeat(43)] }],
    ['http://p', null],
    ['http://p', []],
  ]
  for (const [url, options] of invalid) {
    assert.throws(
      () => new HTTPProxy(url, options as HTTPProxyOptions),
      (error) => error instanceof TypeError && !inspect(error).includes('sEcr3t'),
      inspect([url, options]),
    )
  }
  assert.throws(() => new HTTPProxy(5 as never), TypeError)
})

test('22 a polluted Object.prototype changes nothing', () => {
  const evil = { mode: 'FORWARD_ONLY', auth: ['evil', 'x'], headers: { evil: 'x' }, verify: false }
  const { mode, headers, tls } = withPollutedPrototype(evil, () => settings('http://p', {}))
  assert.deepEqual([mode, headers], ['DEFAULT', []])
  assert.notEqual(tls.rejectUnauthorized, false)
})

test('`from` returns the proxy itself, or a copy with the given trustEnv', () => {
  const given = new HTTPProxy('http://me:secret@p:1', { mode: 'TUNNEL_ONLY' })
  assert.equal(HTTPProxy.from(given), given)
  const other = HTTPProxy.from(given, true)
  assert.notEqual(other, given)
  const { tls: _, ...same } = proxySettingsOf(given)
  assert.deepEqual({ ...proxySettingsOf(other), tls: undefined }, { ...same, tls: undefined })
  const withTrustEnv = new HTTPProxy('http://p', { trustEnv: false })
  assert.equal(HTTPProxy.from(withTrustEnv, true), withTrustEnv)
  assert.equal(HTTPProxy.from('http://p:1', true).url, 'http://p:1')
})
