import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { environmentProxies } from '../../src/dispatch/proxies/proxy-environment.ts'
import { InvalidURL, ProxyError } from '../../src/errors.ts'
import type { Environment } from '../../src/models/environment.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

function proxiesFor(env: Environment) {
  const proxies = environmentProxies(env)
  assert.ok(proxies !== null)
  return proxies
}

function proxyFor(env: Environment, url: string): string | null {
  return environmentProxies(env)?.lookup(new URL(url))?.url ?? null
}

const http = 'http://a.test'
const https = 'https://a.test'
const P = 'http://p.test:1'
const Q = 'http://q.test:2'
const EVIL = 'http://evil.test'

const tables: Record<string, [env: Environment, http: string | null, https: string | null][]> = {
  'each scheme has its own variable, and ALL_PROXY applies without it': [
    [{}, null, null],
    [{ HTTP_PROXY: P }, P, null],
    [{ HTTPS_PROXY: P }, null, P],
    [{ ALL_PROXY: P }, P, P],
    [{ HTTP_PROXY: P, HTTPS_PROXY: Q }, P, Q],
    [{ HTTP_PROXY: P, ALL_PROXY: Q }, P, Q],
    [{ HTTPS_PROXY: P, ALL_PROXY: Q }, Q, P],
    [{ all_proxy: P }, P, P],
    [{ FTP_PROXY: P, ftp_proxy: P }, null, null],
  ],
  'the name in lower case wins': [
    [{ http_proxy: P, HTTP_PROXY: Q }, P, null],
    [{ HTTPS_PROXY: Q, https_proxy: P }, null, P],
    [{ ALL_PROXY: Q, all_proxy: P }, P, P],
    [{ HTTP_PROXY: P, all_proxy: Q }, P, Q],
    [{ ALL_PROXY: P, no_proxy: 'b.test', NO_PROXY: 'a.test' }, P, P],
    [{ ALL_PROXY: P, no_proxy: 'a.test', NO_PROXY: 'b.test' }, null, null],
  ],
  'an empty variable is ignored': [
    [{ HTTP_PROXY: '', HTTPS_PROXY: '', ALL_PROXY: '' }, null, null],
    [{ http_proxy: '', HTTP_PROXY: P }, P, null],
    [{ http_proxy: ' ', all_proxy: Q }, Q, Q],
    [{ http_proxy: undefined, HTTP_PROXY: P }, P, null],
    [{ ALL_PROXY: P, no_proxy: '', NO_PROXY: 'a.test' }, null, null],
    [{ ALL_PROXY: P, NO_PROXY: '' }, P, P],
  ],
  'a value without a scheme is an http URL': [
    [{ HTTP_PROXY: '127.0.0.1:3128' }, 'http://127.0.0.1:3128', null],
    [{ ALL_PROXY: 'localhost:3128' }, 'http://localhost:3128', 'http://localhost:3128'],
    [{ HTTPS_PROXY: 'p.test' }, null, 'http://p.test'],
    [{ HTTPS_PROXY: 'user:word@p.test:1' }, null, P],
    [{ HTTPS_PROXY: '[::1]:3128' }, null, 'http://[::1]:3128'],
    [{ HTTPS_PROXY: ' p.test:1 ' }, null, 'http://p.test:1'],
    [{ ALL_PROXY: 'socks5h://p.test:1' }, 'socks5h://p.test:1', 'socks5h://p.test:1'],
    [{ HTTPS_PROXY: 'HTTPS://p.test' }, null, 'https://p.test'],
  ],
  'in a CGI program, HTTP_PROXY is ignored': [
    [{ REQUEST_METHOD: 'GET', HTTP_PROXY: EVIL }, null, null],
    [{ REQUEST_METHOD: '', HTTP_PROXY: EVIL }, null, null],
    [{ REQUEST_METHOD: 'GET', HTTP_PROXY: EVIL, ALL_PROXY: P }, P, P],
    [{ REQUEST_METHOD: 'GET', HTTP_PROXY: EVIL, http_proxy: P }, P, null],
    [{ REQUEST_METHOD: 'GET', HTTP_PROXY: EVIL, http_proxy: '' }, null, null],
    [{ REQUEST_METHOD: 'GET', HTTPS_PROXY: P, HTTP_PROXY: EVIL }, null, P],
  ],
  'NO_PROXY applies to all variables': [
    [{ HTTP_PROXY: P, HTTPS_PROXY: P, NO_PROXY: 'a.test' }, null, null],
    [{ ALL_PROXY: P, NO_PROXY: '*' }, null, null],
    [{ ALL_PROXY: P, NO_PROXY: 'a.test:443' }, P, null],
    [{ ALL_PROXY: P, NO_PROXY: '10.0.0.0/99,[::1,%%' }, P, P],
    [{ NO_PROXY: 'b.test' }, null, null],
  ],
}

