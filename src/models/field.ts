import { LocalProtocolError } from '../errors.ts'

/** A character that is not allowed in a token. RFC 9110 5.6.2 */
const FORBIDDEN_IN_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
/**
 * A character that is not allowed in a field value or a reason phrase. 80 to FF are obs-text. RFC
 * 9110 5.5, RFC 9112 4
 */
export const FORBIDDEN_IN_VALUE: RegExp = /[^\t\x20-\x7e\x80-\xff]/

const SP = 0x20
const HTAB = 0x09

/** Whether `text` is a token. Methods and field names must be tokens. RFC 9110 5.6.2 */
export function isToken(text: string): boolean {
  return text !== '' && !FORBIDDEN_IN_TOKEN.test(text)
}

/**
 * Throws `LocalProtocolError` for a name or value that HTTP does not allow. The message shows the
 * invalid character, but neither the value nor the text after the character: both can be secrets.
 */
export function checkField(name: string, value: string): void {
  if (typeof name !== 'string' || name === '') {
    throw new LocalProtocolError('A header name must be a non-empty string')
  }
  const inName = FORBIDDEN_IN_TOKEN.exec(name)
  if (inName) {
    const before = JSON.stringify(name.slice(0, Math.min(inName.index, 80)))
    throw new LocalProtocolError(
      `Invalid character ${JSON.stringify(inName[0])} after ${before} in a header name`,
    )
  }
  if (typeof value !== 'string') {
    throw new LocalProtocolError(
      `The value of header ${name} must be a string, not ${typeof value}`,
    )
  }
  const inValue = FORBIDDEN_IN_VALUE.exec(value)
  if (inValue) {
    throw new LocalProtocolError(
      `Invalid character ${JSON.stringify(inValue[0])} at index ${inValue.index} in header ${name}`,
    )
  }
}

/**
 * Returns `text` from `start` to `end` without leading and trailing SP and HTAB. `trim` would also
 * remove A0, which is obs-text.
 */
export function trimBlanks(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** Whether two field names are equal, ignoring ASCII case. Allocates nothing. */
export function isSameName(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  if (a === b) return true
  for (let i = 0; i < a.length; i++) {
    if (lowerCode(a.charCodeAt(i)) !== lowerCode(b.charCodeAt(i))) return false
  }
  return true
}

function lowerCode(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB
}
