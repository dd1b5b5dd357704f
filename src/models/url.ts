import { kindOf } from './value-kind.ts'

/** Characters that the URL parser removes silently (WHATWG URL 4.4), and NUL. Always a mistake. */
export const FORBIDDEN_IN_URL: RegExp = /[\r\n\t\0]/

/** Whether the value is a `URL`, also one of another realm or of a polyfill. */
export function isUrl(value: unknown): value is URL {
  return value instanceof URL || kindOf(value) === 'URL'
}

/**
 * Parses a URL. Returns null if that fails: the error of the runtime is not rethrown, because it
 * contains the complete URL, including a password.
 *
 * Does not use `URL.canParse`: in Node 20 and 22 the optimised function reads latin1 strings as
 * UTF-8, and accepts URLs for which `new URL` throws.
 */
export function parseUrlOrNull(given: string | URL, base?: string | URL): URL | null {
  try {
    return new URL(given, base)
  } catch {
    return null
  }
}

/**
 * Returns the path and the query of a URL. A question mark without a query is kept: `search` omits
 * it. RFC 9112 3.2.1
 */
export function pathAndQuery(url: URL): string {
  const { pathname, search } = url
  if (search !== '') return pathname + search
  const { href } = url
  const end = href.indexOf('#')
  return href[(end === -1 ? href.length : end) - 1] === '?' ? `${pathname}?` : pathname
}

/** Percent-decodes the userinfo of a `URL`. Percent signs that encode nothing are not changed. */
export function percentDecode(userinfo: string): Buffer {
  const bytes = userinfo.replace(/%([\da-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1') // the URL parser has percent-encoded all other characters
}
