import type { InspectOptions } from 'node:util'
import { inspect } from 'node:util'
import type { Cookie, CookieJar } from 'tough-cookie'
import { HawserError } from '../../errors.ts'
import type { Headers } from '../../models/headers.ts'
import { isThenable } from '../../models/value-kind.ts'
import type { CookiePairs } from './cookie-field.ts'
import { cookieField } from './cookie-field.ts'
import { isJar, LazyJar } from './cookie-jar.ts'
import type { CheckedScope, CookieScope } from './cookie-scope.ts'
import { ANY_SCOPE, checkScope, urlForDomain } from './cookie-scope.ts'
import {
  checkCookie,
  isAcceptable,
  isUnderPath,
  mustBeHostOnly,
  mustBeSecure,
  readPairs,
  withoutAttributes,
} from './cookie-syntax.ts'

export type { CookieScope }

/**
 * Cookies as they can be given: names and values, `Cookies`, or a `CookieJar` of tough-cookie. For
 * a request, the value `null` means that the client's cookie of that name is not sent.
 */
export type CookiesInit =
  | Cookies
  | CookieJar
  | Readonly<Record<string, string | null | undefined>>
  | Iterable<readonly [name: string, value: string | null | undefined]>
  | null
  | undefined

/**
 * The cookies of one request. Pairs are sent only to the host that the caller requested. `Cookies`
 * are sent according to their domains.
 */
export type RequestCookies = CookiePairs | Cookies

/** The Set-Cookie fields of a response to an earlier request of a call. */
export interface ReceivedCookies {
  readonly setCookies: readonly string[]
  /** The URL of that request. */
  readonly url: URL
  /** The Cookie field of that request; empty for none. */
  readonly sent: string
}

const NO_PAIRS: CookiePairs = new Map()
/** The attributes that can delete a cookie. */
const EXPIRY = /^(?:expires|max-age)$/i

/** A cookie that has no domain. */
interface UnscopedCookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/**
 * The cookies of a client: a tough-cookie jar, and the cookies that were set without a domain,
 * which a jar cannot store. The latter are sent to every host that the caller requests, and not to
 * other hosts that a redirect leads to. If the jar has a cookie of the same name for a URL, that
 * one is sent instead.
 *
 * Methods that read the jar throw `HawserError` if its store is asynchronous or fails. Sending and
 * storing cookies works with every store.
 */
export class Cookies {
  readonly #jar: LazyJar
  readonly #unscoped = new Map<string, UnscopedCookie>()

  /**
   * Creates cookies from names and values, as a copy of other `Cookies`, or for a `CookieJar`,
   * which is used and not copied. It can have any store, and be of any version of tough-cookie.
   *
   * Throws `LocalProtocolError` for an invalid character, `TypeError` for any other type, and
   * `HawserError` if the cookies to copy cannot be read.
   */
  constructor(init?: CookiesInit) {
    this.#jar = new LazyJar(isJar(init) ? init : null)
    if (init instanceof Cookies) this.#copy(init)
    else if (!isJar(init)) {
      for (const [name, value] of readPairs(init)) if (value !== null) this.set(name, value)
    }
  }

  /**
   * Returns `init` if it is `Cookies`, or creates `Cookies` from it. Throws as the constructor
   * does.
   */
  static from(init?: CookiesInit): Cookies {
    return init instanceof Cookies ? init : new Cookies(init)
  }

  /** The tough-cookie jar. It does not contain the cookies without a domain. */
  get jar(): CookieJar {
    return this.#jar.jar
  }

  /**
   * Returns the value of the cookie of that name, null if there is none. A cookie without a domain
   * is returned only if the jar has none of that name.
   *
   * Throws `HawserError` if several cookies match, because the result would be ambiguous.
   */
  get(name: string, scope: CookieScope = {}): string | null {
    const checked = checkScope(scope)
    const stored = this.#findStored(name, checked)
    const found = stored.length > 0 ? stored : this.#findUnscoped(name, checked)
    if (found.length <= 1) return found.at(0)?.value ?? null
    const scopes = [
      ...stored.map(({ domain, path }) => `${domain}${path}`),
      ...(stored.length > 0 ? [] : found.map(({ path }) => path)),
    ]
    throw new HawserError(
      `Several cookies have the name ${name}: specify domain and path (one of ${scopes.join(', ')})`,
    )
  }

