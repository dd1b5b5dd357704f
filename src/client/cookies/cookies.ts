import type { InspectOptions } from 'node:util'
import { inspect } from 'node:util'
import type { Cookie, CookieJar } from 'tough-cookie'
import { HawserError } from '../../errors.ts'
import type { Headers } from '../../models/headers.ts'
import { isJar, LazyJar } from './cookie-jar.ts'
import type { CookieScope, Scope } from './cookie-scope.ts'
import { ANYWHERE, readScope, urlOf } from './cookie-scope.ts'
import { checkCookie, isKeepable, isUnderPath, readPairs } from './cookie-syntax.ts'

export type { CookieScope }

/** Cookies as they may be given. At a request null takes away the client's of that name. */
export type CookiesInit =
  | Cookies
  | CookieJar
  | Readonly<Record<string, string | null | undefined>>
  | Iterable<readonly [name: string, value: string | null | undefined]>
  | null
  | undefined

/** By name; null takes away what the client has of that name. */
export type CookiePairs = ReadonlyMap<string, string | null>

/** The cookies of one request: for its own origin alone, or by the rules of a jar. */
export type RequestCookies = CookiePairs | Cookies

/** A cookie that has no domain. */
interface FreeCookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/**
 * A client's cookies: a tough-cookie jar, and beside it those that were set without a domain. The latter
 * go to every host that the caller asks for, and to none that a redirect leads to; where the jar has one
 * of the same name for a URL, the jar's is sent.
 */
export class Cookies {
  readonly #jar: LazyJar
  readonly #free = new Map<string, FreeCookie>()

  /**
   * From names and values; or a copy of other cookies; or around a `CookieJar` of any store and any
   * version of tough-cookie, which is used and not copied. Throws `LocalProtocolError` for what no cookie
   * may contain, `TypeError` for any other shape, and for a copy as `get`.
   */
  constructor(init?: CookiesInit) {
    this.#jar = new LazyJar(isJar(init) ? init : null)
    if (init instanceof Cookies) this.#copy(init)
    else if (!isJar(init)) {
      for (const [name, value] of readPairs(init)) if (value !== null) this.set(name, value)
    }
  }

  /** Cookies as they are, or made of anything else. Throws as the constructor. */
  static from(init?: CookiesInit): Cookies {
    return init instanceof Cookies ? init : new Cookies(init)
  }

  /** The tough-cookie jar, made when it is first needed. What has no domain is not in it. */
  get jar(): CookieJar {
    return this.#jar.jar
  }

  /**
   * The value of that name, null if there is none; what has no domain counts only where the jar has none.
   * Throws `HawserError` if several match, as nobody could tell which is meant, and if the jar's store is
   * asynchronous or fails.
   */
  get(name: string, scope: CookieScope = {}): string | null {
    const where = readScope(scope)
    const stored = this.#stored(name, where)
    const found = stored.length > 0 ? stored : this.#freeOnes(name, where)
    if (found.length <= 1) return found[0]?.value ?? null
    const places = [
      ...stored.map(({ domain, path }) => `${domain}${path}`),
      ...(stored.length > 0 ? [] : found.map(({ path }) => path)),
    ]
    throw new HawserError(
      `Several cookies are called ${name}: say which by domain and path, of ${places.join(', ')}`,
    )
  }

  /**
   * Sets a cookie for a domain and all below it, or for none; for all paths unless one is given. The value
   * is sent as it is. Throws `LocalProtocolError` for what no cookie may contain, `TypeError` for a domain
   * or path that cannot be, and with a domain as `get`.
   */
  set(name: string, value: string, scope: CookieScope = {}): void {
    checkCookie(name, value)
    const { domain, path } = readScope(scope)
    if (domain !== null) this.#setFor(domain, name, value, path ?? '/')
    else this.#free.set(`${path ?? '/'};${name}`, { name, value, path: path ?? '/' })
  }

  /** Removes all of that name, and says whether there was one. Throws as `get`, but not for several. */
  delete(name: string, scope: CookieScope = {}): boolean {
    return this.#remove(name, readScope(scope))
  }

  /** Removes all, or all of a domain or path. Throws as `delete`. */
  clear(scope: CookieScope = {}): void {
    this.#remove(null, readScope(scope))
  }

