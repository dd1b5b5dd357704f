import type { Cookie, CookieJar } from 'tough-cookie'
import { toughCookie } from '#tough-cookie'
import { HawserError } from '../../errors.ts'
import { ownCopy } from '../../models/own-copy.ts'
import { CookieStore } from './cookie-store.ts'
import {
  hasPrefixAttributes,
  hidesSecureCookie,
  isSecureOrigin,
  parseSetCookie,
  withoutAttributes,
} from './cookie-syntax.ts'

// Every option is given: tough-cookie would read a missing one from a polluted `Object.prototype`.
const JAR_OPTIONS = {
  rejectPublicSuffixes: true,
  // RFC 6265 5.2 has no cookies without a name. In loose mode, `=__Host-a=b` could imitate another
  // cookie.
  looseMode: false,
  // Accept cookies for localhost, *.test and *.local.
  allowSpecialUseDomain: true,
  // Allow Secure cookies for http://localhost and loopback addresses, as browsers and curl do.
  allowSecureOnLocal: true,
  enforceSecureOriginOnStorage: true,
  prefixSecurity: 'silent',
} as const
const SET_OPTIONS = {
  http: true,
  ignoreError: false,
  loose: undefined,
  now: undefined,
  sameSiteContext: undefined,
}
const GET_OPTIONS = {
  http: true,
  expire: true,
  allPaths: false,
  sort: true,
  sameSiteContext: undefined,
}

const SUFFIX_OPTIONS = { allowSpecialUseDomain: true, ignoreError: true }

/** The store of tough-cookie throws when it is asked for cookies of these hosts. */
const UNSUPPORTED_HOST = /^(?:example|local|test)$/
const NO_COOKIES: readonly Cookie[] = []

/** The cookies that the jar has returned for a host and path. */
interface CachedMatch {
  readonly key: string
  /** The number of changes of the store at that time. */
  readonly changes: number
  readonly cookies: readonly Cookie[]
}

/** Not created from the default `{}`, whose prototype may be polluted. */
function emptyCookie(): Cookie {
  return new (toughCookie().Cookie)(Object.create(null))
}

/** Returns the registrable domain of a domain, or the domain itself if it has none. */
function siteOf(domain: string): string {
  return toughCookie().getPublicSuffix(domain, SUFFIX_OPTIONS) ?? domain
}

/**
 * Whether a cookie is for all hosts under a name that is not in the public suffix list, but has no
 * owner either: a name without a dot, such as `localhost`, and the names of a Kubernetes cluster.
 * A host may set a cookie for itself.
 */
function isForUnrelatedHosts({ domain }: Cookie, { hostname }: URL): boolean {
  if (domain === null || domain === hostname) return false
  return !domain.includes('.') || /^(?:[^.]+\.)?(?:svc\.)?cluster\.local$/.test(domain)
}

/**
 * A tough-cookie jar: a jar of the caller, or a jar of this client, which is created when it is
 * first needed.
 */
export class LazyJar {
  #jar: CookieJar | null
  /**
   * The store of the client's own jar; null for a jar of the caller, and until the jar is created.
   */
  #store: CookieStore | null = null
  /** The latest result of the client's own jar. */
  #lastMatch: CachedMatch | null = null

  constructor(jar: CookieJar | null) {
    this.#jar = jar
  }

  get jar(): CookieJar {
    if (this.#jar === null) {
      this.#store = new CookieStore(siteOf)
      this.#jar = new (toughCookie().CookieJar)(this.#store, JAR_OPTIONS)
    }
    return this.#jar
  }

  /** Whether there are certainly no cookies. Always false for a jar of the caller. */
  get isEmpty(): boolean {
    return this.#store === null ? this.#jar === null : this.#store.isEmpty
  }

  get isSynchronous(): boolean {
    return this.#jar === null || this.#jar.store.synchronous
  }

