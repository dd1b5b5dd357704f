import { InvalidURL, redactUrl, UnsupportedProtocol } from '../errors.ts'
import { NOT_IN_URL, parsedUrl } from '../models/url.ts'

/** WHATWG ignores these at the beginning of a URL. */
const LEADING = /^[\0-\x20]+/
/** By this a URL is absolute. RFC 3986 3.1 */
const SCHEME = /^[a-z][a-z0-9+.-]*:/i
const PARTS = /^(?<path>[^?#]*)(?<query>\?[^#]*)?(?<fragment>#.*)?$/s

/** What is put before relative URLs. Made by `parseBaseUrl`. */
export interface BaseUrl {
  /** To be compared with others, not to be changed. */
  readonly url: URL
  /** Up to the end of its path. */
  readonly path: string
  /** The same, and a slash at the end. */
  readonly folder: string
  /** Its query with the question mark, or nothing. */
  readonly query: string
}

/** Throws `InvalidURL` or `UnsupportedProtocol`. A fragment means nothing here. */
export function parseBaseUrl(given: string | URL): BaseUrl {
  const url = parseUrl(given, null)
  const query = url.search
  url.search = ''
  url.hash = ''
  const path = url.href
  return { url, path, folder: path.endsWith('/') ? path : `${path}/`, query }
}

/**
 * A new URL that can be requested. A relative one is put behind the path of `base`, whatever it begins
 * with: `users`, `/users`, `//users` and `\users` all stay below it, save that `..` leads up to the root
 * of its host. Without a path (`?a=1`, or nothing) it is the base itself. The query of the base comes
 * before its own. What begins with a scheme is absolute, `users:1` too: that needs a slash.
 *
 * Throws `InvalidURL`, also for CR, LF, TAB or NUL in a string, and `UnsupportedProtocol`.
 */
export function parseUrl(given: string | URL, base: BaseUrl | null): URL {
  const text = typeof given === 'string' ? absolute(given, base) : given
  const url = parsedUrl(text)
  if (url === null) throw new InvalidURL(`Not an absolute URL: ${redactUrl(text)}`)
  if (!isSpoken(url)) {
    const hint = base === null ? '' : '; a relative URL with ":" before its first "/" needs one'
    throw new UnsupportedProtocol(`Only http and https are spoken, not ${url.protocol}${hint}`)
  }
  return url
}

export function isSpoken({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

/** Whether scheme, host and port are the same. RFC 9110 4.3.1 */
export function isSameOrigin(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.host === b.host
}

/** Whether credentials for `from` may go to `to`: the same origin, or the same host by https now. */
export function keepsCredentials(from: URL, to: URL): boolean {
  if (isSameOrigin(from, to)) return true
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:'
  return isUpgrade && from.hostname === to.hostname && from.port === '' && to.port === ''
}

function absolute(given: string, base: BaseUrl | null): string {
  const bad = NOT_IN_URL.exec(given)
  if (bad !== null) {
    throw new InvalidURL(`The URL has ${JSON.stringify(bad[0])} at ${bad.index}`)
  }
  if (base === null) return given
  const text = given.replace(LEADING, '')
  return SCHEME.test(text) ? text : behind(base, text)
}

/** Whatever `text` is, it comes behind a host and a slash, so it cannot name another host. */
function behind(base: BaseUrl, text: string): string {
  const { path = '', query = '', fragment = '' } = PARTS.exec(text)?.groups ?? {}
  const start = path === '' ? base.path : base.folder + path.replace(/^[/\\]/, '')
  const joint = base.query !== '' && query.length > 1 ? '&' : ''
  const search = base.query === '' ? query : base.query + joint + query.slice(1)
  return start + search + fragment
}