  /**
   * Names and values, oldest first and those without a domain last. Names repeat: there is one for each
   * domain and path. Throws as `delete`.
   */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (const { key, value } of this.#stored(null, ANYWHERE)) yield [key, value]
    for (const { name, value } of this.#freeOnes(null, ANYWHERE)) yield [name, value]
  }

  /** Names and domains, but no values. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (depth < 0) return '[Cookies]'
    const stored = this.#jar.isSynchronous
      ? this.#stored(null, ANYWHERE).map(({ key, domain }) => `${key} (${domain})`)
      : ['(in an asynchronous store)']
    const free = this.#freeOnes(null, ANYWHERE).map(({ name }) => name)
    return `Cookies ${inspect([...stored, ...free], options)}`
  }

  /** True if nothing can be sent, to anyone. */
  get isEmpty(): boolean {
    return this.#free.size === 0 && this.#jar.isEmpty
  }

  /**
   * The Cookie field for `url`, '' for none: the jar's with longer paths first, those without a domain
   * if the caller `asked` for this host, then `extra`, which displace all of their name. A promise if the jar's store is asynchronous. Throws or rejects with
   * `HawserError` if it fails.
   */
  header(
    url: URL,
    options: { readonly asked: boolean; readonly extra: CookiePairs | null },
  ): string | Promise<string> {
    const { asked, extra } = options
    const stored = this.#jar.matching(url)
    const free = asked ? this.#freeFor(url) : []
    if (stored instanceof Promise) return stored.then((cookies) => toField(cookies, free, extra))
    return toField(stored, free, extra)
  }

  /**
   * Takes over each Set-Cookie of a response, by RFC 6265 5.3. What is bad or too large, or what the
   * store does not take, is left out in silence. A promise, which never rejects, if the store is asynchronous.
   */
  keep(setCookies: readonly string[], url: URL): void | Promise<void> {
    const keepable = setCookies.filter(isKeepable)
    if (keepable.length > 0) return this.#jar.keep(keepable, url)
  }

  /**
   * What goes to `url`, by name: the one that is sent first. Without a domain only if the caller `asked`
   * for this host. Throws as `delete`.
   */
  pairsFor(url: URL, asked: boolean): CookiePairs {
    const stored = this.#jar.matching(url) as readonly Cookie[]
    const pairs = new Map<string, string>()
    for (const { key, value } of stored) if (!pairs.has(key)) pairs.set(key, value)
    for (const { name, value } of asked ? this.#freeFor(url) : []) {
      if (!pairs.has(name)) pairs.set(name, value)
    }
    return pairs
  }

  /** Throws `HawserError` if the jar's store is asynchronous. */
  checkSynchronous(): void {
    this.#jar.checkSynchronous()
  }

  #copy(other: Cookies): void {
    this.#jar.copy(other.#stored(null, ANYWHERE))
    for (const [key, cookie] of other.#free) this.#free.set(key, cookie)
  }

  #setFor(domain: string, name: string, value: string, path: string): void {
    this.#jar.checkSynchronous()
    // Names with these prefixes are refused without the attributes that they promise. RFC 6265bis 4.1.3
    const secure = /^__(?:Host|Secure)-/.test(name) ? '; Secure' : ''
    // A single label has nothing below it, and would be refused as a public suffix.
    const isHostOnly = name.startsWith('__Host-') || !domain.includes('.')
    const attributes = `; Path=${path}${isHostOnly ? '' : `; Domain=${domain}`}${secure}`
    let cause: unknown
    try {
      if (this.#jar.set(`${name}=${value}${attributes}`, urlOf(domain))) return
    } catch (error) {
      cause = error
    }
    throw new TypeError(`Cookie ${name} cannot be set for ${domain}${path}`, { cause })
  }

  #remove(name: string | null, where: Scope): boolean {
    const stored = this.#stored(name, where)
    this.#jar.remove(stored)
    const free = this.#freeOnes(name, where)
    for (const cookie of free) this.#free.delete(`${cookie.path};${cookie.name}`)
    return stored.length + free.length > 0
  }

  #stored(name: string | null, { domain, path }: Scope): Cookie[] {
    return this.#jar
      .all()
      .filter(
        (cookie) =>
          (name === null || cookie.key === name) &&
          (domain === null || cookie.domain === domain) &&
          (path === null || cookie.path === path),
      )
  }

  #freeOnes(name: string | null, { domain, path }: Scope): FreeCookie[] {
    if (domain !== null) return []
    return [...this.#free.values()].filter(
      (cookie) =>
        (name === null || cookie.name === name) && (path === null || cookie.path === path),
    )
  }

  #freeFor(url: URL): FreeCookie[] {
    if (this.#free.size === 0) return []
    const { pathname } = url
    return [...this.#free.values()].filter(({ path }) => isUnderPath(pathname, path))
  }
}

/** Throws as the constructor of `Cookies`, and `HawserError` for a jar whose store is asynchronous. */
export function requestCookies(init: CookiesInit): RequestCookies {
  if (!(init instanceof Cookies || isJar(init))) return new Map(readPairs(init))
  const cookies = Cookies.from(init)
  cookies.checkSynchronous()
  return cookies
}

/** Those of a request that go to `url`; what has no domain only if the caller `asked` for this host. */
export function extraCookies(
  cookies: RequestCookies | null,
  url: URL,
  asked: boolean,
): CookiePairs | null {
  if (cookies instanceof Cookies) return cookies.pairsFor(url, asked)
  return asked ? cookies : null
}

/** A Cookie field that the caller wrote, with these behind it. RFC 6265 5.4: there is one field. */
export function withCookies(field: string, extra: CookiePairs | null): string {
  for (const [name, value] of extra ?? []) if (value !== null) field += `; ${name}=${value}`
  return field
}

/** What a response by itself set. */
export function cookiesOf(headers: Headers, url: URL): Cookies {
  const cookies = new Cookies()
  void cookies.keep(headers.getSetCookie(), url)
  return cookies
}

function toField(
  stored: readonly Cookie[],
  free: readonly FreeCookie[],
  extra: CookiePairs | null,
): string {
  const fields: string[] = []
  const names = new Set<string>()
  for (const cookie of stored) {
    if (extra?.has(cookie.key)) continue
    if (free.length > 0) names.add(cookie.key)
    fields.push(cookie.cookieString())
  }
  for (const { name, value } of free) {
    if (!names.has(name) && !extra?.has(name)) fields.push(`${name}=${value}`)
  }
  for (const [name, value] of extra ?? []) if (value !== null) fields.push(`${name}=${value}`)
  return fields.join('; ')
}
