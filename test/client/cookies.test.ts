import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import type { CookieScope, CookiesInit } from '../../src/client/cookies/cookies.ts'
import {
  Cookies,
  cookiesOf,
  extraCookies,
  requestCookies,
} from '../../src/client/cookies/cookies.ts'
import { HawserError, LocalProtocolError } from '../../src/errors.ts'
import { Headers } from '../../src/models/headers.ts'
import { assertLinear } from '../support/growth.ts'
import { whilePolluted } from '../support/pollution.ts'

const url = new URL('http://h.test/')

/** What is sent where the caller asked for it. */
/** What a request's own cookies are for `to`. */
const cookiePairs = (init: CookiesInit, to: URL) =>
  extraCookies(requestCookies(init), to, true) ?? new Map()

function sent(cookies: Cookies, to: string | URL = url): unknown {
  return cookies.header(new URL(to), { asked: true, extra: null })
}

function kept(setCookies: string[], from: string | URL = url, init?: CookiesInit): Cookies {
  const cookies = new Cookies(init)
  assert.equal(cookies.keep(setCookies, new URL(from)), undefined)
  return cookies
}

describe('35 made of', () => {
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
  for (const [init, want] of cases) {
    test(inspect(init, { depth: 1 }), () => {
      assert.equal(sent(new Cookies(init)), want)
      assert.equal(sent(Cookies.from(init)), want)
    })
  }

  const bad = ['a=1', 7, true, () => {}, Symbol('s'), ['a'], ['ab'], [['a']], [['a', '1', '2']]]
  for (const init of bad) {
    test(`not ${inspect(init)}`, () => {
      assert.throws(() => new Cookies(init as unknown as CookiesInit), TypeError)
    })
  }

  test('from gives cookies as they are; the constructor copies them', () => {
    const cookies = kept(['a=1'], url, { b: '2' })
    assert.equal(Cookies.from(cookies), cookies)
    const copy = new Cookies(cookies)
    copy.keep(['a=changed', 'c=3'], url)
    copy.set('b', 'changed')
    assert.equal(sent(cookies), 'a=1; b=2')
    assert.equal(sent(copy), 'a=changed; c=3; b=changed')
  })

  test('a jar is used and not copied', () => {
    const cookies = new Cookies(jar)
    assert.equal(cookies.jar, jar)
    cookies.keep(['kept=2'], url)
    assert.match(jar.getCookieStringSync(url), /kept=2/)
  })
})

