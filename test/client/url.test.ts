import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { Request } from '../../src/client/request.ts'
import {
  isSameOrigin,
  mayForwardCredentials,
  parseBaseUrl,
  parseUrl,
} from '../../src/client/url.ts'
import { InvalidURL, UnsupportedProtocol } from '../../src/errors.ts'
import { assertLinear } from '../support/growth.ts'

const api = parseBaseUrl('http://h/api')
const bases = [null, api]

describe('absolute URLs are used unchanged, with and without a base', () => {
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

test('19 a Request refuses a URL object with another scheme than http and https', () => {
  const request = new Request('GET', new URL('https://h/'))
  for (const url of ['ftp://h/', 'file:///etc/passwd', 'mailto:a@h', 'ws://h/']) {
    assert.throws(() => new Request('GET', new URL(url)), UnsupportedProtocol)
    assert.throws(() => {
      request.url = new URL(url)
    }, UnsupportedProtocol)
  }
  assert.equal(request.url.href, 'https://h/')
})

describe('19 invalid URLs', () => {
  const cases: [given: unknown, type: new (message: string) => Error, message: RegExp][] = [
    ['http://', InvalidURL, /^Invalid URL http:\/\/: expected an absolute URL/],
    ['http://h:99999/', InvalidURL, /^Invalid URL/],
    ['http://a b/', InvalidURL, /^Invalid URL/],
    ['http://[::1/', InvalidURL, /^Invalid URL/],
    ['https:', InvalidURL, /^Invalid URL/],
    [undefined, InvalidURL, /^Invalid URL undefined: expected an absolute URL/],
    [null, InvalidURL, /^Invalid URL null: expected an absolute URL/],
    [5, InvalidURL, /^Invalid URL 5: expected an absolute URL/],
    [['/x'], InvalidURL, /^Invalid URL \/x: expected an absolute URL/],
    ['http://h/a\rb', InvalidURL, /^Invalid character "\\r" at index 10 in the URL$/],
    ['http://h/a\nb', InvalidURL, /^Invalid character "\\n" at index 10 in the URL$/],
    ['http://h/a\tb', InvalidURL, /^Invalid character "\\t" at index 10 in the URL$/],
    ['http://h/a\0b', InvalidURL, /^Invalid character "\\u0000" at index 10 in the URL$/],
    ['\nhttp://h/', InvalidURL, /at index 0 in the URL$/],
    ['http://h/\n', InvalidURL, /at index 9 in the URL$/],
    ['ht\ntp://h/', InvalidURL, /at index 2 in the URL$/],
    ['ftp://h/', UnsupportedProtocol, /^Unsupported URL scheme: ftp\b/],
    ['file:///etc/passwd', UnsupportedProtocol, /scheme: file\b/],
    ['ws://h/', UnsupportedProtocol, /scheme: ws\b/],
    ['evil:foo', UnsupportedProtocol, /scheme: evil\b/],
    ['javascript:alert(1)', UnsupportedProtocol, /scheme: javascript\b/],
    ['localhost:8000/x', UnsupportedProtocol, /scheme: localhost\b/],
    ['user:secret@h/', UnsupportedProtocol, /scheme: user\b/],
    ['http://user:secret@h:x/', InvalidURL, /URL h:x\/: expected/],
    ['http://user:sec@ret@h:x/?secret#secret', InvalidURL, /URL h:x\/\?…: expected/],
    [new URL('ftp://h/'), UnsupportedProtocol, /scheme: ftp\b/],
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
      for (const base of bases)
        assert.throws(() => parseUrl(given, base), /^InvalidURL: .* at index \d in the URL$/)
    })
  }

  test('a relative URL without a base', () => {
    for (const given of ['', '/x', 'x', '//h/x', '?a=1']) {
      assert.throws(() => parseUrl(given, null), /^InvalidURL: Invalid URL/)
    }
  })

  test('an invalid base URL', () => {
    assert.throws(() => parseBaseUrl('/api'), InvalidURL)
    assert.throws(() => parseBaseUrl('http://h/\n'), InvalidURL)
    assert.throws(() => parseBaseUrl('ftp://h/'), UnsupportedProtocol)
    assert.throws(() => parseBaseUrl(undefined as never), InvalidURL)
  })

  test('a relative URL with a colon in its first segment', () => {
    assert.throws(
      () => parseUrl('users:1', api),
      /: users; a relative URL with ":" in its first segment must begin with "\/"$/,
    )
    assert.equal(parseUrl('/users:1', api).href, 'http://h/api/users:1')
    assert.equal(parseUrl('./users:1', api).href, 'http://h/api/users:1')
    assert.equal(parseUrl('users/x:1', api).href, 'http://h/api/users/x:1')
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
    // 32 The host is always that of the base.
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
    // Its userinfo, port and scheme are kept.
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

  test('a base is independent of the URL object from which it was made', () => {
    const given = new URL('http://h/api?a=1')
    const base = parseBaseUrl(given)
    given.pathname = '/other'
    assert.equal(parseUrl('x', base).href, 'http://h/api/x?a=1')
    assert.equal(parseUrl('y', base).href, 'http://h/api/y?a=1')
  })

  for (const unit of ['/', '\\', '../', ' ', '?', '#', 'a', ':', '@', '\x01']) {
    test(`21 linear: ${JSON.stringify(unit)}`, () => {
      const make = (size: number) => unit.repeat(size / unit.length)
      assertLinear(make, (text) => parseUrl(text, api))
      assertLinear(make, (text) => assert.throws(() => parseUrl(text, null)))
      const inside = (size: number) => `/a${make(size)}a`
      assertLinear(inside, (text) => parseUrl(text, api))
    })
  }
})

describe('isSameOrigin and mayForwardCredentials', () => {
  const cases: [from: string, to: string, same: boolean, mayForward: boolean][] = [
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
  for (const [from, to, same, mayForward] of cases) {
    test(`28 ${from} and ${to}`, () => {
      const [a, b] = [new URL(from), new URL(to)]
      assert.equal(isSameOrigin(a, b), same)
      assert.equal(isSameOrigin(b, a), same)
      assert.equal(mayForwardCredentials(a, b), mayForward)
    })
  }
})
