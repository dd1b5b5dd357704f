import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CookieJar, MemoryCookieStore } from 'tough-cookie'
import { DigestAuth } from '../../src/client/auth/digest.ts'
import { Cookies } from '../../src/client/cookies/cookies.ts'
import { Request } from '../../src/client/request.ts'
import { runFlow } from './auth-flow.ts'
import { HAWSER, runChild } from './child.ts'

const HTTP = new URL('http://h.test/')
const HTTPS = new URL('https://h.test/')

function sent(cookies: Cookies, to: URL, extra: Record<string, string> = {}): string {
  const pairs = new Map(Object.entries(extra))
  const field = cookies.header(to, { includeUnscoped: true, extra: pairs })
  assert.equal(typeof field, 'string')
  return field as string
}

const numbered = (count: number, more = '') =>
  Array.from({ length: count }, (_, i) => `n${i}=${i}; Path=/${more}`)

describe('54 the number of cookies is limited', () => {
  test('to 4096 octets for name and value', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies([`a=${'x'.repeat(4095)}`, `b=${'x'.repeat(4096)}`], HTTP)
    assert.deepEqual(
      [...cookies].map(([name]) => name),
      ['a'],
    )
  })

  test('to 180 for a domain: the oldest by creation are removed', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies([...numbered(180), 'n0=again; Path=/', 'n1=again; Path=/'], HTTP)
    void cookies.storeSetCookies(['last=1; Path=/'], HTTP)
    const names = [...cookies].map(([name]) => name)
    assert.equal(names.length, 180)
    assert.deepEqual([names[0], names.at(-1)], ['n1', 'last'])
    assert.equal(cookies.get('n1'), 'again')
  })

  test('to 180 for a registrable domain with its subdomains', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(['session=1; Path=/'], new URL('https://bank.example.org/'))
    const evil = 'a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.evil.com'
    const labels = evil.split('.')
    for (let i = 0; i < labels.length - 1; i++) {
      const domain = labels.slice(i).join('.')
      void cookies.storeSetCookies(numbered(180, `; Domain=${domain}`), new URL(`https://${evil}/`))
    }
    assert.equal(cookies.get('session'), '1')
    assert.equal([...cookies].length, 181)
  })

  test('to 180 each for sites under a public suffix', () => {
    const cookies = new Cookies()
    for (const site of ['a.github.io', 'b.github.io', 'a.co.uk', 'b.co.uk']) {
      void cookies.storeSetCookies(numbered(100), new URL(`https://${site}/`))
    }
    assert.equal([...cookies].length, 400)
  })

  test('to 3000 in all: the oldest of the largest site are removed', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(['session=1; Path=/'], new URL('https://bank.example.org/'))
    for (let i = 0; i < 20; i++) {
      void cookies.storeSetCookies(numbered(180), new URL(`https://evil${i}.com/`))
    }
    assert.equal([...cookies].length, 3000)
    assert.equal(cookies.get('session'), '1')
    void cookies.storeSetCookies(['new=1; Path=/'], HTTP)
    assert.equal(cookies.get('new'), '1')
  })

  test('to 3000 in all: of sites of equal size, that of the oldest loses its oldest cookie', () => {
    const cookies = new Cookies()
    for (let i = 0; i < 30; i++) {
      void cookies.storeSetCookies(numbered(100), new URL(`http://h${i}.test/`))
    }
    assert.equal([...cookies].length, 3000)
    void cookies.storeSetCookies(numbered(2), HTTP)
    assert.equal([...cookies].length, 3000)
    assert.equal(cookies.get('n0', { domain: 'h0.test' }), null)
    assert.equal(cookies.get('n1', { domain: 'h0.test' }), '1')
    assert.equal(cookies.get('n0', { domain: 'h1.test' }), null)
    assert.equal(cookies.get('n0', { domain: 'h2.test' }), '0')
    cookies.clear()
    void cookies.storeSetCookies(numbered(100), HTTP)
    assert.equal([...cookies].length, 100)
  })
})