describe('without a domain', () => {
  test('28 sent where the caller asked, and not where a redirect leads', () => {
    const cookies = new Cookies({ a: '1' })
    cookies.keep(['b=2'], url)
    assert.equal(
      cookies.header(url, { asked: true, extra: new Map([['c', '3']]) }),
      'b=2; a=1; c=3',
    )
    assert.equal(cookies.header(url, { asked: false, extra: null }), 'b=2')
    const other = new URL('https://other.test/')
    assert.equal(cookies.header(other, { asked: true, extra: null }), 'a=1')
    assert.equal(cookies.header(other, { asked: false, extra: null }), '')
  })

  test('of no jar', () => {
    assert.deepEqual(new Cookies({ a: '1' }).jar.serializeSync()?.cookies, [])
  })

  test('by path', () => {
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

describe('of one name', () => {
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
  for (const [client, server, request, want] of cases) {
    test(`${inspect(client)}, then ${inspect(server)}, then ${inspect(request)}: ${want}`, () => {
      const cookies = kept(server, url, client)
      const extra = request === null ? null : cookiePairs(request, url)
      assert.equal(cookies.header(new URL('http://h.test/x/z'), { asked: true, extra }), want)
    })
  }
})

describe('19, 35 names and values', () => {
  const sound = [
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
  for (const [name, value] of sound) {
    test(`sent as they are: ${inspect(name)} ${inspect(value)}`, () => {
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

  const wrong = [['', '1'], [7, '1'], ['a', 7], ['a', {}], ['a', true], [null, '1']] // biome-ignore format: a table
  for (const [name, value] of wrong) {
    test(`not ${inspect(name)} ${inspect(value)}`, () => {
      assert.throws(() => new Cookies().set(name as string, value as string), TypeError)
      assert.throws(() => cookiePairs([[name as string, value as string]], url), TypeError)
    })
  }
})

describe('set for a domain', () => {
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
      test(`${inspect(scope)}${init ? " in a user's jar" : ''}`, () => {
        const cookies = new Cookies(init)
        cookies.set('a', '1', scope)
        // Its store cannot be asked for this host.
        const skipped = init && scope.domain === 'test'
        for (const to of yes) assert.equal(sent(cookies, to), skipped ? '' : 'a=1', to)
        for (const to of no) assert.equal(sent(cookies, to), '', to)
        assert.equal(cookies.get('a', scope), '1')
        assert.equal(cookies.delete('a', scope), true)
        assert.equal(cookies.get('a'), null)
      })
    }
  }

  const bad: CookieScope[] = [
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
  for (const scope of bad) {
    test(`not ${inspect(scope)}`, () => {
      const cookies = new Cookies()
      assert.throws(() => cookies.set('a', 'secret', scope), TypeError)
      assert.ok(cookies.isEmpty)
    })
  }

  test('with a prefix, under the terms of the prefix', () => {
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
    const cookies = new Cookies({ free: '1', both: '2' })
    cookies.keep(['both=3', 'one=4; Path=/x', 'two=5', 'two=6; Path=/x'], url)
    cookies.keep(['three=7'], new URL('http://g.test/'))
    cookies.keep(['three=8'], url)
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
    ['free', '1'],
    ['both', '2'],
    ['three', '9'],
  ]
  const CONFLICT = Symbol('conflict')

  const gets: [string, CookieScope, string | null | symbol][] = [
    ['none', {}, null],
    ['FREE', {}, null],
    ['free', {}, '1'],
    ['free', { path: '/' }, '1'],
    ['free', { path: '/x' }, null],
    ['free', { domain: 'h.test' }, null],
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
  for (const [name, scope, want] of gets) {
    test(`get ${name} ${inspect(scope)}`, () => {
      if (want !== CONFLICT) return assert.equal(sample().get(name, scope), want)
      assert.throws(
        () => sample().get(name, scope),
        (error) => {
          assert.ok(error instanceof HawserError)
          assert.match(error.message, /^Several cookies are called t.*h\.test\//)
          assert.doesNotMatch(error.message, /[5-9]/)
          return true
        },
      )
    })
  }

  const removals: [string | null, CookieScope, gone: string[]][] = [
    ['none', {}, []],
    ['free', {}, ['1']],
    ['both', {}, ['2', '3']],
    ['both', { domain: 'h.test' }, ['3']],
    ['two', { path: '/x' }, ['6']],
    ['three', {}, ['7', '8', '9']],
    [null, {}, ['1', '2', '3', '4', '5', '6', '7', '8', '9']],
    [null, { domain: 'h.test' }, ['3', '4', '5', '6', '8']],
    [null, { domain: 'g.test', path: '/x' }, []],
    [null, { path: '/x' }, ['4', '6']],
  ]
  for (const [name, scope, gone] of removals) {
    test(`${name === null ? 'clear' : `delete ${name}`} ${inspect(scope)}`, () => {
      const cookies = sample()
      if (name === null) cookies.clear(scope)
      else assert.equal(cookies.delete(name, scope), gone.length > 0)
      const left = all.filter(([, value]) => !gone.includes(value!))
      assert.deepEqual([...cookies], left)
      assert.equal(cookies.isEmpty, left.length === 0)
    })
  }

  test('iteration: the oldest first', () => {
    assert.deepEqual([...sample()], all)
    assert.deepEqual([...new Cookies()], [])
  })

  test('several without a domain conflict as well', () => {
    const cookies = new Cookies({ a: '1' })
    cookies.set('a', '2', { path: '/x' })
    assert.throws(() => cookies.get('a'), /^HawserError: Several .* of \/, \/x$/)
  })
})

test('a response knows what it set itself', () => {
  const headers = new Headers([
    ['set-cookie', 'a=1; Path=/; HttpOnly'],
    ['Set-Cookie', 'b=2; Domain=elsewhere.test'],
    ['SET-COOKIE', 'c=a,b; Expires=Wed, 21 Oct 2099 07:28:00 GMT'],
  ])
  assert.deepEqual([...cookiesOf(headers, url)], [['a', '1'], ['c', 'a,b']]) // biome-ignore format: one line
  assert.ok(cookiesOf(new Headers(), url).isEmpty)
})

describe('for one request', () => {
  test('of a jar or of cookies only what belongs there', () => {
    const jar = new CookieJar()
    jar.setCookieSync('a=1', 'http://h.test/')
    jar.setCookieSync('a=2; Path=/x', 'http://h.test/')
    jar.setCookieSync('b=3', 'http://g.test/')
    const cookies = new Cookies(jar)
    cookies.set('a', 'free')
    cookies.set('c', '4')
    cookies.set('d', '5', { path: '/y' })
    const there = new URL('http://h.test/x')
    assert.deepEqual(cookiePairs(cookies, there), new Map(Object.entries({ a: '2', c: '4' })))
    assert.deepEqual(cookiePairs(jar, url), new Map([['a', '1']]))
  })

  test('null takes away, undefined is nothing', () => {
    const pairs = cookiePairs({ a: null, b: undefined, c: '' }, url)
    assert.deepEqual([...pairs], [['a', null], ['c', '']]) // biome-ignore format: one line
    assert.equal(cookiePairs(null, url).size, 0)
    assert.equal(cookiePairs(undefined, url).size, 0)
  })
})

describe('util.inspect', () => {
  test('has names and domains, and no values', () => {
    const cookies = kept(['sid=secret1; Path=/x'], 'http://h.test/', { theme: 'secret2' })
    assert.equal(inspect(cookies), "Cookies [ 'sid (h.test)', 'theme' ]")
    assert.equal(inspect([cookies], { depth: 0 }), '[ [Cookies] ]')
    assert.doesNotMatch(inspect(cookies, { showHidden: true, depth: 9 }), /secret/)
    assert.equal(JSON.stringify(cookies), '{}')
    assert.equal(inspect(new Cookies()), 'Cookies []')
  })

  test('of an asynchronous store', () => {
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
    cookies.keep(lines, new URL('http://h.co.uk/'))
    cookies.keep(['g=7; Secure; Expires; Domain; Path'], new URL('http://127.0.0.1/'))
    cookies.keep(
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
  const want = work()
  assert.equal(want[0], 'b=2; a=1; i=9')
  assert.equal(want[3], 'j=10; a=1; i=9')
  assert.deepEqual(whilePolluted(pollution, work), want)
})

test('21 a hostile name or value of 1 MB costs no more than its length', () => {
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
