import type { Callback, Cookie, ErrorCallback, Nullable, Store } from 'tough-cookie'
import { ownCopy } from '../../models/own-copy.ts'
import { hidesSecureCookie, isUnderPath } from './cookie-syntax.ts'

/**
 * Maximum number of cookies of a site, as in browsers. A site is a registrable domain with all its
 * subdomains: with a limit for each domain, one host could set cookies for all its parent domains,
 * and evict those of other sites. RFC 6265 6.1 requires at least 50 for each domain.
 */
const MAX_PER_SITE = 180
/** Maximum number of cookies of all sites. RFC 6265 6.1 requires at least 3000. */
const MAX_COOKIES = 3000
/** The latest time that a `Date` can represent, in ms. */
const LAST_DATE = 8.64e15

/**
 * The in-memory store of the client's own jar. It differs from that of tough-cookie:
 *
 * - It reports whether it is empty, and how often it was changed.
 * - It limits the cookies of a site and of all sites, and removes the oldest by creation: of the site,
 *   or of the site that has the most.
 * - Cookies from an insecure origin never replace, hide or remove a Secure cookie.
 * - The strings of a cookie share no memory with the response that it came from.
 * - It counts Max-Age from the time at which the cookie was received. tough-cookie counts from the
 *   last use, so that a cookie in use never expires.
 * - It supports the hosts `test`, `local` and `example`, for which the store of tough-cookie
 *   throws.
 */
export class CookieStore implements Store {
  synchronous = true
  /** The number of changes. */
  changes = 0
  /** Whether cookies are stored for a secure origin now. RFC 6265bis 5.7, step 16 */
  isSecureOrigin = true
  /** The cookies by domain, then by name and path. The inner maps are never empty. */
  readonly #domains = new Map<string, Map<string, Cookie>>()
  /** All cookies in the order of their creation, by domain, name and path. */
  readonly #all = new Map<string, Cookie>()
  /** The same for each site. The inner maps are never empty. */
  readonly #sites = new Map<string, Map<string, Cookie>>()
  readonly #siteOf: (domain: string) => string
  #secureCount = 0

  /** @param siteOf returns the registrable domain of a domain */
  constructor(siteOf: (domain: string) => string) {
    this.#siteOf = siteOf
  }

  get isEmpty(): boolean {
    return this.#domains.size === 0
  }

