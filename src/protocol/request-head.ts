/** The one place where a request's head becomes bytes, and where it is refused if it must not. */
import { LocalProtocolError } from '../errors.ts'
import { checkField, FORBIDDEN_IN_VALUE, isToken } from '../models/field.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers } from '../models/headers.ts'
import { expectsContent } from './methods.ts'

/** Outside of visible ASCII and obs-text; SP, CR, LF, NUL and what latin1 lacks among it. */
const NOT_TARGET = /[^\x21-\x7e\x80-\xff]/

/** What is known of a request's content: its length in bytes, null when only its end will tell, or that there is none. */
export type ContentLength = number | null | 'none'

export interface RequestHead {
  /** Everything up to the empty line, which is included. Latin1. */
  readonly text: string
  readonly framing: RequestFraming
}

/** What its head says of a request's content and connection. */
export interface RequestFraming {
  /** Exactly so many bytes follow; null: chunks do. */
  readonly contentLength: number | null
  /** The request says `Connection: close`: RFC 9112 9.6 */
  readonly close: boolean
  /** The content waits for a 100 (Continue). RFC 9110 10.1.1 */
  readonly expectsContinue: boolean
  /** The request asks for another protocol, so that 101 may come. RFC 9110 7.8 */
  readonly upgrade: boolean
}

/** What a proxy on the way asks of a head. */
export interface ProxyRules {
  /** Forwarded: scheme and authority, which go in front of the target. Null inside a tunnel. RFC 9112 3.2.2 */
  readonly absolute: string | null
  /** Field lines for the proxy. */
  readonly fields: string
  /** What messages say after the URL, where nothing else names the proxy. */
  readonly proxySuffix: string
  /** Why the request may have no Proxy-Authorization of its own; null if it may. RFC 9110 11.7.2 */
  readonly whyNoProxyAuthorization: string | null
}

/** Fields that have a meaning here; all others are only checked. */
type Role =
  | 'plain'
  | 'host'
  | 'content-length'
  | 'transfer-encoding'
  | 'connection'
  | 'expect'
  | 'te'
  | 'upgrade'
  | 'proxy-authorization'

const ROLES: ReadonlySet<string> = new Set<Role>([
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
  'te',
  'upgrade',
  'proxy-authorization',
])

/** Names that were checked already, in the case they came in. Bounded: names may be made by a caller's caller. */
const knownNames = new Map<string, Role>()
const MAX_KNOWN_NAMES = 1000

function roleOf(name: string): Role {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  checkField(name, '')
  const lower = name.toLowerCase()
  const role = ROLES.has(lower) ? (lower as Role) : 'plain'
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, role)
  return role
}

/**
 * Throws `LocalProtocolError` for whatever RFC 9110 or 9112 do not allow in a request; nothing of
 * it is changed in silence.
 *
 * @param target the request-target, in one of the four forms of RFC 9112 3.2
 * @param host the `hostField` of the origin, unless the target or the headers have a Host of their own
 * @param content what follows the head; a Transfer-Encoding or Content-Length among the headers has to agree
 * @param hasTrailers trailer fields follow, which only chunks can carry
 * @param proxy the target is in one of the other forms all the same: absolute-form is made here
 */
export function requestHead(
  method: string,
  target: string,
  host: string,
  headers: HeadersInit | null | undefined,
  content: ContentLength,
  hasTrailers = false,
  proxy: ProxyRules | null = null,
): RequestHead {
  if (method !== 'GET' && method !== 'POST') checkMethod(method)
  const authority = checkTarget(method, target)
  if (authority !== null) host = hostField(authority)
  if (method === 'TRACE' && content !== 'none') {
    throw new LocalProtocolError('A TRACE request must not have content')
  }

  let special: SpecialFields | null = null
  let fields = ''
  if (proxy !== null) {
    if (proxy.absolute !== null) target = absoluteForm(method, target, proxy.absolute)
    fields = proxy.fields
  }
  if (headers !== null && headers !== undefined) {
    const list = isFlat(headers) ? headers : new Headers(headers).flat()
    if (list.length % 2 !== 0) {
      throw new LocalProtocolError('A header at the end of the list has no value')
    }
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i]
      const value = list[i + 1]
      const role = roleOf(name)
      if (typeof value !== 'string' || FORBIDDEN_IN_VALUE.test(value)) checkField(name, value)
      if (role !== 'plain') {
        if (role === 'proxy-authorization') checkProxyAuthorization(proxy, target)
        special ??= new SpecialFields()
        if (special.take(role, name, value)) continue
      }
      fields += `${name}: ${value}\r\n`
    }
  }
  if (special === null && content === 'none' && !hasTrailers && !expectsContent(method)) {
    return { text: `${method} ${target}${host}${fields}\r\n`, framing: NO_CONTENT }
  }
  special ??= new SpecialFields()
  special.check(content)
  const length = framingField(method, special, content, hasTrailers)
  const { close, expectsContinue, upgrade } = special
  return {
    text:
      `${method} ${target}${special.host === null ? host : hostField(special.host, special.hostName)}` +
      `${special.connectionField()}${fields}${length.field}\r\n`,
    framing: { contentLength: length.contentLength, close, expectsContinue, upgrade },
  }
}

