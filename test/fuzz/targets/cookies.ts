import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Cookies } from '../../../src/index.ts'
import { textOfWords } from '../hostile-text.ts'
import { target } from '../target.ts'

const host = fc.constantFrom('h.test', 'x.h.test', 'y.x.h.test', 'xh.test', '10.0.0.1')
const path = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/a/b/c')
const place = fc.record({ isSecure: fc.boolean(), host, path })

const cookie = fc.record({
  at: place,
  name: fc.constantFrom('a', 'b', '__proto__', '__Host-a', '__host-a', '__SECURE-b'),
  value: fc.constantFrom('1', '2', '', '"q"', 'x=y', 'a b', 'é'),
  /** If an attribute is repeated, the last one counts. */
  domain: fc.option(fc.oneof(host, fc.constantFrom('.h.test', 'H.TEST', 'evil.test', ''))),
  path: fc.option(fc.oneof(path, fc.constantFrom('', 'a', '/A'))),
  secure: fc.boolean(),
  maxAge: fc.option(fc.constantFrom('0', '-1', '60', 'x', '')),
  isUpper: fc.boolean(),
  blanks: fc.constantFrom('', ' ', '\t '),
})
type Given = typeof cookie extends fc.Arbitrary<infer Value> ? Value : never
type Place = typeof place extends fc.Arbitrary<infer Value> ? Value : never

interface Kept {
  readonly name: string
  readonly value: string
  readonly domain: string
  readonly isHostOnly: boolean
  readonly path: string
  readonly secure: boolean
}

/**
 * A jar sends each cookie only where RFC 6265 allows it. No Set-Cookie adds anything but cookie
 * pairs to a request.
 */
export const cookies = target({
  name: 'cookies',
  inputs: fc.record({
    cookies: fc.array(cookie, { maxLength: 5 }),
    noise: fc.array(
      textOfWords([
        'a=1',
        ';',
        '; Path=/',
        '; Domain=',
        'h.test',
        '=',
        '; Expires=',
        '; Max-Age=9',
        ',',
      ]),
      { maxLength: 2 },
    ),
    to: place,
  }),
  check({ cookies, noise, to }) {
    const jar = new Cookies()
    let kept: readonly Kept[] = []
    for (const given of cookies) {
      void jar.storeSetCookies([serialize(given)], urlOf(given.at))
      kept = keep(kept, given)
    }
    const url = urlOf(to)
    const sent = jar.header(url, { includeUnscoped: true, extra: null }) as string
    const wanted = kept
      .filter((one) => goesTo(one, to))
      .map(({ name, value }) => `${name}=${value}`)
    assert.deepEqual(sent.split('; ').filter(Boolean).sort(), wanted.sort())

    void jar.storeSetCookies(noise, url)
    const field = jar.header(url, { includeUnscoped: true, extra: null }) as string
    assert.match(field, /^[\t\x20-\x7e\x80-\xff]*$/)
    assert.ok(!field.split('; ').some((pair) => pair.includes(';')))
  },
})

function urlOf({ isSecure, host, path }: Place): URL {
  return new URL(`${isSecure ? 'https' : 'http'}://${host}${path}`)
}

function serialize({ name, value, domain, path, secure, maxAge, isUpper, blanks }: Given): string {
  const attributes = [
    ...(secure ? ['Secure'] : []),
    ...(path === null ? [] : ['Path=/nowhere', `Path${blanks}=${blanks}${path}`]),
    ...(maxAge === null ? [] : [`Max-Age=${maxAge}`]),
    ...(domain === null ? [] : [`Domain=${blanks}${domain}`]),
  ].map((text) => text.replace(/^[^=]+/, (key) => (isUpper ? key.toUpperCase() : key)))
  return [`${blanks}${name}${blanks}=${blanks}${value}`, ...attributes].join(`;${blanks}`)
}

/** RFC 6265 5.3. As in its successor, only https responses set and replace Secure cookies. */
function keep(kept: readonly Kept[], given: Given): readonly Kept[] {
  const { at, name, value, secure, maxAge } = given
  if (secure && !at.isSecure) return kept
  const attribute = given.domain?.replace(/^\./, '').toLowerCase() ?? ''
  if (attribute !== '' && !isWithin(at.host, attribute)) return kept
  const path = given.path?.startsWith('/') ? given.path : defaultPath(at.path)
  const domain = attribute || at.host
  if (/^__(host|secure)-/i.test(name) && !secure) return kept
  if (/^__host-/i.test(name) && (attribute !== '' || given.path !== '/')) return kept
  if (!at.isSecure && kept.some((one) => isHiddenBy(one, name, domain, path))) return kept
  const others = kept.filter(
    (one) => one.name !== name || one.domain !== domain || one.path !== path,
  )
  if (maxAge === '0' || maxAge === '-1') return others
  return [...others, { name, value, domain, isHostOnly: attribute === '', path, secure }]
}

/** Whether a cookie that is not Secure would replace or hide a Secure one. RFC 6265bis 5.7, 16 */
function isHiddenBy(one: Kept, name: string, domain: string, path: string): boolean {
  if (!one.secure || one.name !== name) return false
  if (!isWithin(domain, one.domain) && !isWithin(one.domain, domain)) return false
  return isUnder(path, one.path)
}

/** RFC 6265 5.4 */
function goesTo({ domain, isHostOnly, path, secure }: Kept, to: Place): boolean {
  if (secure && !to.isSecure) return false
  if (isHostOnly ? to.host !== domain : !isWithin(to.host, domain)) return false
  return isUnder(to.path, path)
}

function isUnder(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent.endsWith('/') ? parent : `${parent}/`)
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && !/^[\d.]+$/.test(host))
}

function defaultPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
