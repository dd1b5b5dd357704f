import { createRequire } from 'node:module'

/** The parts of tough-cookie that Hawser uses. */
export type ToughCookie = Pick<
  typeof import('tough-cookie'),
  'Cookie' | 'CookieJar' | 'defaultPath' | 'getPublicSuffix'
>

let loaded: ToughCookie | null = null

/**
 * Returns the parts of tough-cookie that Hawser uses. Node.js takes this file, see `imports` in
 * package.json. The first call loads the package, which takes more than 10 ms. A repeated `require`
 * takes 15 us.
 */
export function toughCookie(): ToughCookie {
  loaded ??= createRequire(import.meta.url)('tough-cookie') as ToughCookie
  return loaded
}
