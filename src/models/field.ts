import { LocalProtocolError } from '../errors.ts'

/** Anything that a token may not contain. RFC 9110 5.6.2 */
const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/
/** Anything that a field value may not contain; latin1 is obs-text. RFC 9110 5.5 */
export const NOT_FIELD_VALUE: RegExp = /[^\t\x20-\x7e\x80-\xff]/

const SP = 0x20
const HTAB = 0x09

/** Whether `text` is a token, as methods and field names must be. RFC 9110 5.6.2 */
export function isToken(text: string): boolean {
  return text !== '' && !NOT_TOKEN.test(text)
}

/**
 * Throws `LocalProtocolError` unless both may go on the wire. The message shows where it went wrong,
 * and never a value or what follows a name: either may be a secret.
 */
export function checkField(name: string, value: string): void {
  if (typeof name !== 'string' || name === '') {
    throw new LocalProtocolError('A header needs a name that is a non-empty string')
  }
  const inName = NOT_TOKEN.exec(name)
  if (inName) {
    const before = JSON.stringify(name.slice(0, Math.min(inName.index, 80)))
    throw new LocalProtocolError(
      `Header name ${before} is followed by ${JSON.stringify(inName[0])}, which no name may contain`,
    )
  }
  if (typeof value !== 'string') {
    throw new LocalProtocolError(
      `Header ${name} needs a value that is a string, not ${typeof value}`,
    )
  }
  const inValue = NOT_FIELD_VALUE.exec(value)
  if (inValue) {
    throw new LocalProtocolError(
      `Header ${name} has ${JSON.stringify(inValue[0])} at ${inValue.index}, which no value may contain`,
    )
  }
}

/** `text` from `start` to `end` without blanks around it. Not `trim`, which takes obs-text (A0) too. */
export function trimBlanks(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** Whether two names are the same field: ASCII case does not count, and nothing is allocated. */
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