/**
 * RFC 9112 3.2.2. An OPTIONS of the server as a whole has no path at all then: the last proxy makes
 * `*` of it (3.2.4).
 */
function absoluteForm(method: string, target: string, origin: string): string {
  if (method === 'CONNECT') {
    throw new LocalProtocolError('CONNECT is not forwarded: the proxy would take it for its own')
  }
  if (target === '*') return origin
  if (target.charCodeAt(0) === SLASH) return origin + target
  if (target.slice(0, 6).toLowerCase() === 'https:' && !origin.startsWith('https:')) {
    throw new LocalProtocolError('An https target is not sent to a proxy in clear')
  }
  return target
}

/**
 * Proxy-Authorization is for a proxy alone (RFC 9110 11.7.2, CVE-2023-32681): one on the way, or the
 * origin itself where the target is in a form that only proxies are asked in (RFC 9112 3.2).
 */
function checkProxyAuthorization(proxy: ProxyRules | null, target: string): void {
  const isForOrigin = proxy === null && (target.charCodeAt(0) === SLASH || target === '*')
  const why = isForOrigin
    ? 'is for a proxy, and this request goes to the origin itself: give it to HTTPProxy'
    : proxy?.whyNoProxyAuthorization
  if (why) throw new LocalProtocolError(`Proxy-Authorization ${why}`)
}

/** Fields as they stand in a head, each with its CRLF: a list of names and values in turn, which have been checked. */
export function fieldLines(list: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < list.length; i += 2) lines += `${list[i]}: ${list[i + 1]}\r\n`
  return lines
}

/** The end of a request-line and Host, the first field (RFC 9110 7.2): made once for an origin. */
export function hostField(authority: string, name = 'Host'): string {
  return ` HTTP/1.1\r\n${name}: ${authority}\r\n`
}

const NO_CONTENT: RequestFraming = {
  contentLength: 0,
  close: false,
  expectsContinue: false,
  upgrade: false,
}

function isFlat(headers: HeadersInit): headers is readonly string[] {
  return Array.isArray(headers) && (headers.length === 0 || typeof headers[0] === 'string')
}

function checkMethod(method: string): void {
  if (typeof method !== 'string') {
    throw new LocalProtocolError(`The method must be a string, not ${typeof method}`)
  }
  if (!isToken(method)) {
    throw new LocalProtocolError(`The method ${JSON.stringify(method)} is not a token`)
  }
}

/**
 * RFC 9112 3.2: origin-form, absolute-form, authority-form for CONNECT alone, asterisk-form for OPTIONS alone.
 * @returns the target's own authority, which is the value of Host then; null where it has none
 */
function checkTarget(method: string, target: string): string | null {
  if (typeof target !== 'string' || target === '') {
    throw new LocalProtocolError(`The request-target must be a non-empty string`)
  }
  const bad = NOT_TARGET.exec(target)
  if (bad !== null) {
    throw new LocalProtocolError(
      `The request-target has ${JSON.stringify(bad[0])} at ${bad.index}, which has to be percent-encoded`,
    )
  }
  if (target.includes('#')) {
    throw new LocalProtocolError('The request-target has a fragment, which is never sent')
  }
  if (method === 'CONNECT') {
    if (/^[^/?@]+:\d+$/.test(target)) return target
    throw new LocalProtocolError('The request-target of CONNECT must be host:port')
  }
  if (target.charCodeAt(0) === SLASH) return null
  if (target === '*' && method === 'OPTIONS') return null
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?]*)/i.exec(target)?.[1]
  if (authority === undefined) {
    throw new LocalProtocolError('The request-target must begin with a slash')
  }
  if (authority === '') throw new LocalProtocolError('The request-target has no host')
  if (authority.includes('@')) {
    throw new LocalProtocolError('The request-target has userinfo, which is never sent')
  }
  return authority
}

const SLASH = '/'.charCodeAt(0)

/** The fields that frame the message or steer the connection, gathered to be checked together. */
class SpecialFields {
  host: string | null = null
  contentLength: number | null = null
  transferEncoding: string[] = []
  connection: string[] = []
  expectsContinue = false
  te = false
  upgrade = false
  close = false
  // As the caller spells them; of a repeated field the first.
  hostName = 'Host'
  contentLengthName = 'Content-Length'
  transferEncodingName = 'Transfer-Encoding'
  connectionName = 'Connection'