  /**
   * Returns the cookies to send to `url`, longer paths first; a promise of them if the store is
   * asynchronous. Throws or rejects with `HawserError` if the store fails.
   */
  matching(url: URL): readonly Cookie[] | Promise<readonly Cookie[]> {
    if (this.isEmpty) return NO_COOKIES
    if (!this.isSynchronous) return this.#matchingAsync(url)
    if (this.#store !== null) return this.#matchingCached(url, this.#store)
    try {
      return this.jar.getCookiesSync(url, GET_OPTIONS)
    } catch (cause) {
      return handleStoreFailure(cause, url)
    }
  }

  /**
   * Stores a cookie of the caller, written as a Set-Cookie field, and returns it; undefined if the
   * jar does not accept it. Throws the errors of tough-cookie and of the store.
   */
  set(setCookie: string, url: URL): Cookie | undefined {
    const { jar } = this
    // The caller's jar may be of another copy of tough-cookie, which accepts only its own `Cookie`
    // objects. It gets the text instead.
    if (this.#store === null) return jar.setCookieSync(setCookie, url, SET_OPTIONS)
    const cookie = emptyCookie()
    if (!parseSetCookie(setCookie, cookie) || !hasPrefixAttributes(cookie)) return undefined
    return this.#put(cookie, url, this.#store)
  }

  /**
   * Stores the cookies of these Set-Cookie fields in order, because several may have the same name.
   * Those that the jar does not accept are ignored.
   */
  storeSetCookies(setCookies: readonly string[], url: URL): void | Promise<void> {
    const { jar } = this
    if (!jar.store.synchronous) return storeAsync(jar, setCookies, url)
    for (const setCookie of setCookies) {
      try {
        if (this.#store !== null) this.#receive(setCookie, url, this.#store)
        else storeSync(jar, setCookie, url)
      } catch {}
    }
  }

  #receive(setCookie: string, url: URL, store: CookieStore): void {
    const cookie = emptyCookie()
    if (!parseSetCookie(setCookie, cookie) || !hasPrefixAttributes(cookie)) return
    if (namesOwnSuffix(cookie, url)) cookie.domain = null
    if (isForUnrelatedHosts(cookie, url)) return
    this.#put(cookie, url, store)
  }

  #put(cookie: Cookie, url: URL, store: CookieStore): Cookie | undefined {
    store.isSecureOrigin = isSecureOrigin(url)
    try {
      return this.jar.setCookieSync(cookie, url, SET_OPTIONS)
    } finally {
      store.isSecureOrigin = true
    }
  }

  /** Stores copies of these cookies. Only for the client's own jar. */
  copy(cookies: readonly Cookie[]): void {
    for (const cookie of cookies) {
      void this.jar.store.putCookie(Object.assign(emptyCookie(), cookie))
    }
  }

  /**
   * Returns all unexpired cookies, oldest first. Throws `HawserError` if the store is asynchronous
   * or fails.
   */
  all(): Cookie[] {
    if (this.isEmpty) return []
    this.checkSynchronous()
    const all = callSync<Cookie[]>((callback) => this.jar.store.getAllCookies(callback))
    return (all ?? []).filter(isUnexpired)
  }

  /** Removes these cookies. Throws as `all()` does. */
  remove(cookies: readonly Cookie[]): void {
    for (const { domain, path, key } of cookies) {
      callSync((callback) => this.jar.store.removeCookie(domain, path, key, callback))
    }
  }

  /** Throws `HawserError` if the store is asynchronous. */
  checkSynchronous(): void {
    if (this.isSynchronous) return
    throw new HawserError(
      'The cookie store is asynchronous: use the methods of `cookies.jar`, which return promises',
    )
  }

  /** The jar takes 5 us to find the cookies, and calls often repeat the host and path. */
  #matchingCached(url: URL, store: CookieStore): readonly Cookie[] {
    const key = `${url.protocol}//${url.hostname}${url.pathname}`
    const last = this.#lastMatch
    if (last?.key === key && last.changes === store.changes && last.cookies.every(isUnexpired)) {
      return last.cookies
    }
    const cookies = this.jar.getCookiesSync(url, GET_OPTIONS)
    this.#lastMatch = { key, changes: store.changes, cookies }
    return cookies
  }

  async #matchingAsync(url: URL): Promise<readonly Cookie[]> {
    try {
      return await this.jar.getCookies(url, GET_OPTIONS)
    } catch (cause) {
      return handleStoreFailure(cause, url)
    }
  }
}

/**
 * Whether this is a CookieJar, judged by its methods. `instanceof` does not work: the jar may be of
 * another copy of tough-cookie. Even `import` and `require` load different copies.
 */
export function isJar(init: unknown): init is CookieJar {
  if (typeof init !== 'object' || init === null || Symbol.iterator in init) return false
  const prototype: unknown = Object.getPrototypeOf(init)
  if (prototype === null || prototype === Object.prototype) return false
  const { getCookies, setCookie } = init as { getCookies?: unknown; setCookie?: unknown }
  return typeof getCookies === 'function' && typeof setCookie === 'function'
}

