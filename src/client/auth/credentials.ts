import { kindOf } from '../../models/value-kind.ts'

/** Control characters are forbidden (RFC 7617 2), and UTF-8 cannot encode lone surrogates. */
const INVALID_CHARACTER = /[\0-\x1f\x7f]|\p{Surrogate}/u

/**
 * Throws `TypeError` unless user and password are strings without control characters, and the user
 * has no colon, which separates it from the password. The message contains neither of them.
 */
export function checkCredentials(scheme: string, user: string, password: string): void {
  for (const [label, text] of [
    ['user', user],
    ['password', password],
  ] as const) {
    if (typeof text !== 'string') {
      throw new TypeError(`The ${label} for ${scheme} must be a string, not ${kindOf(text)}`)
    }
    if (INVALID_CHARACTER.test(text)) {
      throw new TypeError(
        `The ${label} for ${scheme} must not contain control characters or lone surrogates`,
      )
    }
  }
  if (user.includes(':')) throw new TypeError(`The user for ${scheme} must not contain a colon`)
}
