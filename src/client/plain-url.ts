import { ownCopy } from '../models/own-copy.ts'
import { parseUrlOrNull, pathAndQuery } from '../models/url.ts'
import type { BaseUrl } from './url.ts'
import { isHttpScheme, parseUrl, SCHEME } from './url.ts'

/**
 * The parts of a URL that the WHATWG parser would not change. It has no userinfo and no fragment. Most
 * URLs are plain, and most callers never look at them: a `URL` takes as much time as sending it.
 */
export class PlainUrl {
  readonly origin: string
  /** Path and query. */
  readonly path: string

  constructor(origin: string, path: string) {
    this.origin = origin
    this.path = path
  }

  get href(): string {
    return this.origin + this.path
  }
}

/** A URL to be requested. */
export type RequestUrl = URL | PlainUrl

/** Returns what `parseUrl` returns, or its parts if the URL is plain. Throws as `parseUrl` does. */
export function resolveUrl(given: string | URL, base: BaseUrl | null): RequestUrl {
  const plain = typeof given === 'string' ? plainUrlOrNull(given, base) : null
  return plain ?? parseUrl(given, base)
}

/** Returns the `URL`; a new one for a plain URL. */
export function toUrl(url: RequestUrl): URL {
  return url instanceof PlainUrl ? new URL(url.href) : url
}

/** Returns the path and the query. */
export function pathOf(url: RequestUrl): string {
  return url instanceof PlainUrl ? url.path : pathAndQuery(url)
}

/** Whether the URL has a user or a password. */
export function hasUserinfo(url: RequestUrl): boolean {
  return !(url instanceof PlainUrl) && (url.username !== '' || url.password !== '')
}

/**
 * A path and a query that the parser would not change. It would encode other characters. A segment that
 * begins with a dot, or with what may be an encoded one, could be `.` or `..`.
 */
const PLAIN_PATH = /^(?:\/(?![.%])[\w~!$&'()*+,;=:@%.-]*)+(?:\?[\w~!$&()*+,;=:@%/?.-]+)?$/
const SLASH = 0x2f
const QUESTION_MARK = 0x3f

/** Returns the parts of a URL for which `parseUrl` would return the same; null for any other. */
export function plainUrlOrNull(given: string, base: BaseUrl | null): PlainUrl | null {
  if (base !== null && !SCHEME.test(given)) {
    if (base.plainDirectory === null || given === '') return null
    const first = given.charCodeAt(0)
    if (first === QUESTION_MARK) return null // the base itself, without a slash behind its path
    const path = first === SLASH ? given : `/${given}`
    return PLAIN_PATH.test(path) ? new PlainUrl(base.origin, base.plainDirectory + path) : null
  }
  const start = given.indexOf('/', 'https://'.length)
  if (start === -1) return null
  const path = given.slice(start)
  const origin = given.slice(0, start)
  return PLAIN_PATH.test(path) && isPlainOrigin(origin) ? new PlainUrl(origin, path) : null
}

/** Whether texts are origins as `URL.origin` returns them. Limited, because URLs can come from users. */
const knownOrigins = new Map<string, boolean>()
const MAX_KNOWN_ORIGINS = 1000

function isPlainOrigin(text: string): boolean {
  const known = knownOrigins.get(text)
  if (known !== undefined) return known
  const url = parseUrlOrNull(text)
  const isPlain = url !== null && isHttpScheme(url) && url.origin === text
  if (knownOrigins.size >= MAX_KNOWN_ORIGINS) knownOrigins.clear()
  knownOrigins.set(ownCopy(text), isPlain)
  return isPlain
}
