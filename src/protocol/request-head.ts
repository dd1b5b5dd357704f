/** Builds and validates the head of a request. No other code writes heads. */
import { LocalProtocolError } from '../errors.ts'
import { checkField, FORBIDDEN_IN_VALUE, isToken, trimBlanks } from '../models/field.ts'
import type { HeadersInit } from '../models/headers.ts'
import { Headers, isFlatList } from '../models/headers.ts'
import { ownCopy } from '../models/own-copy.ts'
import { isSecretField } from '../redaction.ts'
import { expectsContent } from './methods.ts'
import { PreparedFields } from './prepared-fields.ts'

/** Matches a character other than visible ASCII and obs-text, such as SP, CR, LF or NUL. */
const NOT_TARGET = /[^\x21-\x7e\x80-\xff]/

/** The length of a request's content in bytes; null if it is unknown; `none` without content. */
export type ContentLength = number | null | 'none'

export interface RequestHead {
  /** The head as latin1, including the empty line at its end. */
  readonly text: string
  readonly framing: RequestFraming
}

/** How a request's content is framed, and what its head requests of the connection. */
export interface RequestFraming {
  /** How many bytes follow the head; null if chunks follow. */
  readonly contentLength: number | null
  /** The request has `Connection: close`. RFC 9112 9.6 */
  readonly close: boolean
  /** The content waits for a 100 (Continue). RFC 9110 10.1.1 */
  readonly expectsContinue: boolean
  /** The request has an Upgrade field, so status 101 is a valid response. RFC 9110 7.8 */
  readonly upgrade: boolean
}

/** What the head of a request through a proxy must contain. */
export interface ProxyRules {
  /**
   * For a request that the proxy forwards: scheme and authority, which precede the target. Null
   * inside a tunnel. RFC 9112 3.2.2
   */
  readonly absolutePrefix: string | null
  /** Header fields for the proxy, each with its CRLF. */
  readonly fieldLines: string
  /** Follows the URL in error messages that do not name the proxy elsewhere. */
  readonly proxySuffix: string
  /** Why the caller must not set Proxy-Authorization; null if it is allowed. RFC 9110 11.7.2 */
  readonly whyNoProxyAuthorization: string | null
}

/** The fields with a meaning for the head; all others, `plain`, are only validated. */
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

/** Validated names, in their original case. Limited, because names can come from users. */
const knownNames = new Map<string, Role>()
const MAX_KNOWN_NAMES = 1000
const MAX_KNOWN_LENGTH = 64

function roleOf(name: string): Role {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  checkField(name, '')
  const lower = name.toLowerCase()
  const role = ROLES.has(lower) ? (lower as Role) : 'plain'
  if (knownNames.size < MAX_KNOWN_NAMES && name.length <= MAX_KNOWN_LENGTH) {
    knownNames.set(ownCopy(name), role)
  }
  return role
}

