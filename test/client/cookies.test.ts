import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import type { CookieScope, CookiesInit } from '../../src/client/cookies/cookies.ts'
import {
  Cookies,
  requestCookies,
  requestCookiesFor,
  responseCookies,
} from '../../src/client/cookies/cookies.ts'
import { HawserError, LocalProtocolError } from '../../src/errors.ts'
import { Headers } from '../../src/models/headers.ts'
import { assertLinear } from '../support/growth.ts'
import { withPollutedPrototype } from '../support/pollution.ts'

const url = new URL('http://h.test/')

/** The cookies of a request that are sent to `to`. */
const cookiePairs = (init: CookiesInit, to: URL) =>
  requestCookiesFor(requestCookies(init), to, true) ?? new Map()

/** The Cookie field that is sent to a host that the caller requested. */
function sent(cookies: Cookies, to: string | URL = url): unknown {
  return cookies.header(new URL(to), { includeUnscoped: true, extra: null })
}

function stored(setCookies: string[], from: string | URL = url, init?: CookiesInit): Cookies {
  const cookies = new Cookies(init)
  assert.equal(cookies.storeSetCookies(setCookies, new URL(from)), undefined)
  return cookies
}

describe('35 the constructor accepts', () => {
  const jar = new CookieJar()
  jar.setCookieSync('a=1', url)
  const cases: [CookiesInit, string][] = [
    [undefined, ''],
    [null, ''],
    [{}, ''],
    [{ a: '1', b: '2' }, 'a=1; b=2'],
    [{ a: null, b: undefined, c: '3' }, 'c=3'],
    [[['a', '1'], ['a', '2']], 'a=2'], // biome-ignore format: as one line of the table
    [new Map([['a', '1']]), 'a=1'],
    [JSON.parse('{"__proto__":"1","constructor":"2"}'), '__proto__=1; constructor=2'],
    [Object.assign(Object.create(null), { a: '1' }), 'a=1'],
    [{ getCookies: 'x', setCookie: 'y' }, 'getCookies=x; setCookie=y'],
    [jar, 'a=1'],
    [new Cookies({ a: '1' }), 'a=1'],
    [new Cookies(jar), 'a=1'],
  ]
  for (const [init, expected] of cases) {
    test(inspect(init, { depth: 1 }), () => {
      assert.equal(sent(new Cookies(init)), expected)
      assert.equal(sent(Cookies.from(init)), expected)
    })
  }

  const invalid = ['a=1', 7, true, () => {}, Symbol('s'), ['a'], ['ab'], [['a']], [['a', '1', '2']]]
  for (const init of invalid) {
    test(`not ${inspect(init)}`, () => {
      assert.throws(() => new Cookies(init as unknown as CookiesInit), TypeError)
    })
  }

  test('from returns Cookies unchanged; the constructor copies them', () => {
    const cookies = stored(['a=1'], url, { b: '2' })
    assert.equal(Cookies.from(cookies), cookies)
    const copy = new Cookies(cookies)
    copy.storeSetCookies(['a=changed', 'c=3'], url)
    copy.set('b', 'changed')
    assert.equal(sent(cookies), 'a=1; b=2')
    assert.equal(sent(copy), 'a=changed; c=3; b=changed')
  })

  test('a jar is used and not copied', () => {
    const cookies = new Cookies(jar)
    assert.equal(cookies.jar, jar)
    cookies.storeSetCookies(['b=2'], url)
    assert.match(jar.getCookieStringSync(url), /b=2/)
  })
})

describe('cookies without a domain', () => {
  test('28 are sent to hosts that the caller requests, and not after a redirect', () => {
    const cookies = new Cookies({ a: '1' })
    cookies.storeSetCookies(['b=2'], url)
    assert.equal(
      cookies.header(url, { includeUnscoped: true, extra: new Map([['c', '3']]) }),
      'b=2; a=1; c=3',
    )
    assert.equal(cookies.header(url, { includeUnscoped: false, extra: null }), 'b=2')
    const other = new URL('https://other.test/')
    assert.equal(cookies.header(other, { includeUnscoped: true, extra: null }), 'a=1')
    assert.equal(cookies.header(other, { includeUnscoped: false, extra: null }), '')
  })

  test('are not in the jar', () => {
    assert.deepEqual(new Cookies({ a: '1' }).jar.serializeSync()?.cookies, [])
  })

  test('are sent by path', () => {
    const cookies = new Cookies()
    cookies.set('a', 'root')
    cookies.set('a', 'sub', { path: '/x' })
    cookies.set('b', 'slash', { path: '/x/' })
    assert.equal(sent(cookies, 'http://h/'), 'a=root')
    assert.equal(sent(cookies, 'http://h/x'), 'a=root; a=sub')
    assert.equal(sent(cookies, 'http://h/x/y?z'), 'a=root; a=sub; b=slash')
    assert.equal(sent(cookies, 'http://h/xy'), 'a=root')
  })
})

