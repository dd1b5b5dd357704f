import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import type { Hop } from '../../src/client/redirect.ts'
import { nextHop } from '../../src/client/redirect.ts'
import { RemoteProtocolError, UnsupportedProtocol } from '../../src/errors.ts'
import { assertLinear } from '../support/growth.ts'

const here = 'http://h/dir/page?q=1'

function hopTo(url: string | URL, given: Partial<Hop> = {}): Hop {
  return {
    method: 'GET',
    url: new URL(url),
    fields: [],
    content: null,
    keepsCredentials: true,
    ...given,
  }
}

/** A response whose Location may have what no connection would bring. */
const redirects = (status: number, location: string | null) => ({
  status,
  headers: { get: () => location },
})

function follow(location: string, hop = hopTo(here), status = 302): Hop {
  const next = nextHop(hop, redirects(status, location))
  assert.ok(next)
  return next
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
        const content = 'content'
        const fields = ['Content-Type', 'a/b', 'Accept', 'c/d']
        const hop = follow('/x', hopTo(here, { method, content, fields }), status)
        assert.equal(hop.method, next)
        assert.equal(hop.content, keeps ? content : null)
        assert.deepEqual(hop.fields, keeps ? fields : ['Accept', 'c/d'])
      })
    }
  }

  test('no other status is followed, and none without a Location', () => {
    for (let status = 100; status < 600; status++) {
      const isRedirect = [301, 302, 303, 307, 308].includes(status)
      const next = nextHop(hopTo(here), redirects(status, '/x'))
      assert.equal(next !== null, isRedirect, `${status}`)
      assert.equal(nextHop(hopTo(here), redirects(status, null)), null)
      assert.equal(nextHop(hopTo(here), redirects(status, '')), null)
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
      const next = follow(location, hopTo(from))
      assert.equal(next.keepsCredentials, keeps)
      assert.equal(next.url.href, href)
    })
  }

  const secrets = ['Authorization', 'a', 'COOKIE', 'b', 'proxy-authorization', 'c', 'Host', 'd']
  const fields = ['Accept', 'e', ...secrets, 'X-Token', 'f']
  test('28, 30 fields for one origin', () => {
    const rest = ['Accept', 'e', 'X-Token', 'f']
    const next = (location: string) => follow(location, hopTo('http://h/', { fields })).fields
    assert.deepEqual(next('/x'), fields)
    assert.deepEqual(next('http://other/'), rest)
    assert.deepEqual(next('http://h:81/'), rest)
    // The same host, but through a tunnel of the proxy.
    const withoutProxy = fields.filter((_, i) => i !== 6 && i !== 7)
    assert.deepEqual(next('https://h/'), withoutProxy)
  })

  test('28 what was dropped does not come back with the first host', () => {
    const away = follow('http://other/', hopTo('http://h/', { fields }))
    const back = follow('http://h/', away)
    assert.equal(back.keepsCredentials, false)
    assert.deepEqual(follow('/x', { ...back, fields }).fields, ['Accept', 'e', 'X-Token', 'f'])
  })
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

test('29 fields of the content', () => {
  const content = [
    'Content-Type content-length CONTENT-ENCODING content-language content-location content-range',
    'content-disposition content-md5 content-digest repr-digest digest transfer-encoding trailer',
    'expect last-modified',
  ]
  const others =
    'accept accept-encoding authorization cookie user-agent te connection content x-content-type'
  const kept = (names: string) => {
    const fields = names.split(' ').flatMap((name) => [name, 'x'])
    return follow('/x', hopTo(here, { fields }), 303).fields.filter((_, i) => i % 2 === 0)
  }
  assert.deepEqual(kept(content.join(' ')), [])
  assert.deepEqual(kept(`host ${others}`), `host ${others}`.split(' '))
})
