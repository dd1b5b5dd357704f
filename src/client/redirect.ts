import type { ErrorFacts } from '../errors.ts'
import { RemoteProtocolError, redactUrl, UnsupportedProtocol } from '../errors.ts'
import type { Headers } from '../models/headers.ts'
import type { Body } from '../models/request.ts'
import { FORBIDDEN_IN_URL, parseUrlOrNull } from '../models/url.ts'
import { isSecretField } from '../redaction.ts'
import type { Fields } from './field-list.ts'
import { filterFields } from './field-list.ts'
import { isHttpScheme, isSameOrigin, mayForwardCredentials } from './url.ts'

/** The values of the option `followRedirects`. */
export type FollowRedirects = boolean | 'no-downgrade'

/** One request of a chain of redirects. */
export interface Hop {
  readonly method: string
  readonly url: URL
  readonly fields: Fields
  readonly content: Body | null
  /** Whether credentials for the first URL may be sent to this one. Once false, it stays false. */
  readonly keepsCredentials: boolean
  /** Whether a redirect of this chain led from https to http. Once true, it stays true. */
  readonly wasDowngraded: boolean
}

/**
 * Whether a field is meant for one origin and never sent to another one: Host, and each field that
 * messages hide because of its name, such as Authorization, Cookie and X-Api-Key.
 */
export function isOriginBound(name: string): boolean {
  return isSecretField(name) || name.toLowerCase() === 'host'
}

/**
 * Returns the request that follows a redirect: its method, URL, fields, content and credentials. No
 * other code decides these. Returns null if the response is not a redirect: another status, or no
 * Location or an empty one. Content is passed on unchanged, even if it is a stream that was sent
 * already. A 303 in response to GET or HEAD drops only content. RFC 9110 15.4
 *
 * From https to http, only Accept fields, User-Agent and, with content, the fields that describe it
 * are sent.
 *
 * Throws `RemoteProtocolError` for a Location that is not a URL and for several different ones,
 * `UnsupportedProtocol` for one that is neither http nor https.
 */
export function nextHop(
  hop: Hop,
  { status, headers }: { readonly status: number; readonly headers: Pick<Headers, 'getAll'> },
  facts?: ErrorFacts,
): Hop | null {
  if (!isRedirect(status)) return null
  // Servers and proxies repeat the field. Equal values lead to one URL.
  const locations = new Set(headers.getAll('location'))
  const location = [...locations].join(', ')
  if (location === '') return null
  if (locations.size > 1) {
    const message = `${redactUrl(hop.url)} redirects to ${locations.size} different URLs`
    throw new RemoteProtocolError(message, facts)
  }
  const url = resolveLocation(location, hop.url, facts)
  const mayForward = mayForwardCredentials(hop.url, url)
  setUserinfo(url, mayForward ? hop.url : null)
  const { method } = hop
  const becomesGet =
    status === 303 ? method !== 'HEAD' : method === 'POST' && (status === 301 || status === 302)
  const nextMethod = becomesGet ? 'GET' : method
  const keepsContent = !becomesGet && status !== 303
  // A 303 does not change a GET or HEAD without content. HTTPX and fetch keep its fields, too.
  const keepsContentFields = keepsContent || (nextMethod === method && hop.content === null)
  const keepsCredentials = hop.keepsCredentials && mayForward
  // Another origin may be reached directly or through a tunnel. The server would then get the
  // field.
  const keepsProxyAuthorization = keepsCredentials && isSameOrigin(hop.url, url)
  const downgrades = isDowngrade(hop.url, url)
  const resendsContent = keepsContent && hop.content !== null
  const fields = filterFields(hop.fields, (field) => {
    const name = field.toLowerCase()
    // An attacker on the network can read this request, and can forge the redirects that follow.
    if (downgrades) return isSafeOverHttp(name) || (resendsContent && describesContent(name))
    return (
      (keepsCredentials || !isOriginBound(field)) &&
      (keepsProxyAuthorization || name !== 'proxy-authorization') &&
      (keepsContentFields || !describesContent(name))
    )
  })
  return {
    method: nextMethod,
    url,
    fields,
    content: keepsContent ? hop.content : null,
    keepsCredentials,
    wasDowngraded: hop.wasDowngraded || downgrades,
  }
}

/** Whether a redirect leads from https to http. */
export function isDowngrade(from: URL, to: URL): boolean {
  return from.protocol === 'https:' && to.protocol === 'http:'
}

/** Whether a field, in lower case, contains nothing that only an https server may see. */
function isSafeOverHttp(name: string): boolean {
  return name === 'user-agent' || name === 'accept' || name.startsWith('accept-')
}

/**
 * Whether a field describes content, so that it must not be sent without content. RFC 9110 15.4
 *
 * @param name The name of the field in lower case.
 */
function describesContent(name: string): boolean {
  return name.startsWith('content-') || OTHER_CONTENT_FIELDS.has(name)
}

/** How many characters of a Location an error message contains. */
const MAX_SHOWN_LENGTH = 200
const OTHER_CONTENT_FIELDS = new Set([
  'digest',
  'expect',
  'last-modified',
  'repr-digest',
  'trailer',
  'transfer-encoding',
])

/** Whether a response with this status is a redirect if it has a Location. */
export function isRedirect(status: number): boolean {
  return (status >= 301 && status <= 303) || status === 307 || status === 308
}

function resolveLocation(location: string, url: URL, facts: ErrorFacts | undefined): URL {
  const target = FORBIDDEN_IN_URL.test(location)
    ? null
    : parseUrlOrNull(encodeLatin1(location), url)
  if (target === null) {
    const shown = JSON.stringify(redactUrl(location).slice(0, MAX_SHOWN_LENGTH))
    throw new RemoteProtocolError(`${redactUrl(url)} redirects to an invalid URL: ${shown}`, facts)
  }
  if (!isHttpScheme(target)) {
    throw new UnsupportedProtocol(
      `${redactUrl(url)} redirects to an unsupported URL scheme: ${target.protocol.slice(0, -1)}`,
      facts,
    )
  }
  if (!location.includes('#')) target.hash = url.hash // RFC 9110 10.2.2
  return target
}

/**
 * Percent-encodes each byte of a Location above 0x7f, so that a URL in any charset keeps its bytes.
 * Field values are decoded as latin1: each character is one byte.
 */
function encodeLatin1(location: string): string {
  return location.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/**
 * Replaces the userinfo of `target` by that of `source`. A server must not choose the credentials
 * of the client, and a relative URL inherits those of its base.
 */
function setUserinfo(target: URL, source: URL | null): void {
  const { username, password } = source ?? { username: '', password: '' }
  if (target.username !== username) target.username = username
  if (target.password !== password) target.password = password
}