/**
 * Builds the head of a request.
 *
 * @param target the request-target, in one of the four forms of RFC 9112 3.2
 * @param host the `versionAndHost` of the origin; not used if the target or the headers have a host
 * @param content the content that follows. A Transfer-Encoding or Content-Length header must agree
 * @param hasTrailers whether trailer fields follow, which requires chunks
 * @param proxy null without a proxy. `target` is origin-form even with one; absolute-form is made
 *   here
 * @throws LocalProtocolError if the request violates RFC 9110 or 9112; nothing is corrected
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
  if (authority !== null) host = versionAndHost(authority)
  if (method === 'TRACE' && content !== 'none') {
    throw new LocalProtocolError('A TRACE request must not have content')
  }

  let special: SpecialFields | null = null
  let fields = ''
  if (proxy !== null) {
    if (proxy.absolutePrefix !== null) target = absoluteForm(method, target, proxy.absolutePrefix)
    fields = proxy.fieldLines
  }
  if (headers !== null && headers !== undefined) {
    let list: readonly string[]
    if (isFlatList(headers)) list = headers
    else if (headers instanceof PreparedFields) {
      // The fields of a proxy stand between Connection and the others.
      const usesLines = fields === '' && isPlain(headers.added)
      if (usesLines) fields = headers.lines
      list = usesLines ? headers.added : headers.flat()
    } else list = new Headers(headers).flat()
    if (list.length % 2 !== 0) {
      throw new LocalProtocolError(
        'The flat list of headers has an odd length: the last name has no value',
      )
    }
    for (let i = 0; i < list.length; i += 2) {
      // The length is even, so both exist. checkField refuses a value that is not a string.
      const name = list[i] as string
      const value = list[i + 1] as string
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
  // Most requests: nothing but the length of the content is left to decide.
  if (special === null && content !== null && !hasTrailers) {
    if (content === 'none' && !expectsContent(method)) {
      return { text: `${method} ${target}${host}${fields}\r\n`, framing: NO_CONTENT }
    }
    const contentLength = content === 'none' ? 0 : content
    return {
      text: `${method} ${target}${host}${fields}Content-Length: ${contentLength}\r\n\r\n`,
      framing: { contentLength, close: false, expectsContinue: false, upgrade: false },
    }
  }
  special ??= new SpecialFields()
  special.check(content)
  const length = framingField(method, special, content, hasTrailers)
  const { close, expectsContinue, upgrade } = special
  if (special.host !== null) host = versionAndHost(special.host, special.hostName)
  return {
    text: `${method} ${target}${host}` + `${special.connectionField()}${fields}${length.field}\r\n`,
    framing: { contentLength: length.contentLength, close, expectsContinue, upgrade },
  }
}

/**
 * Checks fields that many requests have in common, and writes them once. Returns the list as it is if
 * one of the fields has a meaning for a single request, such as Host. Connection may be among them,
 * unless it closes the connection.
 *
 * @throws LocalProtocolError for an invalid field
 */
export function prepareFields(list: readonly string[]): PreparedFields | readonly string[] {
  for (let i = 0; i < list.length; i += 2) {
    const role = roleOf(list[i] as string)
    if (role !== 'plain' && role !== 'connection') return list
  }
  const { text, framing } = requestHead('GET', '/', '', list, 'none')
  if (framing.close) return list
  return new PreparedFields(list, text.slice('GET /'.length, -'\r\n'.length), [])
}

/** Whether no field of the list has a meaning for the head: none changes Connection, for example. */
function isPlain(list: readonly string[]): boolean {
  for (let i = 0; i < list.length; i += 2) if (roleOf(list[i] as string) !== 'plain') return false
  return true
}

/**
 * The target for a proxy that forwards the request. RFC 9112 3.2.2. An OPTIONS request for the
 * whole server has an empty path here, which the last proxy turns back into `*` (3.2.4).
 */
function absoluteForm(method: string, target: string, origin: string): string {
  if (method === 'CONNECT') {
    throw new LocalProtocolError(
      'CONNECT cannot be forwarded: the proxy would treat it as a request to itself',
    )
  }
  if (target === '*') return origin
  if (target.charCodeAt(0) === SLASH) return origin + target
  if (target.slice(0, 6).toLowerCase() === 'https:' && !origin.startsWith('https:')) {
    throw new LocalProtocolError(
      'A proxy cannot forward an https request-target for an http origin: it would be sent without TLS',
    )
  }
  return target
}

/**
 * Throws unless Proxy-Authorization goes to a proxy (RFC 9110 11.7.2, CVE-2023-32681). Without
 * `proxy`, the origin counts as a proxy if the target has a form that is sent only to proxies
 * (RFC 9112 3.2).
 */
function checkProxyAuthorization(proxy: ProxyRules | null, target: string): void {
  const goesToOrigin = proxy === null && (target.charCodeAt(0) === SLASH || target === '*')
  const why = goesToOrigin
    ? 'must not be sent to an origin; set credentials on HTTPProxy instead'
    : proxy?.whyNoProxyAuthorization
  if (why) throw new LocalProtocolError(`Proxy-Authorization ${why}`)
}

/** Joins header fields, each with its CRLF. @param list validated names and values in turn */
export function fieldLines(list: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < list.length; i += 2) lines += `${list[i]}: ${list[i + 1]}\r\n`
  return lines
}

/** The end of the request line, and the Host field, which comes first (RFC 9110 7.2). */
export function versionAndHost(authority: string, name = 'Host'): string {
  return ` HTTP/1.1\r\n${name}: ${authority}\r\n`
}

const NO_CONTENT: RequestFraming = {
  contentLength: 0,
  close: false,
  expectsContinue: false,
  upgrade: false,
}

