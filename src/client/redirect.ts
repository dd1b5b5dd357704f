import type { ErrorFacts } from '../errors.ts'
import { RemoteProtocolError, redactUrl, UnsupportedProtocol } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import type { Body } from '../models/request.ts'
import { NOT_IN_URL, parsedUrl } from '../models/url.ts'
import type { FieldList } from './field-list.ts'
import { isSameOrigin, isSpoken, keepsCredentials } from './url.ts'

/** What errors of a redirect say of its exchange. */
export const AT_REDIRECT = { phase: 'read', responseStarted: true } as const

/** One request of a chain of redirects. */
export interface Hop {
  readonly method: string
  readonly url: URL
  readonly fields: FieldList
  readonly content: Body | null
  /** Whether credentials for the first URL may be sent to this one. Once false, it stays false. */
  readonly keepsCredentials: boolean
}

/** Fields that are meant for one origin, in lower case: never sent to another one. */
export const ORIGIN_BOUND_FIELDS = ['authorization', 'cookie', 'proxy-authorization', 'host']

/**
 * The only place that decides what is sent after a redirect: method, URL, fields, content and credentials.
 * Returns null if the response redirects nowhere: another status, no Location or an empty one. Content is
 * passed on as it is, although a stream may be spent. RFC 9110 15.4
 *
 * Throws `RemoteProtocolError` for a Location that is not a URL, `UnsupportedProtocol` for one that is
 * neither http nor https.
 */
export function nextHop(
  hop: Hop,
  { status, headers }: { readonly status: number; readonly headers: Pick<Headers, 'get'> },
  facts?: ErrorFacts,
): Hop | null {
  const location = headers.get('location')
  if (!isRedirect(status) || location === null || location === '') return null
  const url = resolve(location, hop.url, facts)
  const isSafe = keepsCredentials(hop.url, url)
  takeUserinfo(url, isSafe ? hop.url : null)
  const { method } = hop
  const becomesGet =
    status === 303 ? method !== 'HEAD' : method === 'POST' && (status === 301 || status === 302)
  const keepsContent = !becomesGet && status !== 303
  const keeps = hop.keepsCredentials && isSafe
  // Another origin may be reached without the proxy, or through a tunnel: the server would get the field.
  const keepsForProxy = keeps && isSameOrigin(hop.url, url)
  const fields: string[] = []
  for (let i = 0; i < hop.fields.length; i += 2) {
    const name = hop.fields[i].toLowerCase()
    const isKept =
      (keeps || !ORIGIN_BOUND_FIELDS.includes(name)) &&
      (keepsForProxy || name !== 'proxy-authorization') &&
      (keepsContent || !describesContent(name))
    if (isKept) fields.push(hop.fields[i], hop.fields[i + 1])
  }
  return {
    method: becomesGet ? 'GET' : method,
    url,
    fields,
    content: keepsContent ? hop.content : null,
    keepsCredentials: keeps,
  }
}

/** Whether a field, in lower case, describes content, so that it must not be sent without it. RFC 9110 15.4 */
function describesContent(name: string): boolean {
  return name.startsWith('content-') || OTHER_CONTENT_FIELDS.has(name)
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
  const target = NOT_IN_URL.test(location) ? null : parsedUrl(encodeBytes(location), url)
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
