import { redactProxyUrl } from '../redaction.ts'
import { normalizeHost } from './host.ts'

/** The URLs that a key of `proxies` or `mounts` matches. Null means every scheme, host or port. */
export interface UrlPattern {
  readonly scheme: string | null
  readonly host: string | null
  /** The matcher for a `host` with `*`; null for a host without. */
  readonly wildcard: Wildcard | null
  readonly port: number | null
}

const KEY = /^(all|https?)(?::\/\/(?:(\[[^\]]*\]|[^[\]:/]+)(?::(\d{1,5}))?\/?)?)?$/i

/** Parses `scheme://host:port`, `scheme://host` or `scheme`. Returns null for anything else. */
export function parsePattern(key: string): UrlPattern | null {
  const [, givenScheme, givenHost, givenPort] = KEY.exec(key) ?? []
  if (givenScheme === undefined) return null
  const scheme = givenScheme.toLowerCase() === 'all' ? null : givenScheme.toLowerCase()
  const port = givenPort === undefined ? null : Number(givenPort)
  if (givenHost === undefined || (givenHost === '*' && port === null)) {
    return { scheme, host: null, wildcard: null, port: null }
  }
  const host = normalizeHost(givenHost)
  if (host === null || isMangled(host) || (port ?? 0) > 65_535) return null
  return { scheme, host, wildcard: host.includes('*') ? new Wildcard(host) : null, port }
}

/** Formats a key for an error message. Redacts it, because it may be a URL with a password. */
export function describeKey(label: string, key: string): string {
  return `${label}[${JSON.stringify(/[@?#]/.test(key) ? redactProxyUrl(key) : key)}]`
}

/**
 * Compares two patterns that have the same host, or wildcards. The more specific one sorts first.
 */
export function bySpecificity(a: UrlPattern, b: UrlPattern): number {
  return (
    (b.wildcard?.literalLength ?? 0) - (a.wildcard?.literalLength ?? 0) || weight(b) - weight(a)
  )
}

function weight({ scheme, port }: UrlPattern): number {
  return (scheme === null ? 0 : 2) + (port === null ? 0 : 1)
}

/** Whether a `*` is in a Punycode label, where it no longer stands for characters of the name. */
function isMangled(host: string): boolean {
  return host.split('.').some((label) => label.startsWith('xn--') && label.includes('*'))
}

/**
 * Matches hosts against a pattern with `*`. Each `*` stands for one or more characters, dots
 * included. A `*` at the start that no dot follows stands for any subdomain or none: `*a.test`
 * matches `a.test` and `b.a.test`, but not `ba.test`.
 */
class Wildcard {
  /** How many characters of the pattern are not `*`: a pattern with more is more specific. */
  readonly literalLength: number
  readonly #forms: readonly (readonly string[])[]

  /** @param pattern a host with `*`, as returned by `normalizeHost` */
  constructor(pattern: string) {
    const isDomain = /^\*[^.*]/.test(pattern)
    const forms = isDomain ? [pattern.slice(1), `*.${pattern.slice(1)}`] : [pattern]
    this.#forms = forms.map((form) => form.split('*'))
    this.literalLength = pattern.replaceAll('*', '').length
  }

  matches(host: string): boolean {
    return this.#forms.some((pieces) => matchesPieces(host, pieces))
  }
}

/**
 * Whether `host` consists of the pieces, in order, with at least one character between them.
 * Searches the first possible position of each piece, which leaves most characters for later
 * pieces.
 */
function matchesPieces(host: string, [first = '', ...others]: readonly string[]): boolean {
  const last = others.pop()
  if (last === undefined) return host === first
  if (!host.startsWith(first) || !host.endsWith(last)) return false
  let from = first.length
  for (const piece of others) {
    const at = host.indexOf(piece, from + 1)
    if (at < 0) return false
    from = at + piece.length
  }
  return from < host.length - last.length
}