for (const [name, cases] of Object.entries(tables)) {
  test(name, () => {
    for (const [env, plain, secure] of cases) {
      assert.deepEqual([proxyFor(env, http), proxyFor(env, https)], [plain, secure], inspect(env))
    }
  })
}

test('on Windows, where names have no case, the exact name counts in a CGI program', () => {
  const windows = (variables: Environment) =>
    new Proxy(variables, {
      get: (target, name) => target[String(name).toUpperCase()],
      has: (target, name) => String(name).toUpperCase() in target,
      getOwnPropertyDescriptor: (target, name) => {
        const value = target[String(name).toUpperCase()]
        return value === undefined ? undefined : { value, configurable: true, enumerable: true }
      },
    })
  assert.equal(proxyFor(windows({ HTTP_PROXY: P }), http), P)
  assert.equal(proxyFor(windows({ HTTP_PROXY: EVIL, REQUEST_METHOD: 'GET' }), http), null)
})

describe('a variable that is not the URL of a proxy', () => {
  const values = [
    'http://',
    'http://[::1',
    'http://user:hunter2@p.test:99999',
    'user:hunter2@:80',
    'http://user:hunter2',
    'http://a b',
    'http://p.test\nx',
    'http://hunter2\0',
    'socks5://[hunter2',
    'ftp://user:hunter2@p.test',
  ]
  for (const value of values) {
    test(JSON.stringify(value), () => {
      const env = { https_proxy: value, HTTP_PROXY: P, NO_PROXY: 'b.test' }
      const proxies = proxiesFor(env)
      for (let i = 0; i < 2; i++) {
        assert.throws(
          () => proxies.lookup(new URL(https)),
          (error) => {
            assert.ok(error instanceof ProxyError)
            assert.equal(error.phase, 'proxy')
            assert.match(error.message, /^https_proxy: /)
            return !inspect(error, { depth: 9, showHidden: true }).includes('hunter2')
          },
        )
      }
      // URLs that do not need the variable are not affected.
      assert.equal(proxies.lookup(new URL(http))?.url, P)
      assert.equal(proxies.lookup(new URL('https://b.test')), null)
    })
  }

  test('the message has the name of the variable and the reason', () => {
    assert.throws(
      () => proxyFor({ ALL_PROXY: 'ftp://p.test' }, http),
      (error) =>
        error instanceof ProxyError &&
        /^ALL_PROXY: Invalid proxy URL "ftp:/.test(error.message) &&
        error.cause instanceof InvalidURL,
    )
  })
})

test('equal variables have one proxy, with the credentials of the URL', () => {
  const proxies = proxiesFor({
    HTTP_PROXY: 'http://user:word@p.test:1',
    https_proxy: P,
    all_proxy: P,
  })
  const first = proxies.lookup(new URL(http))
  assert.equal(inspect(first), '<HTTPProxy [http://p.test:1, DEFAULT, with credentials]>')
  assert.equal(proxies.lookup(new URL(http)), first)
  const same = proxiesFor({ HTTP_PROXY: P, HTTPS_PROXY: P })
  assert.equal(same.lookup(new URL(http)), same.lookup(new URL(https)))
})

test('the variables are read once', () => {
  const env: Record<string, string> = { HTTP_PROXY: P }
  const proxies = proxiesFor(env)
  env.HTTP_PROXY = Q
  env.NO_PROXY = '*'
  assert.equal(proxies.lookup(new URL(http))?.url, P)
})

test('without variables, there are no proxies', () => {
  assert.equal(environmentProxies({ NO_PROXY: '*', HTTP_PROXY: '' }), null)
})

test('22 a polluted Object.prototype changes nothing', () => {
  const pollution = { HTTP_PROXY: EVIL, http_proxy: EVIL, all_proxy: EVIL, no_proxy: '*' }
  assert.equal(
    withPollutedPrototype(pollution, () => proxyFor({}, http)),
    null,
  )
  assert.equal(
    withPollutedPrototype(pollution, () => proxyFor({ ALL_PROXY: P }, http)),
    P,
  )
  assert.equal(
    withPollutedPrototype(pollution, () => proxyFor(process.env, 'http://[::1]')),
    proxyFor(process.env, 'http://[::1]'),
  )
})
