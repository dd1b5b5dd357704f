import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Redirect } from '../../src/client/redirect.ts'
import { isContentField, redirectTo } from '../../src/client/redirect.ts'
import { RemoteProtocolError, UnsupportedProtocol } from '../../src/errors.ts'
import { assertLinear } from '../support/growth.ts'

const here = 'http://h/dir/page?q=1'

function follow(location: string, from = here, method = 'GET', status = 302): Redirect {
  const redirect = redirectTo(method, status, location, new URL(from))
  assert.ok(redirect)
  return redirect
}

describe('29, A2 method and content', () => {
  const same = [
    [301, 'GET', 'GET', true],
    [301, 'HEAD', 'HEAD', true],
    [301, 'POST', 'GET', false],
    [301, 'PUT', 'PUT', true],
    [301, 'DELETE', 'DELETE', true],
    [301, 'QUERY', 'QUERY', true],
    [303, 'GET', 'GET', false],
    [303, 'HEAD', 'HEAD', false],
    [303, 'POST', 'GET', false],
    [303, 'PUT', 'GET', false],
    [303, 'DELETE', 'GET', false],
    [303, 'OPTIONS', 'GET', false],
    [307, 'GET', 'GET', true],
    [307, 'HEAD', 'HEAD', true],
    [307, 'POST', 'POST', true],
    [307, 'PUT', 'PUT', true],
  ] as const
  const alike = new Map<number, number[]>([
    [301, [301, 302]],
    [303, [303]],
    [307, [307, 308]],
  ])
  for (const [kind, method, next, keeps] of same) {
    for (const status of alike.get(kind) ?? []) {
      test(`${status} ${method}`, () => {
        const redirect = follow('/x', here, method, status)
        assert.equal(redirect.method, next)
        assert.equal(redirect.keepsContent, keeps)
      })
    }
  }

  test('no other status is followed, and none without a Location', () => {
    for (let status = 100; status < 600; status++) {
      const isRedirect = [301, 302, 303, 307, 308].includes(status)
      assert.equal(redirectTo('GET', status, '/x', new URL(here)) !== null, isRedirect, `${status}`)
      assert.equal(redirectTo('GET', status, null, new URL(here)), null)
      assert.equal(redirectTo('GET', status, '', new URL(here)), null)
    }
  })
})

describe('A1 where to', () => {
  const cases: [from: string, location: string, href: string][] = [
    [here, '/x', 'http://h/x'],
    [here, 'x?a=b', 'http://h/dir/x?a=b'],
    [here, '../x', 'http://h/x'],
    [here, '?a=b', 'http://h/dir/page?a=b'],
    [here, '//other/x', 'http://other/x'],
    [here, '\\\\other/x', 'http://other/x'],
    [here, 'https://other', 'https://other/'],
    [here, 'HTTP://Other/X', 'http://other/X'],
    [here, 'http:/x', 'http://h/x'],
    [here, '/a b', 'http://h/a%20b'],
    // RFC 9110 10.2.2
    ['http://h/a#here', '/x', 'http://h/x#here'],
    ['http://h/a#here', 'http://other/x', 'http://other/x#here'],
    ['http://h/a#here', '/x#there', 'http://h/x#there'],
    ['http://h/a#here', '/x#', 'http://h/x#'],
    ['http://h/a', '#there', 'http://h/a#there'],
    // Bytes are kept, be they UTF-8 or not.
    [here, '/caf\xc3\xa9?q=\xc3\xa9#\xc3\xa9', 'http://h/caf%C3%A9?q=%C3%A9#%C3%A9'],
    [here, '/caf\xe9', 'http://h/caf%E9'],
    [here, '/\x80\x9f\xa0\xff', 'http://h/%80%9F%A0%FF'],
    [here, 'http://b\xc3\xbccher.example/', 'http://xn--bcher-kva.example/'],
    [here, '/%C3%A9%zz', 'http://h/%C3%A9%zz'],
  ]
  for (const [from, location, href] of cases) {
    test(`${from} and ${JSON.stringify(location)}`, () => {
      const url = new URL(from)
      const redirect = redirectTo('GET', 301, location, url)
      assert.equal(redirect?.url.href, href)
      assert.equal(url.href, from)
    })
  }

  test('21 linear: a long Location', () => {
    for (const unit of ['\xff', '#', '/', '../', ' ', '?', '@']) {
      assertLinear(
        (size) => `x${unit.repeat(size / unit.length)}`,
        (location) => follow(location),
      )
    }
  })
})