  /** @returns whether the writer places the field itself */
  take(role: Role, name: string, value: string): boolean {
    switch (role) {
      case 'host':
        if (this.host !== null) throw new LocalProtocolError('Host is given twice')
        if (/[\s/@?#]/.test(value))
          throw new LocalProtocolError('Host is not a host with an optional port')
        this.host = value
        this.hostName = name
        return true
      case 'content-length':
        if (this.contentLength !== null)
          throw new LocalProtocolError('Content-Length is given twice')
        if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
          throw new LocalProtocolError('Content-Length is not a decimal number below 2^53')
        }
        this.contentLength = Number(value)
        this.contentLengthName = name
        return true
      case 'transfer-encoding':
        if (this.transferEncoding.length === 0) this.transferEncodingName = name
        for (const coding of listOf(value)) this.transferEncoding.push(coding)
        return true
      case 'connection':
        if (this.connection.length === 0) this.connectionName = name
        for (const option of listOf(value)) this.connection.push(option)
        return true
      case 'expect':
        if (value.toLowerCase() !== '100-continue') {
          throw new LocalProtocolError('Expect knows 100-continue alone')
        }
        this.expectsContinue = true
        return false
      case 'te':
        if (listOf(value).some((coding) => coding.toLowerCase().startsWith('chunked'))) {
          throw new LocalProtocolError('TE must not name chunked, which is always understood')
        }
        this.te = true
        return false
      case 'upgrade':
        this.upgrade = true
        return false
      default:
        return false
    }
  }

  check(content: ContentLength): void {
    if (this.expectsContinue && (content === 'none' || content === 0)) {
      throw new LocalProtocolError('Expect: 100-continue needs content to wait with')
    }
    this.close = this.names('close')
    if (this.close)
      this.connection = this.connection.filter((option) => !/^keep-alive$/i.test(option))
  }

  names(option: string): boolean {
    return this.connection.some((given) => given.toLowerCase() === option)
  }

  /** Connection names TE and Upgrade where they are sent. RFC 9110 7.8, 10.1.4 */
  connectionField(): string {
    const options = [...this.connection]
    if (this.te && !this.names('te')) options.push('TE')
    if (this.upgrade && !this.names('upgrade')) options.push('Upgrade')
    return options.length === 0 ? '' : `${this.connectionName}: ${options.join(', ')}\r\n`
  }
}

function listOf(value: string): string[] {
  return value
    .split(',')
    .map((element) => element.trim())
    .filter((element) => element !== '')
}

/** RFC 9112 6.1 and 6.2: one of Transfer-Encoding and Content-Length, and the right one. */
function framingField(
  method: string,
  special: SpecialFields,
  content: ContentLength,
  hasTrailers: boolean,
): { field: string; contentLength: number | null } {
  const { transferEncoding, contentLength } = special
  if (transferEncoding.length > 0) {
    if (contentLength !== null) {
      throw new LocalProtocolError('Content-Length and Transfer-Encoding exclude each other')
    }
    if (content === 'none') throw new LocalProtocolError('Transfer-Encoding without content')
    const chunked = transferEncoding.filter((coding) => coding.toLowerCase() === 'chunked')
    if (chunked.length !== 1 || transferEncoding.at(-1)?.toLowerCase() !== 'chunked') {
      throw new LocalProtocolError('Transfer-Encoding has to name chunked once, and last')
    }
    const field = `${special.transferEncodingName}: ${transferEncoding.join(', ')}\r\n`
    return { field, contentLength: null }
  }
  if (hasTrailers) {
    if (content === 'none') throw new LocalProtocolError('Trailers without content')
    if (contentLength !== null)
      throw new LocalProtocolError('Trailers need chunks, not a Content-Length')
    return { field: 'Transfer-Encoding: chunked\r\n', contentLength: null }
  }
  if (content === 'none') {
    if (contentLength !== null && contentLength !== 0) {
      throw new LocalProtocolError(`Content-Length is ${contentLength}, and there is no content`)
    }
    const stated = contentLength === 0 || expectsContent(method)
    return stated ? { field: lengthField(special, 0), contentLength: 0 } : NONE
  }
  if (content === null) {
    if (contentLength === null)
      return { field: 'Transfer-Encoding: chunked\r\n', contentLength: null }
    return { field: lengthField(special, contentLength), contentLength }
  }
  if (contentLength !== null && contentLength !== content) {
    throw new LocalProtocolError(
      `Content-Length is ${contentLength}, and the content has ${content} bytes`,
    )
  }
  return { field: lengthField(special, content), contentLength: content }
}

const NONE = { field: '', contentLength: 0 }

function lengthField({ contentLengthName }: SpecialFields, length: number): string {
  return `${contentLengthName}: ${length}\r\n`
}

/** Fields that frame, route or authorise have no place behind the content. RFC 9110 6.5.1 */
const NEVER_TRAILERS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'max-forwards',
  'range',
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'cache-control',
])

/** The last chunk and what follows it. RFC 9112 7.1.2 */
export function lastChunk(trailers: HeadersInit | null | undefined): string {
  if (trailers === null || trailers === undefined) return '0\r\n\r\n'
  let text = '0\r\n'
  for (const [name, value] of new Headers(trailers)) {
    if (NEVER_TRAILERS.has(name.toLowerCase())) {
      throw new LocalProtocolError(`${name} must not be a trailer`)
    }
    text += `${name}: ${value}\r\n`
  }
  return `${text}\r\n`
}
