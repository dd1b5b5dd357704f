import { kindOf } from '../../models/value-kind.ts'

/** RFC 7617 2 allows no CTL of RFC 5234, and UTF-8 has no lone surrogates. */
const REFUSED = /[\0-\x1f\x7f]|\p{Surrogate}/u

/**
 * Throws `TypeError` unless both are strings that HTTP authentication can carry: no control characters,
 * and no colon in the user, as it is where the password begins. The message shows neither of them.
 */
export function checkCredentials(scheme: string, user: string, password: string): void {
  for (const [label, text] of [
    ['user', user],
    ['password', password],
  ] as const) {
    if (typeof text !== 'string') {
      throw new TypeError(`${scheme} needs a ${label} that is a string, not ${kindOf(text)}`)
    }
    if (REFUSED.test(text)) {
      throw new TypeError(
        `${scheme} cannot carry a ${label} with a control character or a lone surrogate`,
      )
    }
  }
  if (user.includes(':')) throw new TypeError(`${scheme} cannot carry a user with a colon in it`)
}
