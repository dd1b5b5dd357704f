import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { isSameOrigin, keepsCredentials, parseBaseUrl, parseUrl } from '../../src/client/url.ts'
import { InvalidURL, UnsupportedProtocol } from '../../src/errors.ts'
import { assertLinear } from '../support/growth.ts'

const bases = [null, parseBaseUrl('http://h/api')]

describe('absolute URLs are used as they are, with a base or without', () => {
  const cases: [given: string | URL, href: string][] = [
    ['http://other/x?a=1#f', 'http://other/x?a=1#f'],
    ['https://h/x', 'https://h/x'],
    ['HTTP://H/x', 'http://h/x'],
    ['HtTpS://h', 'https://h/'],
    [' \x01http://other/x ', 'http://other/x'],
    ['http:other/x', 'http://other/x'],
    ['http:/other/x', 'http://other/x'],
    ['http:\\\\other\\x', 'http://other/x'],
    ['http://user:p%40ss@other/', 'http://user:p%40ss@other/'],
    ['http://h/a b?c d#e f', 'http://h/a%20b?c%20d#e%20f'],
    ['http://h/é', 'http://h/%C3%A9'],
    ['http://bücher.example/', 'http://xn--bcher-kva.example/'],
    ['http://h/a/../b', 'http://h/b'],
    [new URL('http://other/x'), 'http://other/x'],
  ]
  for (const [given, href] of cases) {
    test(inspect(given), () => {
      for (const base of bases) assert.equal(parseUrl(given, base).href, href)
    })
  }

  test('a URL object is copied', () => {
    const given = new URL('http://h/')
    for (const base of bases) assert.notEqual(parseUrl(given, base), given)
  })
})

describe('19 what cannot be requested', () => {
  const cases: [given: unknown, type: new (message: string) => Error, message: RegExp][] = [
    ['http://', InvalidURL, /^Not an absolute URL: http:\/\/$/],
    ['http://h:99999/', InvalidURL, /^Not an absolute URL/],
    ['http://a b/', InvalidURL, /^Not an absolute URL/],
    ['http://[::1/', InvalidURL, /^Not an absolute URL/],
    ['https:', InvalidURL, /^Not an absolute URL/],
    [undefined, InvalidURL, /^Not an absolute URL: undefined$/],
    [null, InvalidURL, /^Not an absolute URL: null$/],
    [5, InvalidURL, /^Not an absolute URL: 5$/],
    [['/x'], InvalidURL, /^Not an absolute URL: \/x$/],
    ['http://h/a\rb', InvalidURL, /^The URL has "\\r" at 10$/],
    ['http://h/a\nb', InvalidURL, /^The URL has "\\n" at 10$/],
    ['http://h/a\tb', InvalidURL, /^The URL has "\\t" at 10$/],
    ['http://h/a\0b', InvalidURL, /^The URL has "\\u0000" at 10$/],
    ['\nhttp://h/', InvalidURL, /at 0$/],
    ['http://h/\n', InvalidURL, /at 9$/],
    ['ht\ntp://h/', InvalidURL, /at 2$/],
    ['ftp://h/', UnsupportedProtocol, /^Only http and https are spoken, not ftp:/],
    ['file:///etc/passwd', UnsupportedProtocol, /not file:/],
    ['ws://h/', UnsupportedProtocol, /not ws:/],
    ['evil:foo', UnsupportedProtocol, /not evil:/],
    ['javascript:alert(1)', UnsupportedProtocol, /not javascript:/],
    ['localhost:8000/x', UnsupportedProtocol, /not localhost:/],
    ['user:secret@h/', UnsupportedProtocol, /not user:/],
    ['http://user:secret@h:x/', InvalidURL, /URL: h:x\/$/],
    ['http://user:sec@ret@h:x/?secret#secret', InvalidURL, /URL: h:x\/\?…$/],
    [new URL('ftp://h/'), UnsupportedProtocol, /not ftp:/],
  ]
  for (const [given, type, message] of cases) {
    test(inspect(given), () => {
      for (const base of bases) {
        assert.throws(
          () => parseUrl(given as string, base),
          (error) => {
            assert.ok(error instanceof type, String(error))
            assert.match(error.message, message)
            assert.doesNotMatch(inspect(error).split('\n    at ')[0] ?? '', /sec|ret@/)
            assert.equal(error.cause, undefined)
            return true
          },
        )
      }
    })
  }

  for (const given of ['/a\nb', '\t/a', 'a\0', '?a=1\r']) {
    test(`relative, ${inspect(given)}`, () => {
      for (const base of bases) assert.throws(() => parseUrl(given, base), /^InvalidURL: .* at \d$/)
    })
  }

  test('a relative URL without a base', () => {
    for (const given of ['', '/x', 'x', '//h/x', '?a=1']) {
      assert.throws(() => parseUrl(given, null), /^InvalidURL: Not an absolute URL/)
    }
  })

  test('as a base', () => {
    assert.throws(() => parseBaseUrl('/api'), InvalidURL)
    assert.throws(() => parseBaseUrl('http://h/\n'), InvalidURL)
    assert.throws(() => parseBaseUrl('ftp://h/'), UnsupportedProtocol)
    assert.throws(() => parseBaseUrl(undefined as never), InvalidURL)
  })

  test('a scheme that is meant as a path', () => {
    assert.throws(() => parseUrl('users:1', bases[1]), /needs one$/)
    assert.equal(parseUrl('/users:1', bases[1]).href, 'http://h/api/users:1')
    assert.equal(parseUrl('./users:1', bases[1]).href, 'http://h/api/users:1')
    assert.equal(parseUrl('users/x:1', bases[1]).href, 'http://h/api/users/x:1')
  })
})