  /**
   * Sets a cookie. With a domain, it is sent to that domain and its subdomains. The default path is
   * `/`. The value is sent without encoding.
   *
   * Throws `LocalProtocolError` for an invalid character, and `TypeError` for an invalid domain or
   * path, or for one for which the jar refuses cookies.
   */
  set(name: string, value: string, scope: CookieScope = {}): void {
    checkCookie(name, value)
    const { domain, path } = checkScope(scope)
    if (domain !== null) this.#setForDomain(domain, name, value, path ?? '/')
    else this.#unscoped.set(`${path ?? '/'};${name}`, { name, value, path: path ?? '/' })
  }

  /** Removes all cookies of that name, and returns whether there was one. */
  delete(name: string, scope: CookieScope = {}): boolean {
    return this.#remove(name, checkScope(scope))
  }

  /** Removes all cookies, or all cookies of a domain or path. */
  clear(scope: CookieScope = {}): void {
    this.#remove(null, checkScope(scope))
  }

  /**
   * Iterates over names and values: first the cookies of the jar, oldest first, then those without
   * a domain. A name occurs once for each domain and path.
   */
  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (const { key, value } of this.#findStored(null, ANY_SCOPE)) yield [key, value]
    for (const { name, value } of this.#findUnscoped(null, ANY_SCOPE)) yield [name, value]
  }

  /** Shows names and domains, but no values. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    if (depth < 0) return '[Cookies]'
    const stored = this.#jar.isSynchronous
      ? this.#findStored(null, ANY_SCOPE).map(({ key, domain }) => `${key} (${domain})`)
      : ['(in an asynchronous store)']
    const unscoped = this.#findUnscoped(null, ANY_SCOPE).map(({ name }) => name)
    return `Cookies ${inspect([...stored, ...unscoped], options)}`
  }

  /** Whether there are certainly no cookies to send. */
  get isEmpty(): boolean {
    return this.#unscoped.size === 0 && this.#jar.isEmpty
  }

  /**
   * Returns the value of the Cookie field for `url`, empty for none, as `cookieField` composes it
   * of the jar, the cookies without a domain if `includeUnscoped` is true, and the other options.
   * Returns a promise if the store of the jar is asynchronous.
   *
   * Throws or rejects with `HawserError` if the store fails.
   */
  header(
    url: URL,
    options: {
      readonly includeUnscoped: boolean
      readonly extra: CookiePairs | null
      /** The Cookie field that the caller gave. */
      readonly field?: string | null
      /** What servers have set in this call, in order. */
      readonly received?: readonly ReceivedCookies[]
    },
  ): string | Promise<string> {
    const { includeUnscoped, extra, field = null } = options
    const unscoped = includeUnscoped ? this.#unscopedFor(url) : []
    const isFromServersOnly = extra === null && field === null && unscoped.length === 0
    const earlier = isFromServersOnly ? [] : (options.received ?? [])
    const received = receivedPairs(earlier, url)
    const sentBefore = earlier.map(({ sent }) => sent)
    const compose = (stored: readonly Cookie[]) =>
      cookieField({ stored, unscoped, extra, field, received, sentBefore })
    if (field !== null && received.size === 0) return compose([])
    const stored = this.#jar.matching(url)
    return isThenable(stored) ? stored.then(compose) : compose(stored)
  }

  /**
   * Stores the cookies of the Set-Cookie fields of a response, according to RFC 6265 5.3. Cookies
   * that are invalid, too large, or not accepted by the store are ignored. Returns a promise, which
   * never rejects, if the store is asynchronous.
   */
  storeSetCookies(setCookies: readonly string[], url: URL): void | Promise<void> {
    const accepted = setCookies.filter(isAcceptable)
    if (accepted.length > 0) return this.#jar.storeSetCookies(accepted, url)
  }

  /**
   * Returns the cookies for `url` by name. If several have the same name, the one that is sent
   * first is returned. Cookies without a domain are included if `includeUnscoped` is true.
   */
  pairsFor(url: URL, includeUnscoped: boolean): CookiePairs {
    const stored = this.#jar.matching(url) as readonly Cookie[]
    const pairs = new Map<string, string>()
    for (const { key, value } of stored) if (!pairs.has(key)) pairs.set(key, value)
    for (const { name, value } of includeUnscoped ? this.#unscopedFor(url) : []) {
      if (!pairs.has(name)) pairs.set(name, value)
    }
    return pairs
  }

  /** Throws `HawserError` if the jar's store is asynchronous. */
  checkSynchronous(): void {
    this.#jar.checkSynchronous()
  }

  #copy(other: Cookies): void {
    this.#jar.copy(other.#findStored(null, ANY_SCOPE))
    for (const [key, cookie] of other.#unscoped) this.#unscoped.set(key, cookie)
  }

  #setForDomain(domain: string, name: string, value: string, path: string): void {
    this.#jar.checkSynchronous()
    // The jar refuses names with these prefixes without the attributes that they require.
    // RFC 6265bis 4.1.3
    const secure = mustBeSecure(name) ? '; Secure' : ''
    // The jar would refuse the Domain of a single label as a public suffix.
    const isHostOnly = mustBeHostOnly(name) || !domain.includes('.')
    const attributes = `; Path=${path}${isHostOnly ? '' : `; Domain=${domain}`}${secure}`
    let cause: unknown
    try {
      if (this.#jar.set(`${name}=${value}${attributes}`, urlForDomain(domain))) return
    } catch (error) {
      cause = error
    }
    const scope = `domain ${domain} and path ${path}`
    throw new TypeError(`The cookie jar did not accept cookie ${name} for ${scope}`, { cause })
  }

  #remove(name: string | null, scope: CheckedScope): boolean {
    const stored = this.#findStored(name, scope)
    this.#jar.remove(stored)
    const unscoped = this.#findUnscoped(name, scope)
    for (const cookie of unscoped) this.#unscoped.delete(`${cookie.path};${cookie.name}`)
    return stored.length + unscoped.length > 0
  }