describe('54 a cookie for unrelated hosts is not stored', () => {
  const cases: [host: string, domain: string, isStored: boolean][] = [
    ['evil.localhost', 'localhost', false],
    ['localhost', 'localhost', true],
    ['a.app.localhost', 'app.localhost', true],
    ['evil.test', 'test', false],
    ['evil.internal', 'internal', false],
    ['evil.shop.svc.cluster.local', 'cluster.local', false],
    ['evil.shop.svc.cluster.local', 'svc.cluster.local', false],
    ['evil.shop.svc.cluster.local', 'shop.svc.cluster.local', false],
    ['evil.shop.svc.cluster.local', 'evil.shop.svc.cluster.local', true],
    ['a.nas.local', 'nas.local', true],
  ]
  for (const [host, domain, isStored] of cases) {
    test(`54 Domain=${domain} of ${host}`, () => {
      const own = new Cookies()
      const jar = new CookieJar(new MemoryCookieStore(), { allowSpecialUseDomain: true })
      for (const cookies of [own, new Cookies(jar)]) {
        void cookies.storeSetCookies([`a=1; Domain=${domain}`], new URL(`http://${host}/`))
      }
      assert.equal([...own].length, isStored ? 1 : 0)
      if (!isStored) assert.deepEqual([...new Cookies(jar)], [])
    })
  }
})

describe('54 a Cookie field has at most 16 KiB', () => {
  const long = (name: string) => `${name}=${'x'.repeat(4000)}`
  const lines = ['a', 'b', 'c', 'd', 'e'].map((name) => `${long(name)}; Path=/`)
  const names = (field: string) => field.replace(/=x*/g, '')

  test('the last cookies of the jar are omitted', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(lines, HTTP)
    assert.equal(names(sent(cookies, HTTP)), 'a; b; c; d')
    void cookies.storeSetCookies(['small=1; Path=/'], HTTP)
    assert.equal(names(sent(cookies, HTTP)), 'a; b; c; d')
  })

  test('up to exactly 16,384 octets', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(lines.slice(0, 4), HTTP)
    const room = 16_384 - sent(cookies, HTTP).length - '; e='.length
    void cookies.storeSetCookies([`e=${'y'.repeat(room)}; Path=/`], HTTP)
    assert.equal(sent(cookies, HTTP).length, 16_384)
    void cookies.storeSetCookies([`e=${'y'.repeat(room + 1)}; Path=/`], HTTP)
    assert.equal(names(sent(cookies, HTTP)), 'a; b; c; d')
  })

  test('cookies of servers do not crowd out those of the caller', () => {
    const cookies = new Cookies({ own: '1' })
    void cookies.storeSetCookies(lines, HTTP)
    const field = sent(cookies, HTTP, { extra: 'x'.repeat(4000) })
    assert.equal(names(field), 'a; b; c; own1; extra')
    assert.ok(field.length <= 16_384)
  })

  test('the last cookies of the caller are omitted if they are too long themselves', () => {
    const given = Object.fromEntries(lines.map((_, i) => [`n${i}`, 'x'.repeat(4000)]))
    assert.equal(names(sent(new Cookies(), HTTP, given)), 'n0; n1; n2; n3')
    const extra = new Map(Object.entries(given))
    const options = { includeUnscoped: true, extra, field: long('given') }
    assert.equal(names(String(new Cookies().header(HTTP, options))), 'given; n0; n1; n2')
  })
})

