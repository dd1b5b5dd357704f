import { Cookie, CookieJar, defaultPath, getPublicSuffix } from 'tough-cookie'
import type { ToughCookie } from './tough-cookie-lazy.ts'

const loaded: ToughCookie = { Cookie, CookieJar, defaultPath, getPublicSuffix }

/**
 * Returns the parts of tough-cookie that Hawser uses. Bundlers and Jest take this file, so that
 * they find the package.
 */
export function toughCookie(): ToughCookie {
  return loaded
}
