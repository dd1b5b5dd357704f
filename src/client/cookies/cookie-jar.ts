import { createRequire } from 'node:module'
import type * as ToughCookie from 'tough-cookie'
import type { Cookie, CookieJar } from 'tough-cookie'
import { HawserError } from '../../errors.ts'
import { CookieStore } from './cookie-store.ts'
import { readSetCookie } from './cookie-syntax.ts'

// Each option is named: what is not, tough-cookie would take from a polluted `Object.prototype`.
const JAR_OPTIONS = {
  rejectPublicSuffixes: true,
  // RFC 6265 5.2 knows no cookie without a name. Loose, such a one could pass for another: `=__Host-a=b`.
  looseMode: false,
  // localhost, *.test, *.local.
  allowSpecialUseDomain: true,
  // As browsers and curl: http://localhost and loopback addresses may have Secure cookies.
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

/** For these hosts tough-cookie's own store throws when it is asked. */
const UNASKABLE = /^(?:example|local|test)$/
const NONE: readonly Cookie[] = []

interface Answer {
  readonly key: string
  readonly changes: number
  readonly cookies: readonly Cookie[]
}

const require = createRequire(import.meta.url)

let loaded: typeof ToughCookie | null = null

/** Not before there is a cookie: loading it takes more than 10 ms, and looking it up again 15 us. */
function toughCookie(): typeof ToughCookie {
  loaded ??= require('tough-cookie') as typeof ToughCookie
  return loaded
}

/** Not from `{}`, whose prototype may be polluted. */
function blankCookie(): Cookie {
  return new (toughCookie().Cookie)(Object.create(null))
}

/** A tough-cookie jar: the user's, or one of our own that is made when it is first needed. */
export class LazyJar {
  #jar: CookieJar | null
  /** Null with a jar of the user's. */
  #store: CookieStore | null = null
  /** What our own jar said last. */
  #answer: Answer | null = null

  constructor(jar: CookieJar | null) {
    this.#jar = jar
  }

  get jar(): CookieJar {
    if (this.#jar === null) {
      this.#store = new CookieStore()
      this.#jar = new (toughCookie().CookieJar)(this.#store, JAR_OPTIONS)
    }
    return this.#jar
  }

  /** True if there is no cookie for sure; of a user's jar nobody can tell. */
  get isEmpty(): boolean {
    return this.#store === null ? this.#jar === null : this.#store.isEmpty
  }

  get isSynchronous(): boolean {
    return this.#jar === null || this.#jar.store.synchronous
  }

  /** What goes to `url`, longer paths first. A promise if the store is asynchronous. */
  matching(url: URL): readonly Cookie[] | Promise<readonly Cookie[]> {
    if (this.isEmpty) return NONE
    if (!this.isSynchronous) return this.#ask(url)
    if (this.#store !== null) return this.#remembered(url, this.#store)
    try {
      return this.jar.getCookiesSync(url, GET_OPTIONS)
    } catch (cause) {
      return failed(cause, url)
    }
  }

  /**
   * Sets what a Set-Cookie field for `url` says, if the jar accepts it. Throws what tough-cookie and the
   * store throw.
   */
  set(setCookie: string, url: URL): Cookie | undefined {
    const { jar } = this
    // A user's jar may be of another tough-cookie, which knows its own cookies alone: it gets the text.
    if (this.#store === null) return jar.setCookieSync(setCookie, url, SET_OPTIONS)
    const cookie = blankCookie()
    if (!readSetCookie(setCookie, cookie)) return undefined
    // RFC 6265 5.3, step 5: a host that is its own public suffix means itself. tough-cookie refuses it.
    if (cookie.domain === url.hostname && !url.hostname.includes('.')) cookie.domain = null
    return jar.setCookieSync(cookie, url, SET_OPTIONS)
  }

  /** Sets each, one after the other as they may be of one name; a bad one counts for nothing. */
  keep(setCookies: readonly string[], url: URL): void | Promise<void> {
    const { jar } = this
    if (!jar.store.synchronous) return keepLater(jar, setCookies, url)
    for (const setCookie of setCookies) {
      try {
        this.set(setCookie, url)
      } catch {}
    }
  }

  /** Puts copies of these into a jar of our own. */
  copy(cookies: readonly Cookie[]): void {
    for (const cookie of cookies) {
      void this.jar.store.putCookie(Object.assign(blankCookie(), cookie))
    }
  }

  /** All that have not expired, oldest first. Throws `HawserError` if the store is asynchronous or fails. */
  all(): Cookie[] {
    if (this.isEmpty) return []
    this.checkSynchronous()
    const all = answerOf<Cookie[]>((callback) => this.jar.store.getAllCookies(callback))
    return (all ?? []).filter(isAlive)
  }

  /** Throws as `all`. */
  remove(cookies: readonly Cookie[]): void {
    for (const { domain, path, key } of cookies) {
      answerOf((callback) => this.jar.store.removeCookie(domain, path, key, callback))
    }
  }

  checkSynchronous(): void {
    if (this.isSynchronous) return
    throw new HawserError(
      'The cookie store is asynchronous: ask its jar, whose methods return promises',
    )
  }

  /** The same host and path are asked for again and again, and the jar takes 5 us for each answer. */
  #remembered(url: URL, store: CookieStore): readonly Cookie[] {
    const key = `${url.protocol}//${url.hostname}${url.pathname}`
    const last = this.#answer
    if (last?.key === key && last.changes === store.changes && last.cookies.every(isAlive)) {
      return last.cookies
    }
    const cookies = this.jar.getCookiesSync(url, GET_OPTIONS)
    this.#answer = { key, changes: store.changes, cookies }
    return cookies
  }

  async #ask(url: URL): Promise<readonly Cookie[]> {
    try {
      return await this.jar.getCookies(url, GET_OPTIONS)
    } catch (cause) {
      return failed(cause, url)
    }
  }
}

/** By its methods, as it may be of another tough-cookie than ours: that of `import` is not that of `require`. */
export function isJar(init: unknown): init is CookieJar {
  if (typeof init !== 'object' || init === null || Symbol.iterator in init) return false
  const prototype: unknown = Object.getPrototypeOf(init)
  if (prototype === null || prototype === Object.prototype) return false
  const { getCookies, setCookie } = init as { getCookies?: unknown; setCookie?: unknown }
  return typeof getCookies === 'function' && typeof setCookie === 'function'
}

async function keepLater(jar: CookieJar, setCookies: readonly string[], url: URL): Promise<void> {
  for (const setCookie of setCookies) {
    try {
      await jar.setCookie(setCookie, url, SET_OPTIONS)
    } catch {}
  }
}

/** What a synchronous store answers. What its callback threw would end as an unhandled rejection. */
function answerOf<Value>(
  ask: (callback: (error: Error | null, value?: Value) => void) => void,
): Value | undefined {
  let failure: unknown = null
  let answer: Value | undefined
  try {
    ask((error, value) => {
      failure = error ?? null
      answer = value
    })
  } catch (error) {
    failure = error
  }
  if (failure !== null) throw new HawserError('The cookie store failed', { cause: failure })
  return answer
}

function isAlive(cookie: Cookie): boolean {
  return cookie.TTL() > 0
}

function failed(cause: unknown, url: URL): readonly Cookie[] {
  if (UNASKABLE.test(url.hostname)) return NONE
  throw new HawserError(`The cookie store failed for ${url.host}`, { cause })
}
