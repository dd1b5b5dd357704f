import { parseUrlOrNull } from '../models/url.ts'

/**
 * The host as WHATWG writes it: lower case, IDNA, addresses in one notation, IPv6 in brackets; and
 * without final dots, which name the same host. Null for what is no host.
 */
export function normalizeHost(text: string): string | null {
  // WHATWG would end the host there, or leave them out.
  if (/[\s/?#@\\]/.test(text)) return null
  const url = parseUrlOrNull(`http://${text}`)
  return url && (hostOf(url) || null)
}

/** As `normalizeHost` has it. */
export function hostOf(url: URL): string {
  return withoutFinalDots(url.hostname)
}

/** The scheme's own where the URL has none. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

export function withoutFinalDots(host: string): string {
  let end = host.length
  while (end > 0 && host[end - 1] === '.') end--
  return host.slice(0, end)
}
