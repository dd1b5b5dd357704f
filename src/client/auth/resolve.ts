import { isUtf8 } from 'node:buffer'
import { InvalidURL, redactUrl } from '../../errors.ts'
import { percentDecode } from '../../models/url.ts'
import { kindOf } from '../../models/value-kind.ts'
import { Request } from '../request.ts'
import type { Auth, AuthInit } from './auth.ts'
import { BasicAuth } from './basic.ts'

/** What was given as `auth`, as an `Auth`; null for none. Throws `TypeError`, which shows no secret. */
export function resolveAuth(init: AuthInit): Auth | null {
  if (init === null || init === false) return null
  if (typeof init === 'function') return functionAuth(init)
  if (isPair(init)) return new BasicAuth(init[0], init[1])
  if (isAuth(init)) return init
  throw new TypeError(
    `auth must be [user, password], an object with authFlow(), a function, null or false, not ${shapeOf(init)}`,
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

/** Of a list the kinds of its items: a password may be among them. */
function shapeOf(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(kindOf).join(', ')}]` : kindOf(value)
}

/**
 * The credentials in a URL, percent-decoded; null if there are none. What is not UTF-8 then stays encoded.
 * Throws `InvalidURL` for what Basic cannot carry: `%3A` in the user, control characters.
 */
export function userinfoAuth(url: URL): BasicAuth | null {
  const { username, password } = url
  if (username === '' && password === '') return null
  try {
    return new BasicAuth(decode(username), decode(password))
  } catch (cause) {
    const why = cause instanceof TypeError ? cause.message : 'its userinfo is broken'
    throw new InvalidURL(`${redactUrl(url)} cannot be requested: ${why}`, { cause })
  }
}

function decode(userinfo: string): string {
  const bytes = percentDecode(userinfo)
  return isUtf8(bytes) ? bytes.toString() : userinfo
}
