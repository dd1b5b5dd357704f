import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CookieJar, MemoryCookieStore, Store } from 'tough-cookie'
import { Cookies, requestCookies } from '../../src/client/cookies/cookies.ts'
import { HawserError } from '../../src/errors.ts'

const url = new URL('http://h.test/')
const ANY = { includeUnscoped: true, extra: null }

const METHODS = ['findCookie', 'findCookies', 'putCookie', 'getAllCookies', 'removeCookie'] as const

/** An asynchronous store, which calls back in a later turn of the event loop. */
function asyncStore(): MemoryCookieStore {
  const store = new MemoryCookieStore()
  store.synchronous = false
  for (const name of METHODS) {
    const method = store[name] as (...given: unknown[]) => unknown
    const later = async (...given: unknown[]) => {
      await turn()
      try {
        Reflect.apply(method, store, given)
      } catch (error) {
        const callback = given.at(-1) as (error: unknown) => void
        callback(error)
      }
    }
    Object.assign(store, { [name]: later })
  }
  return store
}

/** A store whose methods all fail. */
function brokenStore(synchronous: boolean): MemoryCookieStore {
  const store = new MemoryCookieStore()
  store.synchronous = synchronous
  const fail = (...given: unknown[]) => {
    const callback = given.at(-1) as (error: Error) => void
    callback(new Error('the disk is full'))
  }
  for (const name of METHODS) Object.assign(store, { [name]: fail })
  return store
}

/** A store without methods. */
class ThrowingStore extends Store {
  override synchronous = true
}

function throwsHawserError(work: () => unknown, cause?: RegExp): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof HawserError, String(error))
    if (cause) assert.match(String(error.cause), cause)
    return true
  })
}

describe('an asynchronous store', () => {
  test('stores and sends cookies asynchronously', async () => {
    const cookies = new Cookies(new CookieJar(asyncStore()))
    cookies.set('unscoped', '1')
    const lines = [
      'a=1; Path=/',
      'bad',
      'b=2; Domain=evil.test',
      'c=\x7f',
      'a=3; Path=/',
      'd=4; Path=/x',
    ]
    const storing = cookies.storeSetCookies(lines, url)
    assert.ok(storing instanceof Promise)
    await storing
    const sending = cookies.header(new URL('/x', url), ANY)
    assert.ok(sending instanceof Promise)
    assert.equal(await sending, 'd=4; a=3; unscoped=1')
    const extra = new Map([['a', 'request']])
    assert.equal(
      await cookies.header(url, { includeUnscoped: true, extra }),
      'unscoped=1; a=request',
    )
    assert.equal(await cookies.header(url, { includeUnscoped: false, extra: null }), 'a=3')
    assert.equal(await cookies.header(new URL('http://test/'), ANY), 'unscoped=1')
    assert.equal(cookies.storeSetCookies([], url), undefined)
    assert.equal(cookies.storeSetCookies(['c=\x7f'], url), undefined)
  })

  test('synchronous methods throw', () => {
    const cookies = new Cookies(new CookieJar(asyncStore()))
    cookies.set('a', '1')
    const works = [
      () => cookies.get('a'),
      () => cookies.delete('a'),
      () => cookies.clear(),
      () => cookies.set('a', '2', { domain: 'h.test' }),
      () => [...cookies],
      () => new Cookies(cookies),
      () => requestCookies(cookies),
    ]
    for (const work of works) throwsHawserError(work)
    assert.ok(!cookies.isEmpty)
  })
})

describe('a store that fails', () => {
  for (const synchronous of [true, false]) {
    test(`${synchronous ? 'synchronously' : 'asynchronously'}: sending fails, storing does not`, async () => {
      const cookies = new Cookies(new CookieJar(brokenStore(synchronous)))
      await cookies.storeSetCookies(['a=1', 'b=2'], url)
      await assert.rejects(
        async () => cookies.header(url, ANY),
        (error) => {
          assert.ok(error instanceof HawserError)
          assert.match(error.message, /^The cookie store failed for h\.test/)
          assert.match(String(error.cause), /the disk is full/)
          return true
        },
      )
    })
  }

  test('synchronous methods throw', async () => {
    for (const store of [brokenStore(true), new ThrowingStore()]) {
      const cookies = new Cookies(new CookieJar(store))
      throwsHawserError(() => cookies.get('a'), /disk is full|not implemented/)
      throwsHawserError(() => [...cookies], /disk is full|not implemented/)
      throwsHawserError(() => cookies.header(url, ANY), /disk is full|not implemented/)
      cookies.storeSetCookies(['a=1'], url)
    }
    const store = new MemoryCookieStore()
    const jar = new CookieJar(store)
    jar.setCookieSync('a=1', url)
    store.removeCookie = brokenStore(true).removeCookie
    throwsHawserError(() => new Cookies(jar).delete('a'), /disk is full/)
    // An unhandled rejection would be reported now.
    await turn()
  })
})

describe('65 a host that is a public suffix', () => {
  const host = new URL('http://s3.amazonaws.com/')
  const below = new URL('http://x.s3.amazonaws.com/')
  const line = 'a=1; Path=/; domain = s3.amazonaws.com ; HttpOnly'

  for (const isAsync of [false, true]) {
    test(`keeps its cookie in ${isAsync ? 'an asynchronous' : 'a'} jar of the caller`, async () => {
      const jar = new CookieJar(isAsync ? asyncStore() : null)
      const cookies = new Cookies(jar)
      await cookies.storeSetCookies([line, 'b=2; Domain=com', '__Host-c=3; Domain=evil.test'], host)
      assert.equal(await cookies.header(host, ANY), 'a=1')
      assert.equal(await cookies.header(below, ANY), '')
      const [cookie] = await jar.getCookies(host.href)
      assert.deepEqual([cookie?.hostOnly, cookie?.httpOnly], [true, true])
    })
  }

  test('is no domain for set(), whose cookies are sent to subdomains', () => {
    for (const init of [null, new CookieJar()]) {
      const cookies = new Cookies(init)
      assert.throws(() => cookies.set('a', '1', { domain: 's3.amazonaws.com' }), TypeError)
    }
  })

  test('keeps a domain cookie in a jar that accepts public suffixes', () => {
    const cookies = new Cookies(new CookieJar(null, { rejectPublicSuffixes: false }))
    void cookies.storeSetCookies([line], host)
    assert.equal(cookies.jar.getCookiesSync(host.href)[0]?.hostOnly, false)
  })
})

test("a caller's jar uses its own options", () => {
  const cookies = new Cookies(new CookieJar(null, { looseMode: true, rejectPublicSuffixes: false }))
  cookies.storeSetCookies(['nameless', 'a=1; Domain=co.uk'], new URL('http://h.co.uk/'))
  assert.equal(cookies.header(new URL('http://h.co.uk/'), ANY), 'nameless')
  assert.equal(cookies.get('a', { domain: 'co.uk' }), '1')
})

test('hosts for which the store of tough-cookie throws get no cookies', () => {
  const jar = new CookieJar()
  const cookies = new Cookies(jar)
  for (const host of ['test', 'local', 'example']) {
    const url = new URL(`http://${host}/`)
    assert.throws(() => jar.getCookiesSync(url), /special use domain/)
    assert.equal(cookies.header(url, ANY), '')
  }
})
