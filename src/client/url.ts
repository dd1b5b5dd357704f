import { InvalidURL, redactUrl, UnsupportedProtocol } from '../errors.ts'
import { FORBIDDEN_IN_URL, parseUrlOrNull } from '../models/url.ts'

/** The WHATWG URL parser ignores these characters at the beginning of a URL. */
const LEADING_BLANKS = /^[\0-\x20]+/
/** A URL that begins with a scheme is absolute. RFC 3986 3.1 */
export const SCHEME: RegExp = /^[a-z][a-z0-9+.-]*:/i
const PARTS = /^(?<path>[^?#]*)(?<query>\?[^#]*)?(?<fragment>#.*)?$/s

/** The URL that is put before relative URLs. Created by `parseBaseUrl`. */
export interface BaseUrl {
  /** For comparisons; must not be changed. */
  readonly url: URL
  readonly origin: string
  /** The URL up to the end of its path. */
  readonly path: string
  /** The same with a slash at the end. */
  readonly directory: string
  /** Its query including the question mark, or empty. */
  readonly query: string
  /** Its path without a slash at the end; null if it has userinfo or a query. */
  readonly plainDirectory: string | null
}

/** Parses a base URL; its fragment is ignored. Throws `InvalidURL` or `UnsupportedProtocol`. */
export function parseBaseUrl(given: string | URL): BaseUrl {
  const url = parseUrl(given, null)
  const query = url.search
  url.search = ''
  url.hash = ''
  const path = url.href
  const isPlain = query === '' && url.username === '' && url.password === ''
  return {
    url,
    origin: url.origin,
    path,
    directory: path.endsWith('/') ? path : `${path}/`,
    query,
    plainDirectory: isPlain ? url.pathname.replace(/\/$/, '') : null,
  }
}

/**
 * Parses a URL that is to be requested, and returns a new `URL`. If `base` is given, a relative URL
 * is appended to its path:
 *
 * - `users`, `/users`, `//users` and `\users` all stay below that path; `..` can lead up to the
 *   root of the host.
 * - A URL without a path (`?a=1`, or an empty one) is the base itself.
 * - The query of the base precedes that of the URL.
 * - A URL that begins with a scheme is absolute. To request the relative path `users:1`, write
 *   `/users:1`.
 *
 * Throws `InvalidURL`, also for CR, LF, TAB or NUL in a string, and `UnsupportedProtocol`.
 */
export function parseUrl(given: string | URL, base: BaseUrl | null): URL {
  const text = typeof given === 'string' ? toAbsolute(given, base) : given
  const url = parseUrlOrNull(text)
  const expected = 'expected an absolute URL with a valid host and port'
  if (url === null) throw new InvalidURL(`Invalid URL ${redactUrl(text)}: ${expected}`)
  checkHttpScheme(
    url,
    base === null ? '' : '; a relative URL with ":" in its first segment must begin with "/"',
  )
  return url
}

/** Throws `UnsupportedProtocol` unless the scheme is http or https. */
export function checkHttpScheme(url: URL, hint = ''): void {
  if (isHttpScheme(url)) return
  throw new UnsupportedProtocol(`Unsupported URL scheme: ${url.protocol.slice(0, -1)}${hint}`)
}

/** Whether the scheme is http or https. */
export function isHttpScheme({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

/** Whether scheme, host and port are the same. RFC 9110 4.3.1 */
export function isSameOrigin(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.host === b.host
}

/**
 * Whether credentials for `from` may be sent to `to`: to the same origin, and from http to https of
 * the same host if both use their default port.
 */
export function mayForwardCredentials(from: URL, to: URL): boolean {
  if (isSameOrigin(from, to)) return true
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:'
  return isUpgrade && from.hostname === to.hostname && from.port === '' && to.port === ''
}

function toAbsolute(given: string, base: BaseUrl | null): string {
  const bad = FORBIDDEN_IN_URL.exec(given)
  if (bad !== null) {
    throw new InvalidURL(
      `Invalid character ${JSON.stringify(bad[0])} at index ${bad.index} in the URL`,
    )
  }
  if (base === null) return given
  const text = given.replace(LEADING_BLANKS, '')
  return SCHEME.test(text) ? text : appendToBase(base, text)
}

/**
 * Appends a relative URL to the base. The result begins with the base's host and a slash, whatever
 * `text` contains, so it cannot lead to another host.
 */
function appendToBase(base: BaseUrl, text: string): string {
  const { path = '', query = '', fragment = '' } = PARTS.exec(text)?.groups ?? {}
  const start = path === '' ? base.path : base.directory + path.replace(/^[/\\]/, '')
  const joint = base.query !== '' && query.length > 1 ? '&' : ''
  const search = base.query === '' ? query : base.query + joint + query.slice(1)
  return start + search + fragment
}