describe('32 relative URLs', () => {
  const cases: [base: string, given: string, href: string][] = [
    ['http://h/api', '/users', 'http://h/api/users'],
    ['http://h/api', 'users', 'http://h/api/users'],
    ['http://h/api/', '/users', 'http://h/api/users'],
    ['http://h/api/', 'users', 'http://h/api/users'],
    ['http://h', 'users', 'http://h/users'],
    ['http://h/', '/users', 'http://h/users'],
    ['http://h/api', '/users/?a=1#f', 'http://h/api/users/?a=1#f'],
    ['http://h/api', '', 'http://h/api'],
    ['http://h/api/', '', 'http://h/api/'],
    ['http://h', '', 'http://h/'],
    ['http://h/api', ' ', 'http://h/api'],
    ['http://h/api', '/', 'http://h/api/'],
    ['http://h/api', '?q=1', 'http://h/api?q=1'],
    ['http://h/api', '#f', 'http://h/api#f'],
    ['http://h/api', '?', 'http://h/api?'],
    ['http://h/api', 'a b?c d', 'http://h/api/a%20b?c%20d'],
    ['http://h/api', 'é', 'http://h/api/%C3%A9'],
    ['http://h/api', '?a=/b:c//d', 'http://h/api?a=/b:c//d'],
    ['http://h/api', '1a:b', 'http://h/api/1a:b'],
    ['http://h/api', ':80/x', 'http://h/api/:80/x'],
    ['http://h/api', '@evil/x', 'http://h/api/@evil/x'],
    ['http://h', '@evil/x', 'http://h/@evil/x'],
    ['http://h', '.evil', 'http://h/.evil'],
    // 32 another host is never named.
    ['http://h/api', '//evil/x', 'http://h/api//evil/x'],
    ['http://h', '//evil/x', 'http://h//evil/x'],
    ['http://h/', '///evil', 'http://h///evil'],
    ['http://h/api', '\\evil', 'http://h/api/evil'],
    ['http://h/api', '\\\\evil', 'http://h/api//evil'],
    ['http://h', '\\\\evil', 'http://h//evil'],
    ['http://h', '/\\evil', 'http://h//evil'],
    ['http://h', '\\/evil', 'http://h//evil'],
    ['http://h', ' //evil', 'http://h//evil'],
    ['http://h', '\x01//evil', 'http://h//evil'],
    ['http://h/api', '..', 'http://h/'],
    ['http://h/api', '../x', 'http://h/x'],
    ['http://h/a/b', '/../x', 'http://h/a/x'],
    ['http://h/api', '../../..//evil', 'http://h//evil'],
    ['http://h/api', '%2e%2e/x', 'http://h/x'],
    ['http://h/api', '..\\..\\\\evil', 'http://h//evil'],
    // The query of the base is kept, its fragment is not.
    ['http://h/api?key=1', '/users', 'http://h/api/users?key=1'],
    ['http://h/api?key=1#f', 'users?q=2#g', 'http://h/api/users?key=1&q=2#g'],
    ['http://h/api?key=1', '?key=2', 'http://h/api?key=1&key=2'],
    ['http://h/api?key=1', '', 'http://h/api?key=1'],
    ['http://h/api?key=1', '?', 'http://h/api?key=1'],
    ['http://h/api?', 'x', 'http://h/api/x'],
    ['http://h/api#f', '', 'http://h/api'],
    ['http://h/?/a/', 'x', 'http://h/x?/a/'],
    // So is its userinfo, and whatever else it has.
    ['https://user:p%40ss@h:8443/api', 'x', 'https://user:p%40ss@h:8443/api/x'],
    ['http://[::1]:8000', 'x', 'http://[::1]:8000/x'],
    ['HTTP://H/api//', 'x', 'http://h/api//x'],
  ]
  for (const [base, given, href] of cases) {
    test(`${base} and ${JSON.stringify(given)}`, () => {
      const url = parseUrl(given, parseBaseUrl(base))
      assert.equal(url.href, href)
      assert.equal(url.host, new URL(base).host)
    })
  }

  test('a base is made of a URL object, and does not change with it', () => {
    const given = new URL('http://h/api?a=1')
    const base = parseBaseUrl(given)
    given.pathname = '/other'
    assert.equal(parseUrl('x', base).href, 'http://h/api/x?a=1')
    assert.equal(parseUrl('y', base).href, 'http://h/api/y?a=1')
  })

  for (const unit of ['/', '\\', '../', ' ', '?', '#', 'a', ':', '@', '\x01']) {
    test(`21 linear: ${JSON.stringify(unit)}`, () => {
      const make = (size: number) => unit.repeat(size / unit.length)
      assertLinear(make, (text) => parseUrl(text, bases[1]))
      assertLinear(make, (text) => assert.throws(() => parseUrl(text, null)))
      const inside = (size: number) => `/a${make(size)}a`
      assertLinear(inside, (text) => parseUrl(text, bases[1]))
    })
  }
})

