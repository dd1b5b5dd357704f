import type { ErrorFacts } from '../errors.ts'
import { RemoteProtocolError, redactUrl, UnsupportedProtocol } from '../errors.ts'
import { isSpoken, keepsCredentials, NOT_IN_URL } from './url.ts'

/** What errors of a redirect say of its exchange. */
export const AT_REDIRECT = { phase: 'read', responseStarted: true } as const

/** What follows a redirect. */
export interface Redirect {
  readonly method: string
  /** Its userinfo is that of the URL before, where credentials are kept, and none elsewhere. */
  readonly url: URL
  /** Whether the content goes along; if not, no field may for which `isContentField`. */
  readonly keepsContent: boolean
  /** Whether auth, and Authorization, Cookie and Proxy-Authorization of the caller, go along. */
  readonly keepsCredentials: boolean
}

/**
 * Where a response sends its request; null if nowhere: another status, no Location or an empty one.
 * Throws `RemoteProtocolError` for a Location that is no URL, `UnsupportedProtocol` for one that is
 * neither http nor https. RFC 9110 15.4
 */
export function redirectTo(
  method: string,
  status: number,
  location: string | null,
  url: URL,
  facts?: ErrorFacts,
): Redirect | null {
  if (!isRedirect(status) || location === null || location === '') return null
  const target = resolve(location, url, facts)
  const isSafeFor = keepsCredentials(url, target)
  takeUserinfo(target, isSafeFor ? url : null)
  const becomesGet =
    status === 303 ? method !== 'HEAD' : method === 'POST' && (status === 301 || status === 302)
  return {
    method: becomesGet ? 'GET' : method,
    url: target,
    keepsContent: !becomesGet && status !== 303,
    keepsCredentials: isSafeFor,
  }
}

/** Whether a field describes content, so that it must not outlive it. RFC 9110 15.4 */
export function isContentField(name: string): boolean {
  const lower = name.toLowerCase()
  return lower.startsWith('content-') || OTHER_CONTENT_FIELDS.has(lower)
}

/** Characters of a Location in a message. */
const MAX_SHOWN = 200
const OTHER_CONTENT_FIELDS = new Set([
  'digest',
  'expect',
  'last-modified',
  'repr-digest',
  'trailer',
  'transfer-encoding',
])

/** Whether a status sends its request elsewhere, if there is a Location. */
export function isRedirect(status: number): boolean {
  return (status >= 301 && status <= 303) || status === 307 || status === 308
}

function resolve(location: string, url: URL, facts: ErrorFacts | undefined): URL {
  let target: URL | null = null
  if (!NOT_IN_URL.test(location)) {
    try {
      target = new URL(encodeBytes(location), url)
    } catch {
      // Its error shows the whole of both.
    }
  }
  if (target === null) {
    const shown = JSON.stringify(redactUrl(location).slice(0, MAX_SHOWN))
    throw new RemoteProtocolError(`${redactUrl(url)} redirects to what is no URL: ${shown}`, facts)
  }
  if (!isSpoken(target)) {
    throw new UnsupportedProtocol(
      `${redactUrl(url)} redirects to ${target.protocol}, and only http and https are followed`,
      facts,
    )
  }
  if (!location.includes('#')) target.hash = url.hash // RFC 9110 10.2.2
  return target
}

/** Field values are latin1, one character for each byte; as such each is kept, in any charset. */
function encodeBytes(location: string): string {
  return location.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The server does not choose who its client is, and a relative URL has the userinfo of its base. */
function takeUserinfo(target: URL, source: URL | null): void {
  const { username, password } = source ?? { username: '', password: '' }
  if (target.username !== username) target.username = username
  if (target.password !== password) target.password = password
}
