import type { Callback, Cookie, ErrorCallback, Nullable, Store } from 'tough-cookie'
import { isUnderPath } from './cookie-syntax.ts'

/** Maximum number of cookies of a domain, as in browsers. RFC 6265 6.1 requires at least 50. */
const MAX_PER_DOMAIN = 180
/** The latest time that a `Date` can represent, in ms. */
const LAST_DATE = 8.64e15

/**
 * The in-memory store of the client's own jar. It differs from that of tough-cookie:
 *
 * - It reports whether it is empty, and how often it was changed.
 * - It limits the cookies of a domain, and removes the cookie that was set longest ago.
 * - It counts Max-Age from the time at which the cookie was received. tough-cookie counts from the
 *   last use, so that a cookie in use never expires.
 * - It supports the hosts `test`, `local` and `example`, for which the store of tough-cookie
 *   throws.
 */
export class CookieStore implements Store {
  synchronous = true
  /** The number of changes. */
  changes = 0
  /**
   * The cookies by domain, then by name and path, in the order in which they were set. The inner
   * maps are never empty.
   */
  readonly #domains = new Map<string, Map<string, Cookie>>()

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
    this.#remove(domain, path, key)
    if (domain !== null && cookie.TTL() > 0) this.#add(domain, cookie)
    return respond(undefined, callback)
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
    return respond(undefined, callback)
  }

  getAllCookies(callback?: Callback<Cookie[]>): Promise<Cookie[]> {
    const all = [...this.#domains.values()].flatMap((cookies) => [...cookies.values()])
    return respond(
      all.sort((a, b) => a.creationIndex - b.creationIndex),
      callback,
    )
  }

  #add(domain: string, cookie: Cookie): void {
    this.changes++
    const cookies = this.#domains.get(domain) ?? new Map<string, Cookie>()
    cookies.set(idOf(cookie.key, cookie.path), cookie)
    if (cookies.size > MAX_PER_DOMAIN) cookies.delete(cookies.keys().next().value!)
    this.#domains.set(domain, cookies)
  }

  #remove(domain: Nullable<string>, path: Nullable<string>, key: Nullable<string>): void {
    const cookies = this.#domains.get(domain ?? '')
    if (!cookies?.delete(idOf(key, path))) return
    this.changes++
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
