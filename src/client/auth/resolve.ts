import { isUtf8 } from 'node:buffer'
import { InvalidURL, redactUrl } from '../../errors.ts'
import { percentDecode } from '../../models/url.ts'
import { kindOf } from '../../models/value-kind.ts'
import { Request } from '../request.ts'
import type { Auth, AuthInit } from './auth.ts'
import { BasicAuth } from './basic.ts'

/**
 * Converts the option `auth` into an `Auth`; null for none. Throws `TypeError`, whose message
 * contains no secret.
 */
export function resolveAuth(init: AuthInit): Auth | null {
  if (init === null || init === false) return null
  if (typeof init === 'function') return functionAuth(init)
  if (isPair(init)) return new BasicAuth(init[0], init[1])
  if (isAuth(init)) return init
  throw new TypeError(
    `auth must be [user, password], an object with authFlow(), a function, null or false, not ${describeKind(init)}`,
  )
}

function isPair(init: unknown): init is readonly [string, string] {
  return Array.isArray(init) && init.length === 2 && init.every((item) => typeof item === 'string')
}

function isAuth(init: unknown): init is Auth {
  return typeof init === 'object' && typeof (init as Auth).authFlow === 'function'
}

function functionAuth(sign: (request: Request) => Request | Promise<Request>): Auth {
  return {
    async *authFlow(request) {
      const signed = await sign(request)
      if (!(signed instanceof Request)) {
        throw new TypeError(`The auth function must return a Request, not ${kindOf(signed)}`)
      }
      yield signed
    },
  }
}

/** Describes only the types of the items of a list, because one may be a password. */
function describeKind(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(kindOf).join(', ')}]` : kindOf(value)
}

/**
 * Returns the percent-decoded credentials in a URL; null if there are none. Bytes that are not
 * UTF-8 stay encoded. Throws `InvalidURL` for characters that Basic authentication does not allow:
 * a colon (`%3A`) in the user, or control characters.
 */
export function userinfoAuth(url: URL): BasicAuth | null {
  const { username, password } = url
  if (username === '' && password === '') return null
  try {
    return new BasicAuth(decodeUserinfo(username), decodeUserinfo(password))
  } catch (cause) {
    const reason = cause instanceof TypeError ? cause.message : 'it cannot be decoded'
    throw new InvalidURL(`Invalid userinfo in ${redactUrl(url)}: ${reason}`, { cause })
  }
}

function decodeUserinfo(userinfo: string): string {
  const bytes = percentDecode(userinfo)
  return isUtf8(bytes) ? bytes.toString() : userinfo
}