describe('origins', () => {
  const cases: [from: string, to: string, same: boolean, keeps: boolean][] = [
    ['http://h/a', 'http://h/b?c', true, true],
    ['http://h/', 'http://H:80/', true, true],
    ['https://h/', 'https://h:443/', true, true],
    ['http://user:x@h/', 'http://h/', true, true],
    ['http://h:8000/', 'http://h:8000/', true, true],
    ['http://h/', 'https://h/', false, true],
    ['http://h:80/', 'https://h:443/', false, true],
    ['https://h/', 'http://h/', false, false],
    ['http://h:8000/', 'https://h:8000/', false, false],
    ['http://h:8000/', 'https://h/', false, false],
    ['http://h/', 'https://h:8443/', false, false],
    ['http://h:443/', 'https://h/', false, false],
    ['http://h/', 'http://h:8000/', false, false],
    ['http://h/', 'http://www.h/', false, false],
    ['http://h/', 'https://www.h/', false, false],
    ['http://h/', 'http://h./', false, false],
    ['http://127.0.0.1/', 'http://localhost/', false, false],
    ['http://[::1]/', 'http://[0:0::1]/', true, true],
  ]
  for (const [from, to, same, keeps] of cases) {
    test(`28 ${from} and ${to}`, () => {
      const [a, b] = [new URL(from), new URL(to)]
      assert.equal(isSameOrigin(a, b), same)
      assert.equal(isSameOrigin(b, a), same)
      assert.equal(keepsCredentials(a, b), keeps)
    })
  }
})