  findCookie(
    domain: Nullable<string>,
    path: Nullable<string>,
    key: Nullable<string>,
    callback?: Callback<Cookie | undefined>,
  ): Promise<Cookie | undefined> {
    return respond(this.#domains.get(domain ?? '')?.get(idOf(key, path)), callback)
  }

  /**
   * Finds the cookies of the domain and its parent domains for `path`; null means any path. The jar
   * checks everything else.
   */
  findCookies(
    domain: Nullable<string>,
    path: Nullable<string>,
    _allowSpecialUseDomain?: boolean,
    callback?: Callback<Cookie[]>,
  ): Promise<Cookie[]> {
    const found: Cookie[] = []
    let suffix = domain ?? ''
    while (suffix !== '') {
      for (const cookie of this.#domains.get(suffix)?.values() ?? []) {
        if (!path || isUnderPath(path, cookie.path ?? '/')) found.push(cookie)
      }
      const dot = suffix.indexOf('.')
      suffix = dot < 0 ? '' : suffix.slice(dot + 1)
    }
    return respond(found, callback)
  }

  /** Stores a cookie. An expired cookie removes the one that it replaces. RFC 6265 5.3 */
  putCookie(cookie: Cookie, callback?: ErrorCallback): Promise<void> {
    const { domain, path, key } = cookie
    fixExpiry(cookie)
    if (domain !== null && !this.#hidesSecureCookie(cookie)) {
      if (cookie.TTL() > 0) this.#add(domain, cookie)
      else this.#remove(domain, path, key)
    }
    return respond(undefined, callback)
  }

  /** Whether a cookie from an insecure origin would be sent in place of a Secure one. */
  #hidesSecureCookie(cookie: Cookie): boolean {
    if (this.isSecureOrigin || cookie.secure || this.#secureCount === 0) return false
    for (const other of this.#all.values()) if (hidesSecureCookie(cookie, other)) return true
    return false
  }

  updateCookie(_old: Cookie, cookie: Cookie, callback?: ErrorCallback): Promise<void> {
    return this.putCookie(cookie, callback)
  }

  removeCookie(
    domain: Nullable<string>,
    path: Nullable<string>,
    key: Nullable<string>,
    callback?: ErrorCallback,
  ): Promise<void> {
    this.#remove(domain, path, key)
    return respond(undefined, callback)
  }

  removeCookies(domain: string, path: Nullable<string>, callback?: ErrorCallback): Promise<void> {
    for (const cookie of [...(this.#domains.get(domain)?.values() ?? [])]) {
      if (!path || cookie.path === path) this.#remove(domain, cookie.path, cookie.key)
    }
    return respond(undefined, callback)
  }

  removeAllCookies(callback?: ErrorCallback): Promise<void> {
    this.changes++
    this.#domains.clear()
    this.#all.clear()
    this.#sites.clear()
    this.#secureCount = 0
    return respond(undefined, callback)
  }

  getAllCookies(callback?: Callback<Cookie[]>): Promise<Cookie[]> {
    const all = [...this.#all.values()]
    return respond(
      all.sort((a, b) => a.creationIndex - b.creationIndex),
      callback,
    )
  }

  #add(domain: string, cookie: Cookie): void {
    this.changes++
    const owner = ownCopy(domain)
    cookie.domain = owner
    cookie.key = ownCopy(cookie.key)
    cookie.value = ownCopy(cookie.value)
    if (cookie.path !== null) cookie.path = ownCopy(cookie.path)
    if (cookie.sameSite !== undefined) cookie.sameSite = ownCopy(cookie.sameSite)
    const id = idOf(cookie.key, cookie.path)
    const cookies = this.#domains.get(domain) ?? new Map<string, Cookie>()
    // A cookie that is set again keeps its place in the order, as it keeps its creation time.
    if (cookies.get(id)?.secure) this.#secureCount--
    if (cookie.secure) this.#secureCount++
    cookies.set(id, cookie)
    this.#domains.set(owner, cookies)
    const site = this.#siteOf(owner)
    const ofSite = this.#sites.get(site) ?? new Map<string, Cookie>()
    this.#sites.set(ownCopy(site), ofSite)
    ofSite.set(`${owner};${id}`, cookie)
    this.#all.set(`${owner};${id}`, cookie)
    if (ofSite.size > MAX_PER_SITE) this.#evict(this.#oldestOf(ofSite))
    if (this.#all.size > MAX_COOKIES) this.#evict(this.#oldestOfLargestSite())
  }

  #evict(cookie: Cookie | null): void {
    if (cookie !== null) this.#remove(cookie.domain, cookie.path, cookie.key)
  }

  /**
   * Returns the oldest cookie that may be removed; null if there is none. It can be the new one, if all
   * others are Secure.
   */
  #oldestOf(cookies: ReadonlyMap<string, Cookie>): Cookie | null {
    for (const cookie of cookies.values()) {
      if (!cookie.secure || this.isSecureOrigin) return cookie
    }
    return null
  }

  /** Of the sites that have a cookie that may be removed. */
  #oldestOfLargestSite(): Cookie | null {
    let size = 0
    let oldest: Cookie | null = null
    for (const cookies of this.#sites.values()) {
      const candidate = cookies.size > size ? this.#oldestOf(cookies) : null
      if (candidate === null) continue
      size = cookies.size
      oldest = candidate
    }
    return oldest
  }

  #remove(domain: Nullable<string>, path: Nullable<string>, key: Nullable<string>): void {
    const cookies = this.#domains.get(domain ?? '')
    const id = idOf(key, path)
    const cookie = cookies?.get(id)
    if (cookies === undefined || cookie === undefined) return
    cookies.delete(id)
    if (cookie.secure) this.#secureCount--
    this.changes++
    this.#all.delete(`${domain};${id}`)
    const site = this.#siteOf(domain ?? '')
    const ofSite = this.#sites.get(site)
    ofSite?.delete(`${domain};${id}`)
    if (ofSite?.size === 0) this.#sites.delete(site)
    if (cookies.size === 0) this.#domains.delete(domain ?? '')
  }
}

function idOf(key: Nullable<string>, path: Nullable<string>): string {
  return `${key};${path}`
}

/** Converts Max-Age into a fixed expiry date. RFC 6265 5.3, step 3 */
function fixExpiry(cookie: Cookie): void {
  const time = cookie.maxAge === null ? null : (cookie.expiryTime() ?? Infinity)
  if (time !== null) cookie.expires = time > LAST_DATE ? 'Infinity' : new Date(Math.max(time, 0))
  cookie.expires ??= 'Infinity'
  cookie.maxAge = null
}

/**
 * Returns the value by callback and by promise, as every store must. Jars use the callback, and
 * expect it before this function returns.
 */
function respond<Value>(
  value: Value,
  callback?: (error: null, value: Value) => void,
): Promise<Value> {
  callback?.(null, value)
  return Promise.resolve(value)
}
