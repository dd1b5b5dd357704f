import { InvalidURL, redactUrl } from '../../errors.ts'
import { BasicAuth } from './basic.ts'

/**
 * The credentials in a URL, percent-decoded; null if there are none. Percent signs that encode no UTF-8
 * stay as they are. Throws `InvalidURL` for what Basic cannot carry: `%3A` in the user, control characters.
 */
export function userinfoAuth(url: URL): BasicAuth | null {
  const { username, password } = url
  if (username === '' && password === '') return null
  try {
    return new BasicAuth(percentDecode(username), percentDecode(password))
  } catch (cause) {
    const why = cause instanceof TypeError ? cause.message : 'its userinfo is broken'
    throw new InvalidURL(`${redactUrl(url)} cannot be requested: ${why}`, { cause })
  }
}

/** Each run of percent-encoded bytes, unless it is no UTF-8. */
function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run)
    } catch {
      return run
    }
  })
}
