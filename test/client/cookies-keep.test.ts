import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { describe, test } from 'node:test'
import { CookieJar } from 'tough-cookie'
import { Cookies } from '../../src/client/cookies/cookies.ts'
import { assertLinear } from '../support/growth.ts'

function sent(cookies: Cookies, to: string): unknown {
  return cookies.header(new URL(to), { includeUnscoped: false, extra: null })
}

function stored(setCookies: readonly string[], from: string): Cookies {
  const cookies = new Cookies()
  assert.equal(cookies.storeSetCookies(setCookies, new URL(from)), undefined)
  return cookies
}

const H = 'http://h.test/dir/page'
const NEVER = 'Wed, 21 Oct 2099 07:28:00 GMT'
const PAST = 'Wed, 21 Oct 2015 07:28:00 GMT'

describe('35, A6 stored and sent as RFC 6265 specifies', () => {
  const cases: Record<string, [from: string, string[], to: string, expected: string][]> = {
    'only to the same host without Domain': [
      [H, ['a=1'], 'http://h.test/dir/', 'a=1'],
      [H, ['a=1; Path=/'], 'http://sub.h.test/', ''],
      [H, ['a=1; Path=/'], 'http://g.test/', ''],
      [H, ['a=1; Path=/'], 'http://xh.test/', ''],
      [H, ['a=1; Path=/'], 'https://h.test:8443/', 'a=1'],
      [H, ['a=1; Domain=; Path=/'], 'http://sub.h.test/', ''],
    ],
    Domain: [
      [H, ['a=1; Domain=h.test; Path=/'], 'http://sub.h.test/', 'a=1'],
      [H, ['a=1; Domain=.H.TEST; Path=/'], 'http://a.b.h.test/', 'a=1'],
      [H, ['a=1; Domain=h.test; Path=/'], 'http://xh.test/', ''],
      ['http://sub.h.test/', ['a=1; Domain=h.test'], 'http://h.test/', 'a=1'],
      ['http://sub.h.test/', ['a=1; Domain=x.h.test'], 'http://x.h.test/', ''],
      [H, ['a=1; Domain=sub.h.test; Path=/'], 'http://sub.h.test/', ''],
      [H, ['a=1; Domain=g.test; Path=/'], 'http://g.test/', ''],
      [H, ['a=1; Domain=test; Path=/'], 'http://h.test/', ''],
      [H, ['a=1; Domain=g.test; Domain=h.test; Path=/'], 'http://h.test/', 'a=1'],
      ['http://h.com/', ['a=1; Domain=com'], 'http://h.com/', ''],
      ['http://h.co.uk/', ['a=1; Domain=co.uk'], 'http://h.co.uk/', ''],
      ['http://me.github.io/', ['a=1; Domain=github.io'], 'http://you.github.io/', ''],
    ],
    '65 a host that is a public suffix keeps a cookie for itself, as a host-only cookie': [
      ['http://github.io/', ['a=1; Domain=github.io'], 'http://github.io/', 'a=1'],
      ['http://github.io/', ['a=1; Domain=.GitHub.io'], 'http://github.io/', 'a=1'],
      ['http://github.io/', ['a=1; Domain=github.io'], 'http://me.github.io/', ''],
      [
        'https://s3.amazonaws.com/x',
        ['a=1; Domain=s3.amazonaws.com'],
        'https://s3.amazonaws.com/',
        'a=1',
      ],
      [
        'http://s3.amazonaws.com/',
        ['a=1; Domain=amazonaws.com'],
        'http://s3.amazonaws.com/',
        'a=1',
      ],
      ['http://s3.amazonaws.com/', ['a=1; Domain=com'], 'http://s3.amazonaws.com/', ''],
      ['http://co.uk/', ['a=1; Domain=co.uk'], 'http://co.uk/', 'a=1'],
      ['http://xn--55qx5d.cn/', ['a=1; Domain=xn--55qx5d.cn'], 'http://xn--55qx5d.cn/', 'a=1'],
      [
        'http://github.io/',
        ['a=1; Domain=github.io', 'a=2; Domain=github.io; Max-Age=0'],
        'http://github.io/',
        '',
      ],
    ],
    'IP addresses and single-label hosts': [
      ['http://127.0.0.1:8000/', ['a=1'], 'http://127.0.0.1:9000/', 'a=1'],
      ['http://127.0.0.1/', ['a=1; Domain=127.0.0.1'], 'http://127.0.0.1/', 'a=1'],
      ['http://127.0.0.1/', ['a=1; Domain=0.0.1'], 'http://127.0.0.1/', ''],
      ['http://[::1]:8000/', ['a=1'], 'http://[::1]/', 'a=1'],
      ['http://[::1]/', ['a=1; Domain=[::1]'], 'http://[::1]/', 'a=1'],
      ['http://[2001:db8::1]/', ['a=1'], 'http://[2001:db8::2]/', ''],
      ...['localhost', 'myhost', 'test', 'local', 'example', 'invalid', 'x.localhost'].flatMap(
        (host): [string, string[], string, string][] => [
          [`http://${host}/`, ['a=1'], `http://${host}:81/`, 'a=1'],
          [`http://${host}/`, [`a=1; Domain=${host}`], `http://${host}/`, 'a=1'],
          [`http://${host}/`, ['a=1; Domain=other'], `http://${host}/`, ''],
        ],
      ),
    ],
    Path: [
      [H, ['a=1'], 'http://h.test/dir', 'a=1'],
      [H, ['a=1'], 'http://h.test/dir/page/more?q', 'a=1'],
      [H, ['a=1'], 'http://h.test/directory', ''],
      [H, ['a=1'], 'http://h.test/', ''],
      [H, ['a=1; Path=/dir/page'], 'http://h.test/dir/', ''],
      [H, ['a=1; Path=relative'], 'http://h.test/dir/', 'a=1'],
      [H, ['a=1; Path=/x; Path='], 'http://h.test/dir/', 'a=1'],
      [H, ['a=1; Path=/elsewhere'], 'http://h.test/elsewhere/x', 'a=1'],
      ['http://h.test/page', ['a=1'], 'http://h.test/', 'a=1'],
      [
        H,
        ['a=1; Path=/', 'b=2; Path=/dir', 'c=3; Path=/', 'd=4; Path=/dir/'],
        H,
        'd=4; b=2; a=1; c=3',
      ],
      [H, ['a=1; Path=/', 'a=2; Path=/dir'], H, 'a=2; a=1'],
    ],
    'Secure and prefixes': [
      ['https://h.test/', ['a=1; Secure'], 'https://h.test/', 'a=1'],
      ['https://h.test/', ['a=1; Secure'], 'http://h.test/', ''],
      ['http://h.test/', ['a=1; Secure'], 'https://h.test/', ''],
      ['http://localhost/', ['a=1; Secure'], 'http://localhost/', 'a=1'],
      ['http://127.0.0.1/', ['a=1; Secure'], 'http://127.0.0.1/', 'a=1'],
      ['http://10.0.0.1/', ['a=1; Secure'], 'http://10.0.0.1/', ''],
      ['https://h.test/', ['__Secure-a=1; Secure'], 'https://h.test/', '__Secure-a=1'],
      ['https://h.test/', ['__Secure-a=1'], 'https://h.test/', ''],
      ['https://h.test/', ['__Host-a=1; Secure; Path=/'], 'https://h.test/', '__Host-a=1'],
      ['https://h.test/', ['__Host-a=1; Secure'], 'https://h.test/', ''],
      ['https://h.test/', ['__Host-a=1; Secure; Path=/; Domain=h.test'], 'https://h.test/', ''],
      ['https://h.test/', ['=__Host-a=1'], 'https://h.test/', ''],
    ],
    'names and values are unchanged': [
      [H, ['a=%41%3B%20'], H, 'a=%41%3B%20'],
      [H, ['a="b c, d"'], H, 'a="b c, d"'],
      [H, ['a=b=c=='], H, 'a=b=c=='],
      [H, ['a='], H, 'a='],
      [H, ['  a  =  b c  ; x'], H, 'a=b c'],
      [H, ['a=\xc3\xa9\xa0'], H, 'a=\xc3\xa9\xa0'],
      [H, ['\xa0a=1'], H, '\xa0a=1'],
      [H, ['__proto__=1', 'constructor=2'], H, '__proto__=1; constructor=2'],
      [
        'http://h.test/',
        ['__proto__=1; Domain=__proto__', 'b=2; Path=/__proto__'],
        'http://h.test/__proto__',
        'b=2',
      ],
      [H, ['a', '', ';', '=', '=b', ' =b', ';a=1'], H, ''],
    ],
    'syntax of attributes': [
      [H, ['a=1; HttpOnly; SameSite=Strict; Priority=High; Partitioned'], H, 'a=1'],
      [H, ['a=1;path=/;domain=h.test;HTTPONLY'], 'http://sub.h.test/', 'a=1'],
      [H, ['a=1 ;\tPATH \t=\t / ; ;;'], 'http://h.test/', 'a=1'],
      [H, ['a=1; Secure=false'], H, ''],
    ],
    'replacement and expiry': [
      [H, ['a=1', 'a=2'], H, 'a=2'],
      [H, ['a=1', 'b=2', 'a=3'], H, 'a=3; b=2'],
      [H, ['a=1', 'a=; Max-Age=0'], H, ''],
      [H, ['a=1', 'a=; Max-Age=-1', 'b=2'], H, 'b=2'],
      [H, ['a=1', `a=; Expires=${PAST}`], H, ''],
      [H, ['a=1; Path=/', 'a=; Max-Age=0'], H, 'a=1'],
      [H, [`a=1; Expires=${PAST}; Max-Age=60`], H, 'a=1'],
      [H, [`a=1; Expires=${NEVER}; Max-Age=0`], H, ''],
      [H, [`a=1; Expires=${NEVER}`], H, 'a=1'],
      [H, ['a=1; Expires=soon'], H, 'a=1'],
      [H, ['a=1; Expires'], H, 'a=1'],
      [H, ['a=1; Max-Age=1e9'], H, 'a=1'],
      [H, ['a=1; Max-Age'], H, 'a=1'],
      [H, [`a=1; Max-Age=${'9'.repeat(400)}`], H, 'a=1'],
      [H, ['a=1; Max-Age=99999999999999999999'], H, 'a=1'],
    ],
    'invalid or too large cookies are ignored, but not those after them': [
      [H, ['a=1\x7f', 'b=2'], H, 'b=2'],
      [H, ['a=1\x01', 'b=2'], H, 'b=2'],
      [H, ['a=1\0', 'b=2'], H, 'b=2'],
      [H, ['a=1\r\nX: y', 'b=2'], H, 'b=2'],
      [H, ['a=\u0100', 'b=2'], H, 'b=2'],
      [H, [`a=${'x'.repeat(4096)}`, 'b=2'], H, 'b=2'],
      [H, [`a=${'x'.repeat(4095)}; Secure=`, 'b=2'], H, 'b=2'],
      [H, [`${'x'.repeat(4097)}=`, 'b=2'], H, 'b=2'],
      [H, [`a=1; Comment=${'x'.repeat(9000)}`, 'b=2'], H, 'b=2'],
      [H, ['a=1; Domain=co.uk', 'b=2; Domain=evil.test', '', 'c=3'], H, 'c=3'],
    ],
  }
  for (const [name, rows] of Object.entries(cases)) {
    test(name, () => {
      for (const [from, lines, to, expected] of rows) {
        assert.equal(
          sent(stored(lines, from), to),
          expected,
          `${from} ${lines.join(' | ').slice(0, 200)} ${to}`,
        )
      }
    })
  }

  test('a cookie of the maximum size is stored', () => {
    const pair = `a=${'x'.repeat(4095)}`
    assert.equal(sent(stored([`${pair}; Path=/`], H), H), pair)
  })
})

