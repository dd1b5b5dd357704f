import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { flatFields } from '../../src/client/field-list.ts'
import type { Hop } from '../../src/client/redirect.ts'
import { nextHop } from '../../src/client/redirect.ts'
import { RemoteProtocolError, UnsupportedProtocol } from '../../src/errors.ts'
import { assertLinear } from '../support/growth.ts'

const base = 'http://h/dir/page?q=1'

function hopTo(url: string | URL, given: Partial<Hop> = {}): Hop {
  return {
    method: 'GET',
    url: new URL(url),
    fields: [],
    content: null,
    keepsCredentials: true,
    wasDowngraded: false,
    ...given,
  }
}

/** Creates a response. Its Location can have characters that no connection would deliver. */
const redirects = (status: number, location: string | null) => ({
  status,
  headers: { getAll: () => (location === null ? [] : [location]) },
})

function follow(location: string, hop = hopTo(base), status = 302): Hop {
  const next = nextHop(hop, redirects(status, location))
  assert.ok(next)
  return next
}

describe('29, A2 method and content', () => {
  const cases = [
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
  const sameRules = new Map<number, number[]>([
    [301, [301, 302]],
    [303, [303]],
    [307, [307, 308]],
  ])
  for (const [kind, method, next, keeps] of cases) {
    for (const status of sameRules.get(kind) ?? []) {
      test(`${status} ${method}`, () => {
        const content = 'content'
        const fields = ['Content-Type', 'a/b', 'Accept', 'c/d']
        const hop = follow('/x', hopTo(base, { method, content, fields }), status)
        assert.equal(hop.method, next)
        assert.equal(hop.content, keeps ? content : null)
        assert.deepEqual(hop.fields, keeps ? fields : ['Accept', 'c/d'])
      })
    }
  }

  // As in HTTPX and fetch: the request has not changed.
  for (const method of ['GET', 'HEAD']) {
    test(`68 303 ${method} without content keeps all fields`, () => {
      const fields = ['Content-Type', 'a/b', 'Content-Language', 'en', 'Digest', 'x', 'X-A', '1']
      const hop = follow('/x', hopTo(base, { method, content: null, fields }), 303)
      assert.deepEqual([hop.method, hop.fields], [method, fields])
      const other = follow('/x', hopTo(base, { method: 'PUT', content: null, fields }), 303)
      assert.deepEqual([other.method, other.fields], ['GET', ['X-A', '1']])
    })
  }

  test('other statuses, and responses without a Location, are not redirects', () => {
    for (let status = 100; status < 600; status++) {
      const isRedirect = [301, 302, 303, 307, 308].includes(status)
      const next = nextHop(hopTo(base), redirects(status, '/x'))
      assert.equal(next !== null, isRedirect, `${status}`)
      assert.equal(nextHop(hopTo(base), redirects(status, null)), null)
      assert.equal(nextHop(hopTo(base), redirects(status, '')), null)
    }
  })
})

describe('68 repeated Location fields', () => {
  const hopAfter = (...locations: string[]) =>
    nextHop(hopTo(base), { status: 302, headers: { getAll: () => locations } })

  test('with the same value count as one', () => {
    assert.equal(hopAfter('/x', '/x', '/x')?.url.href, 'http://h/x')
    assert.equal(hopAfter('', ''), null)
    // A comma is a part of the URL.
    assert.equal(hopAfter('/x, /x')?.url.href, 'http://h/x,%20/x')
  })

  test('with different values are an error', () => {
    const message = 'http://h/dir/page?… redirects to 2 different URLs'
    for (const locations of [
      ['/x', '/y'],
      ['/x', ''],
      ['', '/x'],
      ['/x', '/y', '/x'],
    ]) {
      assert.throws(() => hopAfter(...locations), { name: 'RemoteProtocolError', message })
    }
  })
})

describe('A1 the next URL', () => {
  const cases: [from: string, location: string, href: string][] = [
    [base, '/x', 'http://h/x'],
    [base, 'x?a=b', 'http://h/dir/x?a=b'],
    [base, '../x', 'http://h/x'],
    [base, '?a=b', 'http://h/dir/page?a=b'],
    [base, '//other/x', 'http://other/x'],
    [base, '\\\\other/x', 'http://other/x'],
    [base, 'https://other', 'https://other/'],
    [base, 'HTTP://Other/X', 'http://other/X'],
    [base, 'http:/x', 'http://h/x'],
    [base, '/a b', 'http://h/a%20b'],
    // RFC 9110 10.2.2
    ['http://h/a#from', '/x', 'http://h/x#from'],
    ['http://h/a#from', 'http://other/x', 'http://other/x#from'],
    ['http://h/a#from', '/x#to', 'http://h/x#to'],
    ['http://h/a#from', '/x#', 'http://h/x#'],
    ['http://h/a', '#to', 'http://h/a#to'],
    // Bytes are kept, whether they are UTF-8 or not.
    [base, '/caf\xc3\xa9?q=\xc3\xa9#\xc3\xa9', 'http://h/caf%C3%A9?q=%C3%A9#%C3%A9'],
    [base, '/caf\xe9', 'http://h/caf%E9'],
    [base, '/\x80\x9f\xa0\xff', 'http://h/%80%9F%A0%FF'],
    [base, 'http://b\xc3\xbccher.example/', 'http://xn--bcher-kva.example/'],
    [base, '/%C3%A9%zz', 'http://h/%C3%A9%zz'],
  ]
  for (const [from, location, href] of cases) {
    test(`${from} and ${JSON.stringify(location)}`, () => {
      const url = new URL(from)
      assert.equal(follow(location, hopTo(from, { url })).url.href, href)
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
    // Userinfo is kept only for its origin, and that of a Location is never used.
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
      const next = follow(location, hopTo(from))
      assert.equal(next.keepsCredentials, keeps)
      assert.equal(next.url.href, href)
    })
  }

  const standard = ['Authorization', 'a', 'COOKIE', 'b', 'proxy-authorization', 'c', 'Host', 'd']
  const secrets = [...standard, 'X-Api-Key', 'g', 'x-csrftoken', 'h']
  const fields = ['Accept', 'e', ...secrets, 'X-Other', 'f']
  test('28, 30 fields that are bound to one origin', () => {
    const others = ['Accept', 'e', 'X-Other', 'f']
    const next = (location: string) => follow(location, hopTo('http://h/', { fields })).fields
    assert.deepEqual(next('/x'), fields)
    assert.deepEqual(next('http://other/'), others)
    assert.deepEqual(next('http://h:81/'), others)
    // The same host, but through a tunnel.
    const withoutProxy = fields.filter((_, i) => i !== 6 && i !== 7)
    assert.deepEqual(next('https://h/'), withoutProxy)
  })

  test('28 dropped fields are not sent after a redirect back to the first host', () => {
    const away = follow('http://other/', hopTo('http://h/', { fields }))
    const back = follow('http://h/', away)
    assert.equal(back.keepsCredentials, false)
    assert.deepEqual(follow('/x', { ...back, fields }).fields, ['Accept', 'e', 'X-Other', 'f'])
  })
})

describe('29, A2 redirects that are refused', () => {
  const request = { method: 'GET', url: base }
  const from = new URL('http://u:secret@h/x?secret')
  const cases: [location: string, type: new (message: string) => Error, message: RegExp][] = [
    ['http://', RemoteProtocolError, /^http:\/\/h\/x\?… redirects to an invalid URL: "http:\/\/"$/],
    ['http://h:99999/', RemoteProtocolError, /"http:\/\/h:99999\/"$/],
    ['http://a:secret@h:x/?secret', RemoteProtocolError, /"h:x\/\?…"$/],
    ['//[', RemoteProtocolError, /invalid URL/],
    [`http://h:x/${'y'.repeat(10_000)}`, RemoteProtocolError, /invalid URL: "h?.{0,250}"$/],
    ['http://\xff/', RemoteProtocolError, /invalid URL/],
    ['http://h\t.evil/', RemoteProtocolError, /invalid URL: "http:\/\/h\.?\\?t?.*"$/],
    ['/\0', RemoteProtocolError, /invalid URL: "\/\\u0000"$/],
    ['/\r\n', RemoteProtocolError, /invalid URL/],
    [
      'ftp://h/',
      UnsupportedProtocol,
      /^http:\/\/h\/x\?… redirects to an unsupported URL scheme: ftp$/,
    ],
    ['file:///etc/passwd', UnsupportedProtocol, /scheme: file$/],
    ['unix:/var/run/docker.sock', UnsupportedProtocol, /scheme: unix$/],
    ['data:text/plain,x', UnsupportedProtocol, /scheme: data$/],
    ['javascript:alert(1)', UnsupportedProtocol, /scheme: javascript$/],
    ['other:8080/x', UnsupportedProtocol, /scheme: other$/],
  ]
  for (const [location, type, message] of cases) {
    test(JSON.stringify(location), () => {
      assert.throws(
        () => nextHop(hopTo(from), redirects(307, location), { request, responseStarted: true }),
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

test('29 fields that describe the content', () => {
  const content = [
    'Content-Type content-length CONTENT-ENCODING content-language content-location content-range',
    'content-disposition content-md5 content-digest repr-digest digest transfer-encoding trailer',
    'expect last-modified',
  ]
  const others =
    'accept accept-encoding authorization cookie user-agent te connection content x-content-type'
  const kept = (names: string) => {
    const fields = names.split(' ').flatMap((name) => [name, 'x'])
    const { fields: sent } = follow('/x', hopTo(base, { method: 'POST', fields }), 303)
    return flatFields(sent).filter((_, i) => i % 2 === 0)
  }
  assert.deepEqual(kept(content.join(' ')), [])
  assert.deepEqual(kept(`host ${others}`), `host ${others}`.split(' '))
})
