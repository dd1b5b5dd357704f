import type { Cookie } from 'tough-cookie'
import { LocalProtocolError } from '../../errors.ts'
import { FORBIDDEN_IN_VALUE, trimBlanks } from '../../models/field.ts'

/**
 * A character that ends or splits the name of a cookie on some servers. Allows more than a token
 * (RFC 6265 4.1.1), because names with brackets or slashes are in use.
 */
const INVALID_IN_NAME = /[^\x21\x23-\x2b\x2d-\x3a\x3c\x3e-\x7e\xa1-\xff]/
/** Such a character in a value. Blanks, quotes and commas are allowed, because they are in use. */
const INVALID_IN_VALUE = /[^\x20-\x3a\x3c-\x7e\x80-\xff]/

/** Maximum length of name and value together, in octets. RFC 6265bis 5.7 */
const MAX_PAIR_LENGTH = 4096
/** Maximum length of a whole Set-Cookie field with its attributes, in octets. */
const MAX_SET_COOKIE_LENGTH = 2 * MAX_PAIR_LENGTH

/**
 * Returns the names and values of a record or of pairs; those with an undefined value are left out.
 * Throws `LocalProtocolError` for a character that could start an attribute, another cookie or
 * another line, and `TypeError` for any other type. Messages contain names, but no values.
 */
export function readPairs(init: unknown): [name: string, value: string | null][] {
  if (init === undefined || init === null) return []
  if (typeof init !== 'object')
    throw new TypeError(`cookies must be an object or pairs, not a ${typeof init}`)
  const given: unknown[] =
    Symbol.iterator in init ? [...(init as Iterable<unknown>)] : Object.entries(init)
  const pairs: [string, string | null][] = []
  for (const pair of given) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError('Each item of cookies must be a pair [name, value]')
    }
    const [name, value] = pair
    if (value === undefined) continue
    checkCookie(name, value ?? '')
    pairs.push([name, value])
  }
  return pairs
}

/** Checks the name and value of a cookie. Throws as `readPairs` does. */
export function checkCookie(name: unknown, value: unknown): void {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('Cookie name must be a non-empty string')
  }
  const inName = INVALID_IN_NAME.exec(name)
  if (inName) {
    const before = JSON.stringify(name.slice(0, Math.min(inName.index, 80)))
    throw new LocalProtocolError(
      `Invalid character ${JSON.stringify(inName[0])} after ${before} in a cookie name`,
    )
  }
  if (typeof value !== 'string') {
    throw new TypeError(`Value of cookie ${name} must be a string, not ${typeof value}`)
  }
  const inValue = INVALID_IN_VALUE.exec(value)
  if (inValue) {
    throw new LocalProtocolError(
      `Invalid character ${JSON.stringify(inValue[0])} at index ${inValue.index} in the value of cookie ${name}`,
    )
  }
}

/** Whether a cookie with `cookiePath` is sent to `path`. RFC 6265 5.1.4 */
export function isUnderPath(path: string, cookiePath: string): boolean {
  if (!path.startsWith(cookiePath)) return false
  const { length } = cookiePath
  return path.length === length || path[length - 1] === '/' || path[length] === '/'
}

/** A cookie name prefix. The case is ignored, as by servers. RFC 6265bis 4.1.3 */
const PREFIX = /^__(?:host|secure)-/i
const HOST_PREFIX = /^__host-/i

/** Whether a cookie of this name must have the attribute Secure. */
export function mustBeSecure(name: string): boolean {
  return PREFIX.test(name)
}

/** Whether a cookie of this name must not have the attribute Domain. */
export function mustBeHostOnly(name: string): boolean {
  return HOST_PREFIX.test(name)
}

/**
 * Whether a cookie has the attributes that its name prefix requires. RFC 6265bis 5.7, steps 20, 21
 */
export function hasPrefixAttributes({ key, secure, domain, path }: Cookie): boolean {
  if (mustBeSecure(key) && !secure) return false
  return !mustBeHostOnly(key) || (domain === null && path === '/')
}

/**
 * Whether a cookie that is not Secure would replace a Secure cookie, or be sent in its place. RFC
 * 6265bis 5.7, step 16
 */
export function hidesSecureCookie(cookie: Cookie, other: Cookie): boolean {
  if (!other.secure || other.key !== cookie.key) return false
  const domain = cookie.domain ?? ''
  const otherDomain = other.domain ?? ''
  const sharesDomain =
    domain === otherDomain ||
    domain.endsWith(`.${otherDomain}`) ||
    otherDomain.endsWith(`.${domain}`)
  return sharesDomain && isUnderPath(cookie.path ?? '/', other.path ?? '/')
}

/** Whether the origin of a URL may set Secure cookies: https, or a server on this machine. */
export function isSecureOrigin({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true
  const host = hostname.replace(/\.$/, '')
  return /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)
}

/**
 * Whether the cookie of a Set-Cookie field can be sent back, and is not larger than browsers
 * accept.
 */
export function isAcceptable(setCookie: string): boolean {
  // A cookie with a character that is invalid in a field would make every later request fail.
  if (setCookie.length > MAX_SET_COOKIE_LENGTH || FORBIDDEN_IN_VALUE.test(setCookie)) return false
  const end = setCookie.indexOf(';')
  return (end < 0 ? setCookie.length : end) <= MAX_PAIR_LENGTH + '='.length
}

/**
 * Parses a Set-Cookie field into an empty cookie, by RFC 6265 5.2. Returns whether it is valid. The
 * parser of tough-cookie is not used: it reads missing attributes from a polluted
 * `Object.prototype`.
 */
export function parseSetCookie(setCookie: string, cookie: Cookie): boolean {
  const [pair = '', ...attributes] = setCookie.split(';')
  const [name, value] = splitPair(pair)
  if (name === '' || value === null) return false
  cookie.key = name
  cookie.value = value
  for (const attribute of attributes) {
    const [attributeName, attributeValue] = splitPair(attribute)
    setAttribute(attributeName.toLowerCase(), attributeValue ?? '', cookie)
  }
  return true
}

/** Returns a Set-Cookie field without the attributes whose name matches. */
export function withoutAttributes(setCookie: string, name: RegExp): string {
  const [pair, ...attributes] = setCookie.split(';')
  return [pair, ...attributes.filter((each) => !name.test(splitPair(each)[0]))].join(';')
}

function setAttribute(name: string, value: string, cookie: Cookie): void {
  if (name === 'expires') cookie.setExpires(value)
  else if (name === 'max-age' && /^-?\d+$/.test(value)) cookie.maxAge = Number(value)
  else if (name === 'domain' && value !== '') cookie.domain = value.replace(/^\./, '').toLowerCase()
  else if (name === 'path') cookie.path = value
  else if (name === 'secure') cookie.secure = true
  else if (name === 'httponly') cookie.httpOnly = true
  else if (name === 'samesite') cookie.sameSite = value.toLowerCase()
}

/** Splits `text` at the first `=`. The value is null if there is none. */
function splitPair(text: string): [name: string, value: string | null] {
  const equals = text.indexOf('=')
  if (equals < 0) return [trimBlanks(text, 0, text.length), null]
  return [trimBlanks(text, 0, equals), trimBlanks(text, equals + 1, text.length)]
}