describe('cookies of the same name', () => {
  const cases: [Record<string, string>, string[], Record<string, string | null> | null, string][] =
    [
      [{ a: 'client' }, [], null, 'a=client'],
      [{ a: 'client' }, ['a=server'], null, 'a=server'],
      [{ a: 'client' }, ['a=server'], { a: 'request' }, 'a=request'],
      [{ a: 'client' }, [], { a: 'request' }, 'a=request'],
      [{ a: 'client', b: '1' }, ['a=server', 'c=2'], { a: null }, 'c=2; b=1'],
      [{ A: 'client' }, ['a=server'], { á: 'request' }, 'a=server; A=client; á=request'],
      [{}, ['a=server'], { b: null }, 'a=server'],
      [{}, ['a=1', 'a=2; Path=/x'], { a: 'request' }, 'a=request'],
      [{ a: 'client' }, ['a=elsewhere; Path=/y'], null, 'a=client'],
    ]
  for (const [client, server, request, expected] of cases) {
    test(`${inspect(client)}, then ${inspect(server)}, then ${inspect(request)}`, () => {
      const cookies = stored(server, url, client)
      const extra = request === null ? null : cookiePairs(request, url)
      assert.equal(
        cookies.header(new URL('http://h.test/x/z'), { includeUnscoped: true, extra }),
        expected,
      )
    })
  }
})

describe('19, 35 names and values', () => {
  const valid = [
    ['a', ''],
    ['a', 'two words'],
    ['a', '"quoted, with a comma"'],
    ['a', 'b=c=='],
    ['a', '%3B%0D%0A'],
    ['a', 'é\xa0ÿ'],
    ['a[b]/(c)@{d}:e', '1'],
    ['é', '1'],
    ['__proto__', '1'],
    ['hasOwnProperty', '1'],
  ] as const
  for (const [name, value] of valid) {
    test(`sent unchanged: ${inspect(name)} ${inspect(value)}`, () => {
      const cookies = new Cookies([[name, value]])
      assert.equal(sent(cookies), `${name}=${value}`)
      assert.equal(cookies.get(name), value)
      const stored = new Cookies()
      stored.set(name, value, { domain: 'h.test' })
      assert.equal(sent(stored), `${name}=${value}`)
      assert.deepEqual(cookiePairs([[name, value]], url), new Map([[name, value]]))
    })
  }

  const injections = [
    ['a', 'secret;b=c'],
    ['a', 'secret; Domain=evil.test'],
    ['a', 'secret\r\nX-Evil: 1'],
    ['a', 'secret\n'],
    ['a', 'secret\0'],
    ['a', 'secret\t'],
    ['a', 'secret\x7f'],
    ['a', 'secret\u0100'],
    ['a', 'secret😀'],
    ['a=b', 'secret'],
    ['a;b', 'secret'],
    ['a,b', 'secret'],
    ['a b', 'secret'],
    [' a', 'secret'],
    ['\xa0a', 'secret'],
    ['"a', 'secret'],
    ['a\r\nb', 'secret'],
    ['a\0', 'secret'],
    ['\u{1f36a}', 'secret'],
  ] as const
  for (const [name, value] of injections) {
    test(`refused: ${inspect(name)} ${inspect(value)}`, () => {
      const cookies = new Cookies()
      const works = [
        () => cookies.set(name, value),
        () => cookies.set(name, value, { domain: 'h.test' }),
        () => new Cookies({ [name]: value }),
        () => cookiePairs({ [name]: value }, url),
      ]
      for (const work of works) {
        assert.throws(work, (error) => {
          assert.ok(error instanceof LocalProtocolError)
          assert.doesNotMatch(inspect(error), /secret/)
          return true
        })
      }
      assert.ok(cookies.isEmpty)
    })
  }

  const invalid = [['', '1'], [7, '1'], ['a', 7], ['a', {}], ['a', true], [null, '1']] // biome-ignore format: as one line of the table
  for (const [name, value] of invalid) {
    test(`not ${inspect(name)} ${inspect(value)}`, () => {
      assert.throws(() => new Cookies().set(name as string, value as string), TypeError)
      assert.throws(() => cookiePairs([[name as string, value as string]], url), TypeError)
    })
  }
})