describe('A6 expiry', () => {
  function clock(t: TestContext): (ms: number) => void {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0) })
    return (ms) => t.mock.timers.tick(ms)
  }

  test('Max-Age counts from the time at which the cookie was received', (t) => {
    const tick = clock(t)
    const cookies = stored(['a=1; Max-Age=10'], H)
    for (let second = 0; second < 9; second++) {
      tick(1000)
      assert.equal(sent(cookies, H), 'a=1')
      assert.equal(sent(cookies, `${H}?other`), 'a=1')
      assert.equal(sent(cookies, `${H}/other`), 'a=1')
    }
    tick(1000)
    assert.deepEqual([...cookies], [])
    assert.equal(cookies.get('a'), null)
    assert.equal(sent(cookies, H), '')
    assert.ok(cookies.isEmpty)
  })

  test('each cookie expires separately', (t) => {
    const tick = clock(t)
    const cookies = stored(
      ['a=1; Max-Age=10', 'b=2', 'c=3; Expires=Tue, 01 Jan 2030 00:00:20 GMT'],
      H,
    )
    assert.equal(sent(cookies, H), 'a=1; b=2; c=3')
    tick(10_000)
    assert.equal(sent(cookies, H), 'b=2; c=3')
    cookies.storeSetCookies(['b=4; Max-Age=20'], new URL(H))
    tick(10_000)
    assert.equal(sent(cookies, H), 'b=4')
    tick(10_000)
    assert.equal(sent(cookies, H), '')
  })
})

