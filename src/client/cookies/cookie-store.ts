import type { Callback, Cookie, ErrorCallback, Nullable, Store } from 'tough-cookie'
import { isUnderPath } from './cookie-syntax.ts'

/** How many cookies a domain may have, as in browsers; RFC 6265 6.1 asks for 50 at least. */
const MAX_PER_DOMAIN = 180
/** The last moment that a `Date` can name, in ms. */
const LAST_DATE = 8.64e15

/**
 * The store of our own jars, in memory. Other than tough-cookie's it
 * - knows when it is empty, and how often it was changed;
 * - bounds what a domain may keep: the cookie that was set longest ago goes;
 * - counts Max-Age from when the cookie came: tough-cookie counts from its last use, so that a cookie
 *   in use never expires;
 * - can be asked for the hosts `test`, `local` and `example`, for which tough-cookie's throws.
 */
export class CookieStore implements Store {
  synchronous = true
  /** Grows with every change. */
  changes = 0
  /** By domain, then by name and path, in the order in which they were set. Never an empty map in it. */
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
    return answer(this.#domains.get(domain ?? '')?.get(idOf(key, path)), callback)
  }

  /** What the domain and those above it have for `path`; null is any. The jar looks at all the rest. */
  findCookies(
    domain: Nullable<string>,
    path: Nullable<string>,
    _allowSpecialUseDomain?: boolean,
    callback?: Callback<Cookie[]>,
  ): Promise<Cookie[]> {
    const found: Cookie[] = []
    let rest = domain ?? ''
    while (rest !== '') {
      for (const cookie of this.#domains.get(rest)?.values() ?? []) {
        if (!path || isUnderPath(path, cookie.path ?? '/')) found.push(cookie)
      }
      const dot = rest.indexOf('.')
      rest = dot < 0 ? '' : rest.slice(dot + 1)
    }
    return answer(found, callback)
  }

  /** A cookie that has expired already takes its predecessor with it. RFC 6265 5.3 */
  putCookie(cookie: Cookie, callback?: ErrorCallback): Promise<void> {
    const { domain, path, key } = cookie
    fixExpiry(cookie)
    this.#remove(domain, path, key)
    if (domain !== null && cookie.TTL() > 0) this.#add(domain, cookie)
    return answer(undefined, callback)
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
    return answer(undefined, callback)
  }

  removeCookies(domain: string, path: Nullable<string>, callback?: ErrorCallback): Promise<void> {
    for (const cookie of [...(this.#domains.get(domain)?.values() ?? [])]) {
      if (!path || cookie.path === path) this.#remove(domain, cookie.path, cookie.key)
    }
    return answer(undefined, callback)
  }

  removeAllCookies(callback?: ErrorCallback): Promise<void> {
    this.changes++
    this.#domains.clear()
    return answer(undefined, callback)
  }

  getAllCookies(callback?: Callback<Cookie[]>): Promise<Cookie[]> {
    const all = [...this.#domains.values()].flatMap((cookies) => [...cookies.values()])
    return answer(
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

/** Makes Max-Age a date: one that is never looked up again. RFC 6265 5.3, step 3 */
function fixExpiry(cookie: Cookie): void {
  const time = cookie.maxAge === null ? null : (cookie.expiryTime() ?? Infinity)
  if (time !== null) cookie.expires = time > LAST_DATE ? 'Infinity' : new Date(Math.max(time, 0))
  cookie.expires ??= 'Infinity'
  cookie.maxAge = null
}

/** Both ways in which stores answer; jars take the callback, which has to come before we return. */
function answer<Value>(
  value: Value,
  callback?: (error: null, value: Value) => void,
): Promise<Value> {
  callback?.(null, value)
  return Promise.resolve(value)
}