describe('set with a domain', () => {
  const cases: [CookieScope, sentTo: string[], notTo: string[]][] = [
    [
      { domain: 'h.test' },
      ['http://h.test/', 'https://h.test:8/x', 'http://sub.h.test'],
      ['http://g.test', 'http://xh.test'],
    ],
    [{ domain: '.H.Test' }, ['http://h.test/', 'http://sub.h.test'], ['http://test']],
    [
      { domain: 'h.test', path: '/x' },
      ['http://h.test/x', 'http://h.test/x/y'],
      ['http://h.test/', 'http://h.test/xy'],
    ],
    [{ domain: 'bücher.example' }, ['http://xn--bcher-kva.example'], []],
    [{ domain: '127.0.0.1' }, ['http://127.0.0.1:8000'], ['http://1', 'http://127.0.0.2']],
    [{ domain: '::1' }, ['http://[::1]:8000'], ['http://[::2]']],
    [{ domain: '[::1]' }, ['http://[::1]:8000'], ['http://[::2]']],
    [{ domain: 'localhost' }, ['http://localhost:8000'], ['http://127.0.0.1']],
    [{ domain: 'myhost' }, ['http://myhost'], ['http://h.test']],
    [{ domain: 'test' }, ['http://test'], ['http://h.test']],
  ]
  for (const [scope, yes, no] of cases) {
    for (const init of [null, new CookieJar()]) {
      test(`${inspect(scope)}${init ? " in a caller's jar" : ''}`, () => {
        const cookies = new Cookies(init)
        cookies.set('a', '1', scope)
        // The store of tough-cookie throws for this host.
        const skipped = init && scope.domain === 'test'
        for (const to of yes) assert.equal(sent(cookies, to), skipped ? '' : 'a=1', to)
        for (const to of no) assert.equal(sent(cookies, to), '', to)
        assert.equal(cookies.get('a', scope), '1')
        assert.equal(cookies.delete('a', scope), true)
        assert.equal(cookies.get('a'), null)
      })
    }
  }

  const invalid: CookieScope[] = [
    { domain: '' },
    { domain: 'h.test/x' },
    { domain: 'user@h.test' },
    { domain: 'h.test:80' },
    { domain: 'h.test?x' },
    { domain: 'h .test' },
    { domain: 'h.test;Secure' },
    { domain: 'co.uk' },
    { domain: 'github.io' },
    { domain: 7 as unknown as string },
    { path: 'x' },
    { path: '' },
    { path: '/x;Domain=evil.test' },
    { path: '/x\r\n' },
    { path: 7 as unknown as string },
    { host: 'h.test' } as CookieScope,
    'h.test' as CookieScope,
    null as unknown as CookieScope,
  ]
  for (const scope of invalid) {
    test(`not ${inspect(scope)}`, () => {
      const cookies = new Cookies()
      assert.throws(() => cookies.set('a', 'secret', scope), TypeError)
      assert.ok(cookies.isEmpty)
    })
  }

  test('with a prefix, sets the attributes that the prefix requires', () => {
    const cookies = new Cookies()
    cookies.set('__Host-a', '1', { domain: 'h.test' })
    cookies.set('__Secure-b', '2', { domain: 'h.test' })
    assert.equal(sent(cookies, 'https://h.test'), '__Host-a=1; __Secure-b=2')
    assert.equal(sent(cookies, 'https://sub.h.test'), '__Secure-b=2')
    assert.equal(sent(cookies, 'http://h.test'), '')
    assert.throws(() => cookies.set('__Host-a', '1', { domain: 'h.test', path: '/x' }), TypeError)
  })
})

