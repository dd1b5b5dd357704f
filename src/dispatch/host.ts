import { parseUrlOrNull } from '../models/url.ts'

/**
 * Normalizes a host as the WHATWG URL parser does: lower case, IDNA, one notation for addresses,
 * IPv6 in brackets. Also removes final dots, because a name with and without them is the same host.
 *
 * @returns null if `text` is not a host
 */
export function normalizeHost(text: string): string | null {
  // The URL parser would end the host at these characters, or drop them.
  if (/[\s/?#@\\]/.test(text)) return null
  const url = parseUrlOrNull(`http://${text}`)
  return url && (hostOf(url) || null)
}

/** The host of a URL, in the form that `normalizeHost` returns. */
export function hostOf(url: URL): string {
  return withoutFinalDots(url.hostname)
}

/** The port of a URL; the default port of its scheme if the URL has none. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

export function withoutFinalDots(host: string): string {
  let end = host.length
  while (end > 0 && host[end - 1] === '.') end--
  return host.slice(0, end)
}