function checkMethod(method: string): void {
  if (typeof method !== 'string') {
    throw new LocalProtocolError(`The method must be a string, not ${typeof method}`)
  }
  if (!isToken(method)) {
    throw new LocalProtocolError(
      `Invalid method ${JSON.stringify(method)}: expected a token, such as GET`,
    )
  }
}

/**
 * Validates a target: origin-form, absolute-form, authority-form (only for CONNECT), or
 * asterisk-form (only for OPTIONS). RFC 9112 3.2
 *
 * @returns the authority in the target, which then becomes the value of Host; null if it has none
 */
function checkTarget(method: string, target: string): string | null {
  if (typeof target !== 'string' || target === '') {
    throw new LocalProtocolError(`The request-target must be a non-empty string`)
  }
  const bad = NOT_TARGET.exec(target)
  if (bad !== null) {
    throw new LocalProtocolError(
      `Invalid character ${JSON.stringify(bad[0])} at index ${bad.index} in the request-target: percent-encode it`,
    )
  }
  if (target.includes('#')) {
    throw new LocalProtocolError('The request-target must not contain a fragment')
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
    throw new LocalProtocolError('The request-target must not contain userinfo')
  }
  return authority
}

const SLASH = '/'.charCodeAt(0)

/** Collects the fields that affect framing and connection, to validate them together. */
class SpecialFields {
  host: string | null = null
  contentLength: number | null = null
  transferEncoding: string[] = []
  connection: string[] = []
  expectsContinue = false
  te = false
  upgrade = false
  close = false
  // Names in the caller's spelling; the first one of a repeated field.
  hostName = 'Host'
  contentLengthName = 'Content-Length'
  transferEncodingName = 'Transfer-Encoding'
  connectionName = 'Connection'