describe('28, A2 credentials', () => {
  const cases: [from: string, location: string, keeps: boolean, href: string][] = [
    ['http://h/', '/x', true, 'http://h/x'],
    ['http://h/', 'http://h:80/x', true, 'http://h/x'],
    ['http://h/', 'https://h/x', true, 'https://h/x'],
    ['https://h/', 'http://h/x', false, 'http://h/x'],
    ['http://h/', 'http://h:8000/x', false, 'http://h:8000/x'],
    ['http://h/', 'https://h:8443/x', false, 'https://h:8443/x'],
    ['http://h/', 'http://other/x', false, 'http://other/x'],
    ['http://h/', '//other/x', false, 'http://other/x'],
    ['http://h/', '\\\\other\\x', false, 'http://other/x'],
    // Userinfo stays with its origin, and that of a Location is never used.
    ['http://u:p@h/', '/x', true, 'http://u:p@h/x'],
    ['http://u:p@h/', 'http://h/x', true, 'http://u:p@h/x'],
    ['http://u:p@h/', 'https://h/x', true, 'https://u:p@h/x'],
    ['http://u:p@h/', 'http://other/x', false, 'http://other/x'],
    ['http://u:p@h/', '//other/x', false, 'http://other/x'],
    ['http://u:p@h/', 'http://evil:e@h/x', true, 'http://u:p@h/x'],
    ['http://u@h/', 'http://evil:e@h/x', true, 'http://u@h/x'],
    ['http://h/', 'http://evil:e@h/x', true, 'http://h/x'],
    ['http://h/', 'http://evil:e@other/x', false, 'http://other/x'],
    ['http://h/', 'http://h@other/x', false, 'http://other/x'],
    ['http://u%40:%25p@h/', 'http://h/x', true, 'http://u%40:%25p@h/x'],
  ]
  for (const [from, location, keeps, href] of cases) {
    test(`${from} and ${location}`, () => {
      const redirect = follow(location, from)
      assert.equal(redirect.keepsCredentials, keeps)
      assert.equal(redirect.url.href, href)
    })
  }
})

describe('29, A2 what is not followed', () => {
  const request = { method: 'GET', url: here }
  const from = new URL('http://u:secret@h/x?secret')
  const cases: [location: string, type: new (message: string) => Error, message: RegExp][] = [
    ['http://', RemoteProtocolError, /^http:\/\/h\/x\?… redirects to what is no URL: "http:\/\/"$/],
    ['http://h:99999/', RemoteProtocolError, /"http:\/\/h:99999\/"$/],
    ['http://a:secret@h:x/?secret', RemoteProtocolError, /"h:x\/\?…"$/],
    ['//[', RemoteProtocolError, /no URL/],
    [`http://h:x/${'y'.repeat(10_000)}`, RemoteProtocolError, /no URL: "h?.{0,250}"$/],
    ['http://\xff/', RemoteProtocolError, /no URL/],
    ['http://h\t.evil/', RemoteProtocolError, /no URL: "http:\/\/h\.?\\?t?.*"$/],
    ['/\0', RemoteProtocolError, /no URL: "\/\\u0000"$/],
    ['/\r\n', RemoteProtocolError, /no URL/],
    [
      'ftp://h/',
      UnsupportedProtocol,
      /^http:\/\/h\/x\?… redirects to ftp:, and only http and https/,
    ],
    ['file:///etc/passwd', UnsupportedProtocol, /file:/],
    ['unix:/var/run/docker.sock', UnsupportedProtocol, /unix:/],
    ['data:text/plain,x', UnsupportedProtocol, /data:/],
    ['javascript:alert(1)', UnsupportedProtocol, /javascript:/],
    ['other:8080/x', UnsupportedProtocol, /other:/],
  ]
  for (const [location, type, message] of cases) {
    test(JSON.stringify(location), () => {
      assert.throws(
        () => redirectTo('GET', 307, location, from, { request, responseStarted: true }),
        (error) => {
          assert.ok(error instanceof type)
          assert.match(error.message, message)
          assert.doesNotMatch(inspect({ ...error, stack: error.message }), /secret/)
          assert.equal(error.cause, undefined)
          assert.equal((error as RemoteProtocolError).request, request)
          return true
        },
      )
    })
  }
})

test('29 fields of the content', () => {
  const content = [
    'Content-Type content-length CONTENT-ENCODING content-language content-location content-range',
    'content-disposition content-md5 content-digest repr-digest digest transfer-encoding trailer',
    'expect last-modified',
  ]
  for (const name of content.join(' ').split(' ')) assert.equal(isContentField(name), true, name)
  const others =
    'host accept accept-encoding authorization cookie user-agent te connection content x-content-type'
  for (const name of others.split(' ')) assert.equal(isContentField(name), false, name)
})