describe('the cached result is not used after a change', () => {
  const changes: Record<string, [(cookies: Cookies) => unknown, expected: string]> = {
    'another cookie': [
      (cookies) => cookies.storeSetCookies(['b=2; Path=/'], new URL(H)),
      'a=1; b=2',
    ],
    'another value': [(cookies) => cookies.storeSetCookies(['a=2; Path=/'], new URL(H)), 'a=2'],
    'an expired cookie': [
      (cookies) => cookies.storeSetCookies(['a=; Path=/; Max-Age=0'], new URL(H)),
      '',
    ],
    delete: [(cookies) => cookies.delete('a'), ''],
    clear: [(cookies) => cookies.clear(), ''],
    set: [(cookies) => cookies.set('a', '3', { domain: 'h.test' }), 'a=3'],
    'set without a domain': [(cookies) => cookies.set('b', '3'), 'a=1'],
    'setCookieSync of the jar': [
      (cookies) => cookies.jar.setCookieSync('b=2; Path=/', H),
      'a=1; b=2',
    ],
    'removeAllCookiesSync of the jar': [(cookies) => cookies.jar.removeAllCookiesSync(), ''],
    'removeCookies of the store': [(cookies) => cookies.jar.store.removeCookies('h.test', '/'), ''],
    nothing: [() => {}, 'a=1'],
  }
  for (const [name, [change, expected]] of Object.entries(changes)) {
    test(name, () => {
      const cookies = stored(['a=1; Path=/', 'z=0; Path=/z'], H)
      assert.equal(sent(cookies, H), 'a=1')
      change(cookies)
      assert.equal(sent(cookies, H), expected)
      assert.equal(sent(cookies, H), expected)
    })
  }

  test('another URL', () => {
    const cookies = stored(
      ['a=1; Path=/; Secure', 'b=2; Path=/dir', 'c=3; Path=/'],
      'https://h.test/',
    )
    const url = new URL('https://h.test/dir')
    const sentNow = () => cookies.header(url, { includeUnscoped: true, extra: null })
    assert.equal(sentNow(), 'b=2; a=1; c=3')
    url.pathname = '/'
    assert.equal(sentNow(), 'a=1; c=3')
    url.protocol = 'http:'
    assert.equal(sentNow(), 'c=3')
    url.hostname = 'g.test'
    assert.equal(sentNow(), '')
    url.href = 'https://h.test:8/dir?x#y'
    assert.equal(sentNow(), 'b=2; a=1; c=3')
  })
})