describe('get, delete, clear, iteration', () => {
  function sample(): Cookies {
    const cookies = new Cookies({ unscoped: '1', both: '2' })
    cookies.storeSetCookies(['both=3', 'one=4; Path=/x', 'two=5', 'two=6; Path=/x'], url)
    cookies.storeSetCookies(['three=7'], new URL('http://g.test/'))
    cookies.storeSetCookies(['three=8'], url)
    cookies.set('three', '9', { path: '/y' })
    return cookies
  }
  const all = [
    ['both', '3'],
    ['one', '4'],
    ['two', '5'],
    ['two', '6'],
    ['three', '7'],
    ['three', '8'],
    ['unscoped', '1'],
    ['both', '2'],
    ['three', '9'],
  ]
  const CONFLICT = Symbol('conflict')

  const gets: [string, CookieScope, string | null | symbol][] = [
    ['none', {}, null],
    ['UNSCOPED', {}, null],
    ['unscoped', {}, '1'],
    ['unscoped', { path: '/' }, '1'],
    ['unscoped', { path: '/x' }, null],
    ['unscoped', { domain: 'h.test' }, null],
    ['both', {}, '3'],
    ['both', { domain: null, path: undefined }, '3'],
    ['both', { domain: 'h.test' }, '3'],
    ['both', { domain: 'test' }, null],
    ['both', { domain: 'sub.h.test' }, null],
    ['one', {}, '4'],
    ['two', {}, CONFLICT],
    ['two', { domain: 'h.test' }, CONFLICT],
    ['two', { path: '/' }, '5'],
    ['two', { path: '/x', domain: '.H.TEST' }, '6'],
    ['three', {}, CONFLICT],
    ['three', { domain: 'g.test' }, '7'],
    ['three', { path: '/y' }, '9'],
    ['__proto__', {}, null],
  ]
  for (const [name, scope, expected] of gets) {
    test(`get ${name} ${inspect(scope)}`, () => {
      if (expected !== CONFLICT) return assert.equal(sample().get(name, scope), expected)
      assert.throws(
        () => sample().get(name, scope),
        (error) => {
          assert.ok(error instanceof HawserError)
          assert.match(error.message, /^Several cookies have the name t\w+: .*h\.test\//)
          assert.doesNotMatch(error.message, /[5-9]/)
          return true
        },
      )
    })
  }

  const removals: [string | null, CookieScope, removed: string[]][] = [
    ['none', {}, []],
    ['unscoped', {}, ['1']],
    ['both', {}, ['2', '3']],
    ['both', { domain: 'h.test' }, ['3']],
    ['two', { path: '/x' }, ['6']],
    ['three', {}, ['7', '8', '9']],
    [null, {}, ['1', '2', '3', '4', '5', '6', '7', '8', '9']],
    [null, { domain: 'h.test' }, ['3', '4', '5', '6', '8']],
    [null, { domain: 'g.test', path: '/x' }, []],
    [null, { path: '/x' }, ['4', '6']],
  ]
  for (const [name, scope, removed] of removals) {
    test(`${name === null ? 'clear' : `delete ${name}`} ${inspect(scope)}`, () => {
      const cookies = sample()
      if (name === null) cookies.clear(scope)
      else assert.equal(cookies.delete(name, scope), removed.length > 0)
      const remaining = all.filter(([, value]) => !removed.includes(value!))
      assert.deepEqual([...cookies], remaining)
      assert.equal(cookies.isEmpty, remaining.length === 0)
    })
  }

  test('iteration yields the oldest first', () => {
    assert.deepEqual([...sample()], all)
    assert.deepEqual([...new Cookies()], [])
  })

  test('get throws for several cookies without a domain', () => {
    const cookies = new Cookies({ a: '1' })
    cookies.set('a', '2', { path: '/x' })
    assert.throws(() => cookies.get('a'), /^HawserError: Several .* \(one of \/, \/x\)$/)
  })
})

test('responseCookies returns the cookies that the response sets', () => {
  const headers = new Headers([
    ['set-cookie', 'a=1; Path=/; HttpOnly'],
    ['Set-Cookie', 'b=2; Domain=other.test'],
    ['SET-COOKIE', 'c=a,b; Expires=Wed, 21 Oct 2099 07:28:00 GMT'],
  ])
  assert.deepEqual([...responseCookies(headers, url)], [['a', '1'], ['c', 'a,b']]) // biome-ignore format: one line
  assert.ok(responseCookies(new Headers(), url).isEmpty)
})

describe('requestCookies', () => {
  test('returns the cookies of a jar that match the URL', () => {
    const jar = new CookieJar()
    jar.setCookieSync('a=1', 'http://h.test/')
    jar.setCookieSync('a=2; Path=/x', 'http://h.test/')
    jar.setCookieSync('b=3', 'http://g.test/')
    const cookies = new Cookies(jar)
    cookies.set('a', 'unscoped')
    cookies.set('c', '4')
    cookies.set('d', '5', { path: '/y' })
    const target = new URL('http://h.test/x')
    assert.deepEqual(cookiePairs(cookies, target), new Map(Object.entries({ a: '2', c: '4' })))
    assert.deepEqual(cookiePairs(jar, url), new Map([['a', '1']]))
  })

  test('keeps null, and ignores undefined', () => {
    const pairs = cookiePairs({ a: null, b: undefined, c: '' }, url)
    assert.deepEqual([...pairs], [['a', null], ['c', '']]) // biome-ignore format: one line
    assert.equal(cookiePairs(null, url).size, 0)
    assert.equal(cookiePairs(undefined, url).size, 0)
  })
})

describe('util.inspect', () => {
  test('shows names and domains, and no values', () => {
    const cookies = stored(['sid=secret1; Path=/x'], 'http://h.test/', { theme: 'secret2' })
    assert.equal(inspect(cookies), "Cookies [ 'sid (h.test)', 'theme' ]")
    assert.equal(inspect([cookies], { depth: 0 }), '[ [Cookies] ]')
    assert.doesNotMatch(inspect(cookies, { showHidden: true, depth: 9 }), /secret/)
    assert.equal(JSON.stringify(cookies), '{}')
    assert.equal(inspect(new Cookies()), 'Cookies []')
  })

  test('with an asynchronous store', () => {
    const store = new MemoryCookieStore()
    store.synchronous = false
    const cookies = new Cookies(new CookieJar(store))
    cookies.set('a', 'secret')
    assert.equal(inspect(cookies), "Cookies [ '(in an asynchronous store)', 'a' ]")
  })
})

test('22 a polluted Object.prototype changes nothing', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0) })
  const pollution = {
    ...{ key: 'evil', value: 'evil', name: 'evil', domain: 'evil.test', path: '/evil' },
    ...{ secure: true, httpOnly: true, hostOnly: false, pathIsDefault: true, sameSite: 'strict' },
    ...{ expires: new Date(0), maxAge: 1, creation: new Date(0), lastAccessed: new Date(0) },
    ...{ http: false, expire: false, allPaths: true, sort: false, loose: true, ignoreError: true },
    ...{ sameSiteContext: 'none', now: new Date(0), synchronous: false, store: {} },
    ...{ rejectPublicSuffixes: false, looseMode: true, allowSpecialUseDomain: false },
    ...{ prefixSecurity: 'unsafe-disabled', allowSecureOnLocal: false },
    ...{ enforceSecureOriginOnStorage: false },
    ...{ getCookies: () => 'evil', setCookie: () => 'evil', evil: 'evil', extra: null },
  }
  const work = () => {
    const cookies = new Cookies({ a: '1' })
    const lines = [
      'b=2',
      'c=3; Path=/x',
      'd=4; Domain=co.uk',
      'nameless',
      '__Host-e=5',
      'f=6; Secure',
    ]
    cookies.storeSetCookies(lines, new URL('http://h.co.uk/'))
    cookies.storeSetCookies(['g=7; Secure; Expires; Domain; Path'], new URL('http://127.0.0.1/'))
    cookies.storeSetCookies(
      ['j=10; HttpOnly; Domain=h.test; Max-Age=10', 'k=11; Max-Age=9', 'loose'],
      new URL('http://sub.h.test/'),
    )
    t.mock.timers.tick(9000)
    cookies.set('h', '8', { domain: 'sub.h.co.uk' })
    cookies.set('i', '9', { path: '/' })
    return [
      ...['http://h.co.uk/', 'http://127.0.0.1/', 'http://sub.h.co.uk/x', 'http://sub.h.test/'].map(
        (to) => sent(cookies, to),
      ),
      sent(new Cookies(cookies), 'http://h.co.uk/'),
      [...cookies],
      cookies.get('h', {}),
      [...cookiePairs({ a: '1' }, url)],
    ]
  }
  const expected = work()
  assert.equal(expected[0], 'b=2; a=1; i=9')
  assert.equal(expected[3], 'j=10; a=1; i=9')
  assert.deepEqual(withPollutedPrototype(pollution, work), expected)
})

test('21 the time for a hostile name or value is linear in its length', () => {
  assertLinear(
    (size) => size,
    (size) => {
      for (const unit of ['a', ' ', ';', '=', '"', '\t', '%', '.', '/', '[', 'é', '😀']) {
        const text = unit.repeat(size / unit.length)
        const cookies = new Cookies()
        const works = [
          () => cookies.set(text, 'a'),
          () => cookies.set('a', text),
          () => cookies.get('a', { domain: text }),
          () => cookies.get('a', { path: `/${text}` }),
        ]
        for (const work of works) {
          try {
            work()
          } catch {}
        }
        sent(cookies, `http://h/${text}`)
      }
    },
  )
})
