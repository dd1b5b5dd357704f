/**
 * The URL, or null for what is none. Not by `URL.canParse`: once it is optimised, that of Node 20 and 22
 * takes latin1 for UTF-8, and allows what `new URL` throws at.
 */
export function parsedUrl(text: string, base?: string | URL): URL | null {
  try {
    return new URL(text, base)
  } catch {
    return null
  }
}