describe('54 what is kept holds no other memory', () => {
  /** The difference in bytes that `work` makes, after 2000 strings of 60 KB that it gets parts of. */
  const measured = (work: string) => `
    import { Client, DigestAuth, Headers, Request } from ${HAWSER}
    const flat = (text) => Buffer.from(text, 'latin1').toString('latin1')
    const sliced = (part, i) => flat('x'.repeat(60_000) + i + part).slice(60_000 + String(i).length)
    const used = () => { globalThis.gc(); globalThis.gc(); return process.memoryUsage().heapUsed }
    const kept = []
    ${work}
    const before = used()
    for (let i = 0; i < 2000; i++) await keep(i)
    console.log(used() - before, kept.length)
  `
  const works: Record<string, string> = {
    cookies: `
      const { cookies } = new Client()
      kept.push(cookies)
      const keep = (i) => cookies.storeSetCookies(
        [sliced('a_long_enough_name=a_long_enough_value; Path=/a/long/enough/path; SameSite=unknown_to_all', i)],
        new URL('http://h' + i + '.test/' + 'y'.repeat(20_000)),
      )`,
    'Digest sessions': `
      const auth = new DigestAuth('user', 'password')
      kept.push(auth)
      const keep = async (i) => {
        const url = new URL('http://h' + i + '.test/')
        const flow = auth.authFlow(new Request('GET', url))
        await flow.next()
        const challenge = sliced('Digest realm="a long enough realm", nonce="a_long_enough_nonce", qop="auth", opaque="a_long_enough_opaque", domain="/a/long/enough/path"', i)
        await flow.next({ status: 401, url, headers: new Headers([['www-authenticate', challenge]]) })
        await flow.next({ status: 200, url, headers: new Headers([['authentication-info', sliced('nextnonce="another_long_enough_nonce"', i)]]) })
      }`,
  }
  for (const [name, work] of Object.entries(works)) {
    test(name, async () => {
      const { output, errors } = await runChild(measured(work), [
        '--expose-gc',
        '--input-type=module',
      ])
      const [bytes] = output.split(' ').map(Number)
      assert.ok(bytes !== undefined && bytes < 20_000_000, `${output} bytes; ${errors}`)
    })
  }

  test('the Digest session that was used least recently is dropped', async () => {
    const auth = new DigestAuth('user', 'password')
    const challenge = { 'www-authenticate': 'Digest realm="r", nonce="n", qop="auth"' }
    const call = (host: number) =>
      runFlow(auth, new Request('GET', `http://h${host}.test/`), (request) =>
        request.headers.has('authorization') ? [200] : [401, challenge],
      )
    for (let host = 0; host < 1005; host++) {
      await call(host)
      const { sent } = await call(0)
      assert.equal(sent.length, 1, `the session of h0 is kept after ${host} others`)
    }
    assert.equal((await call(1)).sent.length, 2)
  })

  test('a Digest session with a long challenge is not kept', async () => {
    for (const [length, isKept] of [
      [1000, true],
      [5000, false],
    ] as const) {
      const auth = new DigestAuth('user', 'password')
      const request = () => new Request('GET', 'http://h.test/')
      const challenge = `Digest realm="r", nonce="${'n'.repeat(length)}", qop="auth"`
      const answers = [[401, { 'www-authenticate': challenge }], [200]] as const
      let round = 0
      const { sent } = await runFlow(auth, request(), () => [...answers[round++]!] as never)
      assert.equal(sent.length, 2)
      const again = await runFlow(auth, request(), () => [200])
      assert.equal(again.sent[0] !== null, isKept, `${length}`)
    }
  })
})

/** The client's own jar, and jars of the caller. */
const jars: Record<string, () => Cookies> = {
  'the own jar': () => new Cookies(),
  "a caller's jar": () => new Cookies(new CookieJar()),
  "a caller's jar with an asynchronous store": () => {
    const store = new MemoryCookieStore()
    store.synchronous = false
    return new Cookies(new CookieJar(store))
  },
}