  #findStored(name: string | null, { domain, path }: CheckedScope): Cookie[] {
    return this.#jar
      .all()
      .filter(
        (cookie) =>
          (name === null || cookie.key === name) &&
          (domain === null || cookie.domain === domain) &&
          (path === null || cookie.path === path),
      )
  }

  #findUnscoped(name: string | null, { domain, path }: CheckedScope): UnscopedCookie[] {
    if (domain !== null) return []
    return [...this.#unscoped.values()].filter(
      (cookie) =>
        (name === null || cookie.name === name) && (path === null || cookie.path === path),
    )
  }

  #unscopedFor(url: URL): UnscopedCookie[] {
    if (this.#unscoped.size === 0) return []
    const { pathname } = url
    return [...this.#unscoped.values()].filter(({ path }) => isUnderPath(pathname, path))
  }
}

/**
 * Checks the cookies of a request. Throws as the constructor of `Cookies` does, and `HawserError`
 * for a jar whose store is asynchronous.
 */
export function requestCookies(init: CookiesInit): RequestCookies {
  if (!(init instanceof Cookies || isJar(init))) return new Map(readPairs(init))
  const cookies = Cookies.from(init)
  cookies.checkSynchronous()
  return cookies
}

/** Returns the cookies of a request to send to `url`; null for none. */
export function requestCookiesFor(
  cookies: RequestCookies | null,
  url: URL,
  isRequestedHost: boolean,
): CookiePairs | null {
  if (cookies instanceof Cookies) return cookies.pairsFor(url, isRequestedHost)
  return isRequestedHost ? cookies : null
}

/** Returns the cookies that a response sets. */
export function responseCookies(headers: Headers, url: URL): Cookies {
  const cookies = new Cookies()
  void cookies.storeSetCookies(headers.getSetCookie(), url)
  return cookies
}

/**
 * Returns the cookies for `url` that servers have set or deleted in this call. A deleted one has
 * its last value: it counts in place of a cookie of the caller, too.
 */
function receivedPairs(received: readonly ReceivedCookies[], url: URL): CookiePairs {
  if (received.length === 0) return NO_PAIRS
  const cookies = new Cookies()
  for (const response of received) {
    const unexpiring = response.setCookies.map((each) => withoutAttributes(each, EXPIRY))
    void cookies.storeSetCookies(unexpiring, response.url)
  }
  return cookies.pairsFor(url, false)
}