describe('isEmpty', () => {
  const cases: [string, () => Cookies, boolean][] = [
    ['nothing', () => new Cookies(), true],
    ['a cookie without a domain', () => new Cookies({ a: '1' }), false],
    ['a stored cookie', () => stored(['a=1'], H), false],
    ['only refused cookies', () => stored(['a=1; Domain=evil.test', 'a=; Max-Age=0', ''], H), true],
    ['a removed cookie', () => stored(['a=1', 'a=; Max-Age=0'], H), true],
    ["a caller's jar", () => new Cookies(new CookieJar()), false],
  ]
  for (const [name, make, expected] of cases) {
    test(name, () => assert.equal(make().isEmpty, expected))
  }

  test('is false after a cookie was stored in the jar directly', () => {
    const cookies = new Cookies()
    const { jar } = cookies
    assert.ok(cookies.isEmpty)
    jar.setCookieSync('a=1', H)
    assert.ok(!cookies.isEmpty)
    assert.equal(sent(cookies, H), 'a=1')
    jar.removeAllCookiesSync()
    assert.ok(cookies.isEmpty)
  })
})

describe('the property jar', () => {
  test('can be serialized and cloned', () => {
    const cookies = stored(['a=1; Path=/', 'b=2; Domain=h.test; Path=/; Max-Age=60'], H)
    cookies.storeSetCookies(['c=3'], new URL('http://g.test/'))
    const clone = cookies.jar.cloneSync()
    assert.equal(clone?.getCookieStringSync(H), 'a=1; b=2')
    const text = JSON.stringify(cookies.jar)
    const restored = new Cookies(CookieJar.fromJSON(text))
    assert.deepEqual([...restored], [...cookies])
  })

  test('refuses cookies without a name', () => {
    const { jar } = new Cookies()
    for (const line of ['nameless', '=__Host-a=1']) {
      assert.throws(() => jar.setCookieSync(line, H), /failed to parse/)
    }
  })

  test('has asynchronous methods', async () => {
    const { jar } = new Cookies()
    await jar.setCookie('a=1; Path=/', H)
    await jar.setCookie('a=2; Path=/', H)
    await jar.setCookie('b=3', H)
    assert.equal(await jar.getCookieString(H), 'b=3; a=2')
    const { store } = jar
    assert.equal((await store.findCookie('h.test', '/', 'a'))?.value, '2')
    assert.equal((await store.findCookies('sub.h.test', '/')).length, 1)
    assert.equal((await store.findCookies('sub.h.test', '/dir')).length, 2)
    assert.equal((await store.findCookies('sub.h.test', null)).length, 2)
    assert.deepEqual(await store.findCookies(null, '/'), [])
    assert.equal(await store.findCookie(null, null, null), undefined)
    await store.removeCookie('h.test', '/', 'a')
    assert.equal((await store.getAllCookies()).length, 1)
    await jar.setCookie('c=3; Path=/', H)
    await store.removeCookies('h.test', '/')
    assert.equal(await jar.getCookieString(H), 'b=3')
    await store.removeCookies('h.test', null)
    assert.deepEqual(await store.getAllCookies(), [])
    await jar.setCookie('d=4', H)
    await jar.removeAllCookies()
    assert.deepEqual(await store.getAllCookies(), [])
  })
})

