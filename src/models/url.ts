/** What the URL parser drops in silence (WHATWG URL 4.4), and NUL: nobody gives them on purpose. */
export const NOT_IN_URL: RegExp = /[\r\n\t\0]/

/**
 * The URL, or null for what is none. Not by `URL.canParse`: once it is optimised, that of Node 20 and 22
 * takes latin1 for UTF-8, and allows what `new URL` throws at. Its error, which shows the whole URL with
 * its password, is dropped.
 */
export function parsedUrl(given: string | URL, base?: string | URL): URL | null {
  try {
    return new URL(given, base)
  } catch {
    return null
  }
}

/** The bytes that userinfo of a `URL` stands for. Percent signs that encode nothing stay as they are. */
export function percentDecode(userinfo: string): Buffer {
  const bytes = userinfo.replace(/%([\da-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1') // the URL parser has left nothing but ASCII
}
