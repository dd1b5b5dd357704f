import type { Cookie } from 'tough-cookie'
import { LocalProtocolError } from '../../errors.ts'
import { NOT_FIELD_VALUE, trimBlanks } from '../../models/field.ts'

/**
 * What ends or splits a cookie's name for some server, and so may not be in one that a caller gives.
 * Wider than a token (RFC 6265 4.1.1), as names with brackets or slashes are in use.
 */
const NOT_NAME = /[^\x21\x23-\x2b\x2d-\x3a\x3c\x3e-\x7e\xa1-\xff]/
/** The same of a value. Blanks, quotes and commas do occur. */
const NOT_VALUE = /[^\x20-\x3a\x3c-\x7e\x80-\xff]/

/** Octets of a cookie's name and value together. RFC 6265bis 5.7 */
const MAX_PAIR = 4096
/** Octets of a whole Set-Cookie; what is beyond the pair is room for its attributes. */
const MAX_SET_COOKIE = 2 * MAX_PAIR

/**
 * Names and values from a record or pairs; those with an undefined value are left out. Throws
 * `LocalProtocolError` for what could become an attribute, another cookie or another line,
 * `TypeError` for any other shape. Messages have names, and never values.
 */
export function readPairs(init: unknown): [name: string, value: string | null][] {
  if (init === undefined || init === null) return []
  if (typeof init !== 'object') throw new TypeError(`Cookies cannot be made of a ${typeof init}`)
  const given: unknown[] =
    Symbol.iterator in init ? [...(init as Iterable<unknown>)] : Object.entries(init)
  const pairs: [string, string | null][] = []
  for (const pair of given) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError('Cookies need pairs of a name and a value')
    }
    const [name, value] = pair
    if (value === undefined) continue
    checkCookie(name, value ?? '')
    pairs.push([name, value])
  }
  return pairs
}

/** Throws as `readPairs`. */
export function checkCookie(name: unknown, value: unknown): void {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`A cookie's name must be a string that is not empty`)
  }
  const inName = NOT_NAME.exec(name)
  if (inName) {
    const before = JSON.stringify(name.slice(0, Math.min(inName.index, 80)))
    throw new LocalProtocolError(
      `Cookie name ${before} is followed by ${JSON.stringify(inName[0])}, which no name may contain`,
    )
  }
  if (typeof value !== 'string') {
    throw new TypeError(`Cookie ${name} needs a value that is a string, not ${typeof value}`)
  }
  const inValue = NOT_VALUE.exec(value)
  if (inValue) {
    throw new LocalProtocolError(
      `Cookie ${name} has ${JSON.stringify(inValue[0])} at ${inValue.index}, which no value may contain`,
    )
  }
}

/** Whether a cookie of `cookiePath` is sent to `path`. RFC 6265 5.1.4 */
export function isUnderPath(path: string, cookiePath: string): boolean {
  if (!path.startsWith(cookiePath)) return false
  const { length } = cookiePath
  return path.length === length || path[length - 1] === '/' || path[length] === '/'
}

/** Whether a Set-Cookie is worth reading: it can be sent back, and is no larger than browsers allow. */
export function isKeepable(setCookie: string): boolean {
  // A cookie with what no field value may contain would make every later request fail.
  if (setCookie.length > MAX_SET_COOKIE || NOT_FIELD_VALUE.test(setCookie)) return false
  const end = setCookie.indexOf(';')
  return (end < 0 ? setCookie.length : end) <= MAX_PAIR + '='.length
}

/**
 * Fills a blank cookie with what a Set-Cookie says, by RFC 6265 5.2; says whether it is one.
 * tough-cookie's own parser takes from a polluted `Object.prototype` what an attribute leaves open.
 */
export function readSetCookie(setCookie: string, cookie: Cookie): boolean {
  const [pair, ...attributes] = setCookie.split(';')
  const [name, value] = splitPair(pair)
  if (name === '' || value === null) return false
  cookie.key = name
  cookie.value = value
  for (const attribute of attributes) {
    const [attributeName, attributeValue] = splitPair(attribute)
    readAttribute(attributeName.toLowerCase(), attributeValue ?? '', cookie)
  }
  return true
}

function readAttribute(name: string, value: string, cookie: Cookie): void {
  if (name === 'expires') cookie.setExpires(value)
  else if (name === 'max-age' && /^-?\d+$/.test(value)) cookie.maxAge = Number(value)
  else if (name === 'domain' && value !== '') cookie.domain = value.replace(/^\./, '').toLowerCase()
  else if (name === 'path') cookie.path = value
  else if (name === 'secure') cookie.secure = true
  else if (name === 'httponly') cookie.httpOnly = true
  else if (name === 'samesite') cookie.sameSite = value.toLowerCase()
}

/** What stands before and after the first `=`; null without one. */
function splitPair(text: string): [name: string, value: string | null] {
  const equals = text.indexOf('=')
  if (equals < 0) return [trimBlanks(text, 0, text.length), null]
  return [trimBlanks(text, 0, equals), trimBlanks(text, equals + 1, text.length)]
}