for (const [name, create] of Object.entries(jars)) {
  describe(`55 ${name}: a response over http`, () => {
    const cases: [title: string, set: string, secureAt: string, plain: string, plainAt: string][] =
      [
        [
          'replaces no Secure cookie',
          'a=1; Path=/; Secure',
          'https://h.test/',
          'a=2; Path=/',
          'http://h.test/',
        ],
        [
          'deletes none',
          'a=1; Path=/; Secure',
          'https://h.test/',
          'a=; Path=/; Max-Age=0',
          'http://h.test/',
        ],
        [
          'hides none by a longer path',
          'a=1; Path=/; Secure',
          'https://h.test/',
          'a=2; Path=/dir',
          'http://h.test/',
        ],
        [
          'hides none of a parent domain',
          'a=1; Domain=h.test; Path=/; Secure',
          'https://h.test/',
          'a=2; Path=/',
          'http://x.h.test/',
        ],
      ]
    for (const [title, set, secureAt, plain, plainAt] of cases) {
      test(title, async () => {
        const cookies = create()
        await cookies.storeSetCookies([set], new URL(secureAt))
        await cookies.storeSetCookies([plain], new URL(plainAt))
        const to = new URL(`${plainAt.replace('http:', 'https:')}dir/`)
        assert.equal(await cookies.header(to, { includeUnscoped: false, extra: null }), 'a=1')
      })
    }

    test('sets other cookies, and https replaces Secure ones', async () => {
      const cookies = create()
      await cookies.storeSetCookies(['a=1; Path=/dir; Secure'], HTTPS)
      await cookies.storeSetCookies(['a=2; Path=/', 'b=3; Path=/'], HTTP)
      await cookies.storeSetCookies(['a=4; Path=/dir'], HTTPS)
      const to = new URL('https://h.test/dir/')
      assert.equal(
        await cookies.header(to, { includeUnscoped: false, extra: null }),
        'a=4; a=2; b=3',
      )
    })
  })

  describe(`55 ${name}: prefixes of names are compared without case`, () => {
    const cases: [cookie: string, isStored: boolean][] = [
      ['__Host-a=1; Secure; Path=/', true],
      ['__host-a=1; Secure; Path=/', true],
      ['__host-a=1; Path=/', false],
      ['__HOST-a=1; Secure; Path=/; Domain=h.test', false],
      ['__hOST-a=1; Secure; Path=/dir', false],
      ['__host-a=1; Secure', false],
      ['__Secure-a=1; Secure', true],
      ['__SECURE-a=1; Secure; Domain=h.test', true],
      ['__SECURE-a=1', false],
      ['__secure-a=1; Path=/', false],
      ['__hosta=1', true],
    ]
    for (const [cookie, isStored] of cases) {
      test(`${cookie} is ${isStored ? 'stored' : 'refused'}`, async () => {
        const cookies = create()
        await cookies.storeSetCookies([cookie], HTTPS)
        const field = await cookies.header(HTTPS, { includeUnscoped: false, extra: null })
        assert.equal(field !== '', isStored)
      })
    }

    test('they cannot be set over http', async () => {
      const cookies = create()
      await cookies.storeSetCookies(['__host-a=1; Secure; Path=/', '__secure-b=1; Secure'], HTTP)
      assert.equal(await cookies.header(HTTPS, { includeUnscoped: false, extra: null }), '')
    })
  })
}

describe('55 a response over http', () => {
  test('hides no Secure cookie of a subdomain', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(['a=1; Path=/; Secure'], new URL('https://x.h.test/'))
    void cookies.storeSetCookies(['a=2; Domain=h.test; Path=/'], HTTP)
    assert.equal(sent(cookies, new URL('https://x.h.test/')), 'a=1')
  })

  test('evicts no Secure cookie of its domain', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(['s=1; Path=/; Secure'], HTTPS)
    void cookies.storeSetCookies(numbered(400), HTTP)
    assert.equal(cookies.get('s'), '1')
    assert.equal([...cookies].length, 180)
    void cookies.storeSetCookies(numbered(180, '; Secure'), HTTPS)
    assert.equal([...cookies].length, 180)
    void cookies.storeSetCookies(['new=1; Path=/'], HTTP)
    assert.equal(cookies.get('new'), null)
  })

  test('evicts no Secure cookie of another domain', () => {
    const cookies = new Cookies()
    void cookies.storeSetCookies(['s=1; Path=/; Secure'], HTTPS)
    for (let i = 0; i < 20; i++) {
      void cookies.storeSetCookies(numbered(180), new URL(`http://h${i}.test/`))
    }
    assert.equal([...cookies].length, 3000)
    assert.equal(cookies.get('s'), '1')
  })

  test('of this machine counts as secure', () => {
    for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
      const cookies = new Cookies()
      const url = new URL(`http://${host}/`)
      void cookies.storeSetCookies(['a=1; Path=/; Secure'], url)
      void cookies.storeSetCookies(['a=2; Path=/'], url)
      assert.equal(sent(cookies, url), 'a=2', host)
    }
  })

  test('does not concern cookies that the caller sets', () => {
    const cookies = new Cookies()
    cookies.set('__host-a', '1', { domain: 'h.test' })
    cookies.set('b', '1', { domain: 'h.test' })
    assert.equal(sent(cookies, HTTPS), '__host-a=1; b=1')
    assert.equal(sent(cookies, HTTP), 'b=1')
  })
})