describe('36 a hostile server', () => {
  test('a domain has at most 180 cookies: the oldest are removed', () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => `n${i}=${i}; Path=/`)
    const cookies = stored(['own=1'], 'http://g.test/')
    cookies.storeSetCookies(lines, new URL(H))
    cookies.storeSetCookies(['n9820=again; Path=/', 'last=1; Path=/'], new URL(H))
    const names = String(sent(cookies, H)).split('; ')
    assert.equal(names.length, 180)
    assert.deepEqual(names.slice(0, 2), ['n9821=9821', 'n9822=9822'])
    assert.equal(sent(cookies, 'http://g.test/'), 'own=1')
  })

  test('21 the time for many or long Set-Cookie fields is linear in their length', () => {
    assertLinear(
      (size) => size,
      (size) => {
        const url = new URL(H)
        for (const unit of ['a', ' ', ';', '=', ',', '\t', '; a', ';Domain=', '; Path=/', 'é']) {
          const text = unit.repeat(size / unit.length)
          new Cookies().storeSetCookies(
            [text, `a=${text}`, `a=1;${text}`, `a=1; Expires=${text}`],
            url,
          )
          const part = text.slice(0, 4000)
          new Cookies().storeSetCookies(
            [part, `a=${part}`, `a=1;${part}`, `a=1; Expires=${part}`],
            url,
          )
        }
        const deep = stored([`a=1; Path=/b${'/'.repeat(4000)}`], H)
        sent(deep, `http://h.test/${'/'.repeat(size)}`)
        const many = Array.from({ length: size / 64 }, (_, i) => `n${i}=${i}; Path=/${i}`)
        const cookies = stored(many, H)
        sent(cookies, H)
      },
    )
  })
})