  /** Adds a field. @returns whether `requestHead` writes it in a fixed place */
  take(role: Role, name: string, value: string): boolean {
    switch (role) {
      case 'host':
        if (this.host !== null) throw new LocalProtocolError('Host is set twice')
        if (/[\s/@?#]/.test(value))
          throw new LocalProtocolError('Host must be a host with an optional port')
        this.host = value
        this.hostName = name
        return true
      case 'content-length':
        if (this.contentLength !== null) throw new LocalProtocolError('Content-Length is set twice')
        if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
          throw new LocalProtocolError('Content-Length must be a decimal number below 2^53')
        }
        this.contentLength = Number(value)
        this.contentLengthName = name
        return true
      case 'transfer-encoding':
        if (this.transferEncoding.length === 0) this.transferEncodingName = name
        for (const coding of listElements(value)) this.transferEncoding.push(checkCoding(coding))
        return true
      case 'connection':
        if (this.connection.length === 0) this.connectionName = name
        for (const option of listElements(value))
          this.connection.push(checkConnectionOption(option))
        return true
      case 'expect':
        if (value.toLowerCase() !== '100-continue') {
          throw new LocalProtocolError('Expect must be 100-continue')
        }
        this.expectsContinue = true
        return false
      case 'te':
        if (listElements(value).some((coding) => coding.toLowerCase().startsWith('chunked'))) {
          throw new LocalProtocolError('TE must not list chunked, which is always acceptable')
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
      throw new LocalProtocolError('Expect: 100-continue requires content')
    }
    this.close = this.hasConnectionOption('close')
    if (this.close)
      this.connection = this.connection.filter((option) => !/^keep-alive$/i.test(option))
  }

  hasConnectionOption(option: string): boolean {
    return this.connection.some((given) => given.toLowerCase() === option)
  }

  /** The Connection field. It lists TE and Upgrade if they are sent. RFC 9110 7.8, 10.1.4 */
  connectionField(): string {
    const options = [...this.connection]
    if (this.te && !this.hasConnectionOption('te')) options.push('TE')
    if (this.upgrade && !this.hasConnectionOption('upgrade')) options.push('Upgrade')
    return options.length === 0 ? '' : `${this.connectionName}: ${options.join(', ')}\r\n`
  }
}

function listElements(value: string): string[] {
  return value
    .split(',')
    .map((element) => trimBlanks(element, 0, element.length))
    .filter((element) => element !== '')
}

/** The codings that may precede chunked; the caller has applied them. RFC 9112 7.2 */
const TRANSFER_CODINGS = new Set([
  ...['chunked', 'gzip', 'x-gzip', 'deflate', 'compress', 'x-compress'],
])

/**
 * Throws for anything but the name of a registered coding. A parameter can contain a comma in quotes,
 * so that other parsers see another list.
 */
function checkCoding(coding: string): string {
  if (TRANSFER_CODINGS.has(coding.toLowerCase())) return coding
  throw new LocalProtocolError(
    `Transfer-Encoding must list ${[...TRANSFER_CODINGS].join(', ')} without parameters, with chunked once, as the last coding`,
  )
}

/** Fields that are for all recipients, or that decide framing and routing. RFC 9110 7.6.1 */
const NEVER_CONNECTION_OPTIONS = new Set([
  ...['host', 'transfer-encoding', 'expect', 'range', 'max-forwards', 'cache-control', 'pragma'],
  ...['forwarded', 'via', 'origin', 'referer', 'from', 'date'],
])

/**
 * Throws for a name that must not be an option: the next recipient removes the fields that Connection
 * lists, so it could remove credentials, or those that a gateway has added.
 */
function checkConnectionOption(option: string): string {
  const name = option.toLowerCase()
  const isForAll =
    NEVER_CONNECTION_OPTIONS.has(name) ||
    /^(?:content-|x-forwarded-|if-)/.test(name) ||
    isSecretField(option)
  if (!isForAll && isToken(option)) return option
  const shown = JSON.stringify(option.slice(0, 80))
  throw new LocalProtocolError(
    `Connection must not list ${shown}: ${isForAll ? 'the field is for all recipients' : 'it is not a token'}`,
  )
}

/** Chooses the framing field: Transfer-Encoding, Content-Length or none. RFC 9112 6.1, 6.2 */
function framingField(
  method: string,
  special: SpecialFields,
  content: ContentLength,
  hasTrailers: boolean,
): { field: string; contentLength: number | null } {
  const { transferEncoding, contentLength } = special
  if (transferEncoding.length > 0) {
    if (contentLength !== null) {
      throw new LocalProtocolError('Content-Length and Transfer-Encoding cannot be combined')
    }
    if (content === 'none') throw new LocalProtocolError('Transfer-Encoding requires content')
    const chunked = transferEncoding.filter((coding) => coding.toLowerCase() === 'chunked')
    if (chunked.length !== 1 || transferEncoding.at(-1)?.toLowerCase() !== 'chunked') {
      throw new LocalProtocolError('Transfer-Encoding must list chunked once, as the last coding')
    }
    const field = `${special.transferEncodingName}: ${transferEncoding.join(', ')}\r\n`
    return { field, contentLength: null }
  }
  if (hasTrailers) {
    if (content === 'none') throw new LocalProtocolError('Trailers require content')
    if (contentLength !== null)
      throw new LocalProtocolError('Trailers require chunked content, without Content-Length')
    return { field: 'Transfer-Encoding: chunked\r\n', contentLength: null }
  }
  if (content === 'none') {
    if (contentLength !== null && contentLength !== 0) {
      throw new LocalProtocolError(`Content-Length is ${contentLength}, but there is no content`)
    }
    const needsLength = contentLength === 0 || expectsContent(method)
    return needsLength ? { field: lengthField(special, 0), contentLength: 0 } : NO_LENGTH_FIELD
  }
  if (content === null) {
    if (contentLength === null)
      return { field: 'Transfer-Encoding: chunked\r\n', contentLength: null }
    return { field: lengthField(special, contentLength), contentLength }
  }
  if (contentLength !== null && contentLength !== content) {
    throw new LocalProtocolError(
      `Content-Length is ${contentLength}, but the content has ${content} bytes`,
    )
  }
  return { field: lengthField(special, content), contentLength: content }
}

const NO_LENGTH_FIELD = { field: '', contentLength: 0 }

function lengthField({ contentLengthName }: SpecialFields, length: number): string {
  return `${contentLengthName}: ${length}\r\n`
}

/** Fields that must not be trailers: framing, routing, authorization. RFC 9110 6.5.1 */
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

/** The last chunk, the trailers and the final CRLF. RFC 9112 7.1.2 */
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