/**
 * Whether the Domain of a cookie is the host itself, and a public suffix such as `github.io`, a
 * single label, or an address. The cookie is then host-only. tough-cookie rejects it. RFC 6265 5.3,
 * step 5
 */
function namesOwnSuffix({ domain }: Cookie, { hostname }: URL): boolean {
  if (domain !== hostname) return false
  return !domain.includes('.') || !toughCookie().getPublicSuffix(domain, SUFFIX_OPTIONS)
}

/**
 * Returns a Set-Cookie field that a jar of the caller has refused without its Domain, if that is the
 * host and a public suffix; null otherwise.
 */
function withoutOwnSuffix(setCookie: string, url: URL): string | null {
  const cookie = emptyCookie()
  if (!parseSetCookie(setCookie, cookie) || !namesOwnSuffix(cookie, url)) return null
  return withoutAttributes(setCookie, /^domain$/i)
}

/** Stores a cookie of a response in a jar of the caller. Throws the errors of the store. */
function storeSync(jar: CookieJar, setCookie: string, url: URL): void {
  const cookie = cookieToCheck(setCookie, url)
  if (cookie === 'refused') return
  if (cookie !== null) {
    const others = callSync<Cookie[]>((callback) =>
      jar.store.findCookies(cookie.domain, null, true, callback),
    )
    if (others?.some((other) => hidesSecureCookie(cookie, other))) return
  }
  try {
    jar.setCookieSync(ownCopy(setCookie), url, SET_OPTIONS)
  } catch {
    const hostOnly = withoutOwnSuffix(setCookie, url)
    if (hostOnly !== null) jar.setCookieSync(hostOnly, url, SET_OPTIONS)
  }
}

async function storeAsync(jar: CookieJar, setCookies: readonly string[], url: URL): Promise<void> {
  for (const setCookie of setCookies) {
    try {
      const cookie = cookieToCheck(setCookie, url)
      if (cookie === 'refused') continue
      if (cookie !== null) {
        const others = await new Promise<Cookie[]>((resolve, reject) => {
          jar.store.findCookies(cookie.domain, null, true, (error, found) =>
            error ? reject(error) : resolve(found ?? []),
          )
        })
        if (others.some((other) => hidesSecureCookie(cookie, other))) continue
      }
      try {
        await jar.setCookie(ownCopy(setCookie), url, SET_OPTIONS)
      } catch {
        const hostOnly = withoutOwnSuffix(setCookie, url)
        if (hostOnly !== null) await jar.setCookie(hostOnly, url, SET_OPTIONS)
      }
    } catch {}
  }
}

/**
 * Checks a cookie for a jar of the caller, as tough-cookie does not. Returns the cookie if it must
 * not hide a Secure cookie of its domain or a parent domain; null if there is nothing to check.
 */
function cookieToCheck(setCookie: string, url: URL): Cookie | 'refused' | null {
  const cookie = emptyCookie()
  if (!parseSetCookie(setCookie, cookie)) return null // the jar decides
  if (!hasPrefixAttributes(cookie) || isForUnrelatedHosts(cookie, url)) return 'refused'
  if (cookie.secure || isSecureOrigin(url)) return null
  cookie.domain ??= url.hostname.replace(/^\[|\]$/g, '')
  if (!cookie.path?.startsWith('/')) cookie.path = toughCookie().defaultPath(url.pathname)
  return cookie
}

/**
 * Calls a method of a synchronous store and returns its result. An error is thrown after the
 * callback has returned: thrown inside of it, it would become an unhandled rejection.
 */
function callSync<Value>(
  method: (callback: (error: Error | null, value?: Value) => void) => void,
): Value | undefined {
  let failure: unknown = null
  let result: Value | undefined
  try {
    method((error, value) => {
      failure = error ?? null
      result = value
    })
  } catch (error) {
    failure = error
  }
  if (failure !== null) throw new HawserError('The cookie store failed', { cause: failure })
  return result
}

function isUnexpired(cookie: Cookie): boolean {
  return cookie.TTL() > 0
}

/** Returns no cookies for a host that tough-cookie does not support, and throws for any other. */
function handleStoreFailure(cause: unknown, url: URL): readonly Cookie[] {
  if (UNSUPPORTED_HOST.test(url.hostname)) return NO_COOKIES
  throw new HawserError(`The cookie store failed for ${url.host}`, { cause })
}
